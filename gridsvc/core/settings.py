"""Settings: environment variables `GRIDSVC_*` in, one checked, frozen object out."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What an office may set; every field is also an environment variable with the prefix `GRIDSVC_`."""

    model_config = SettingsConfigDict(env_prefix="GRIDSVC_", frozen=True, extra="ignore")

    home: Path = Field(Path(".gridsvc"), description="Folder of the own PostGIS, the accounts file and the logs")
    database_url: SecretStr | None = Field(
        None, description="A PostgreSQL URL with PostGIS; when set, the service starts no PostGIS of its own"
    )
    app_database_url: SecretStr | None = Field(
        None, description="The same database as the role that serves: no owner, no DDL; else the role gridsvc_app"
    )
    host: str = Field("127.0.0.1", description="Address the API listens on")
    port: int = Field(8000, ge=0, le=65535, description="Port the API listens on; 0 takes a free one")
    timezone: str = Field("Asia/Shanghai", description="Time zone of the office: incident numbers and days follow it")
    language: str = Field("zh", pattern="^(zh|en)$", description="Language of pages made on the command line")
    fallback_queue: str = Field(
        "fallback", min_length=1, description="Name of the queue that receives what lies outside every community"
    )
    duplicate_days: int = Field(
        7, ge=0, description="How many days back an open report nearby is looked for as the same thing"
    )
    intake_minutes: int = Field(15, ge=1, description="Clock of the stage until a report is filed, in minutes")
    dispatch_minutes: int = Field(15, ge=1, description="Clock of the stage until it is dispatched, in minutes")
    check_minutes: int = Field(30, ge=1, description="Clock of the stage until a mending is checked, in minutes")
    warn_minutes: int = Field(60, ge=1, description="How long before it falls due an incident is warned of, in minutes")
    escalation: str = Field(
        "0:dispatcher,supervisor;1440:admin",
        description="Who is told of what is overdue: MINUTES:role,role;… after the due date",
    )
    most_returns: int = Field(
        3, ge=1, description="After how many returns an incident goes to the territory's own queue"
    )
    territory_queue: str = Field(
        "territory",
        min_length=1,
        description="Name of the queue of the territory itself, which takes what was returned too often",
    )
    pool_size: int = Field(8, ge=1, le=64, description="Connections of each of the two database pools")
    statement_timeout_s: int = Field(30, ge=1, description="Longest a statement of the API may run, in seconds")
    session_hours: int = Field(12, ge=1, le=168, description="How long a sign-in on a page lasts, in hours, at most")
    security_profile: Literal["asvs", "dengbao3"] = Field(
        "asvs", description="Rules for passwords, sign-ins and lock-out: asvs (OWASP) or dengbao3 (等保三级)"
    )
    second_factor: Literal["optional", "required", "everybody"] = Field(
        "optional", description="Who must have a second factor (TOTP): nobody, admins and planners, or everybody"
    )
    open311_key_in_address: bool = Field(
        default=False,
        description="Whether Open311 takes its api_key in the address too, where logs and histories keep it",
    )
    oidc_issuer: str | None = Field(
        None, description="Address of the office's issuer of identities (OpenID Connect); none: passwords alone"
    )
    oidc_client_id: str = Field("", description="What this service is called at the issuer")
    oidc_client_secret: SecretStr | None = Field(None, description="Secret of this service at the issuer, if any")
    oidc_client_secret_file: Path | None = Field(None, description="File with that secret, instead of the secret")
    oidc_label: str = Field("SSO", min_length=1, max_length=60, description="Name of the issuer on the sign-in page")
    secret_key: SecretStr | None = Field(
        None, description="Key that seals second factors and contacts, 32 bytes in base64; else the home's secret.key"
    )
    allowed_hosts: str = Field(
        "", description="Names this service is called by, with commas; a request by another name is refused; none: any"
    )
    trusted_proxies: str = Field(
        "", description="Addresses of proxies, with commas, whose X-Forwarded-For and -Proto are believed"
    )
    rate_reads: int = Field(6000, ge=0, description="Readings a minute an account may do; 0: any number")
    rate_writes: int = Field(1200, ge=0, description="Changes a minute an account may do; 0: any number")
    rate_strangers: int = Field(
        600, ge=0, description="Requests a minute from an address without a known token or sign-in; 0: any number"
    )
    rate_sign_ins: int = Field(30, ge=0, description="Tries to sign in a minute from an address; 0: any number")
    upload_mb: int = Field(512, ge=1, le=10_000, description="Largest file that may be sent for an import, in MB")
    webhook_hosts: str = Field("", description="Hosts that may be told by webhooks, with commas; none: nothing is sent")
    photo_mb: int = Field(20, ge=1, le=200, description="Largest photo that may be sent, in MB")
    photo_dir: Path | None = Field(None, description="Folder photos are kept in; else photos in the home")
    contact_days: int = Field(
        180, ge=1, le=365, description="How long the contact of a report is kept after its close, in days"
    )
    sign_in_days: int = Field(
        30,
        ge=1,
        le=180,
        description="How long sign-ins and tokens that ran out, and failed sign-ins, are kept, in days",
    )
    idempotency_days: int = Field(
        30, ge=1, le=90, description="How long a write can be sent again with its Idempotency-Key, in days"
    )
    delivery_days: int = Field(
        30, ge=1, le=180, description="How long it is kept what a webhook was told, in days after that"
    )
    worker_jobs: int = Field(2, ge=1, le=32, description="Jobs a worker does at a time")
    job_days: int = Field(30, ge=1, le=365, description="How long an ended job can be looked at, in days")
    tile_cache_mb: int = Field(64, ge=0, le=65536, description="Memory a server process keeps tiles in, in megabytes")
    tile_features_mb: int = Field(
        64, ge=0, le=65536, description="Memory a server process holds drawn features in to make tiles of, in megabytes"
    )
    tile_cache_dir: Path | None = Field(
        None, description="Folder to keep tiles in as well, so that a restart finds them; none when not set"
    )
    tile_cache_dir_mb: int = Field(1024, ge=1, description="Most the folder of tiles may hold, in megabytes")


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Read the settings once per process."""
    return Settings()


def use_home(home: Path) -> Settings:
    """Let this process work in another home than the one that is set; answer the settings as they are then."""
    os.environ["GRIDSVC_HOME"] = str(home)
    settings.cache_clear()
    return settings()


def shipped_data() -> Path:
    """Find the folder `data/` that the product ships: beside the package in a wheel, above it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "data"
    return inside if inside.is_dir() else package.parent / "data"
