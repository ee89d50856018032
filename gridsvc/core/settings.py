"""Settings: environment variables `GRIDSVC_*` in, one checked, frozen object out."""

from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What an office may set; every field is also an environment variable with the prefix `GRIDSVC_`."""

    model_config = SettingsConfigDict(env_prefix="GRIDSVC_", frozen=True, extra="ignore")

    home: Path = Field(Path(".gridsvc"), description="Folder of the own PostGIS, the accounts file and the logs")
    database_url: SecretStr | None = Field(
        None, description="A PostgreSQL URL with PostGIS; when set, the service starts no PostGIS of its own"
    )
    host: str = Field("127.0.0.1", description="Address the API listens on")
    port: int = Field(8000, ge=0, le=65535, description="Port the API listens on; 0 takes a free one")
    timezone: str = Field("Asia/Shanghai", description="Time zone of the office: incident numbers and days follow it")
    language: str = Field("zh", pattern="^(zh|en)$", description="Language of pages made on the command line")
    fallback_queue: str = Field(
        "fallback", min_length=1, description="Name of the queue that receives what lies outside every community"
    )
    pool_size: int = Field(8, ge=1, le=64, description="Connections of each of the two database pools")
    statement_timeout_s: int = Field(30, ge=1, description="Longest a statement of the API may run, in seconds")
    session_hours: int = Field(12, ge=1, le=168, description="How long a sign-in on a page lasts, in hours")


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Read the settings once per process."""
    return Settings()


def shipped_data() -> Path:
    """Find the folder `data/` that the product ships: beside the package in a wheel, above it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "data"
    return inside if inside.is_dir() else package.parent / "data"
