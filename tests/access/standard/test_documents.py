"""What the standard wants written down is written down, and true."""

import re
from importlib.metadata import distributions
from pathlib import Path

from gridsvc.access.permissions import EVERYBODY, PERMISSIONS, ROLES
from gridsvc.access.proof import passwords
from gridsvc.access.proof.secrets import password_hash
from gridsvc.app.edge.headers import ONLY_TLS
from gridsvc.app.main import create_app
from gridsvc.core import sealing
from gridsvc.core.db import Database
from gridsvc.core.settings import Settings
from gridsvc.exchange.formats.osm import FORMATS as OSM_FORMATS
from gridsvc.exchange.formats.reading import TABLE_FORMATS, VECTOR_FORMATS
from tests.conftest import Service

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text("utf-8")
OWN = {"gridsvc"}
# What installs packages, and the test runner's own ways to find them.
TOOLS = {"pip", "setuptools", "wheel"}


def name_of(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def test_words_that_no_password_may_be_are_written_down() -> None:
    for word in passwords.WORDS_OF_THE_PLACE:
        assert f"`{word}`" in README, word


def test_how_many_sign_ins_one_may_have_is_written_down() -> None:
    assert "as many sign-ins as one likes" in README


def test_the_inventory_of_cryptography_is_written_down_and_true() -> None:
    inventory = README[README.index("**Cryptography.**") :].split("\n\n")[0]
    assert f"AES-{sealing.KEY_BYTES * 8}-GCM" in inventory
    assert password_hash("x").startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert "argon2id (64 MiB, 3 passes, 4 lanes)" in inventory
    for part in ("SHA-256", "HMAC-SHA-256", "TOTP (HMAC-SHA-1", "RS256", "`secret.key`"):
        assert part in inventory, part


def test_every_package_that_is_installed_is_in_the_pinned_list() -> None:
    pinned = {
        name_of(line.partition("==")[0]) for line in (ROOT / "docker" / "constraints.txt").read_text().splitlines()
    }
    installed = {name_of(one.metadata["Name"]) for one in distributions()}
    assert len(installed) > 50
    assert installed - pinned - OWN - TOOLS == set()


def test_a_browser_that_came_by_tls_stays_there_with_all_names_below(service: Service) -> None:
    assert ONLY_TLS == "max-age=31536000; includeSubDomains"
    plain = service.client.get("/healthz")
    assert "strict-transport-security" not in plain.headers
    safe = service.client.get("https://testserver/healthz")
    assert safe.headers["strict-transport-security"] == ONLY_TLS


def test_nothing_of_tests_or_building_is_in_the_application() -> None:
    application = create_app(Database.at("postgresql://nobody@localhost/nothing", Settings()), Settings(), web=False)
    paths = application.openapi()["paths"]
    assert len(paths) > 60
    assert not [path for path in paths if re.search(r"debug|test|metrics|admin/shell|console", path)]
    assert application.docs_url is None
    assert application.redoc_url is None
    assert not application.debug


def test_what_may_be_sent_is_written_down() -> None:
    for ending in (*TABLE_FORMATS, *VECTOR_FORMATS, *OSM_FORMATS):
        assert f"`{ending}`" in README, ending
    for setting in ("GRIDSVC_UPLOAD_MB", "GRIDSVC_PHOTO_MB"):
        assert setting in README
    for kind in ("JPEG", "PNG", "WebP"):
        assert kind in README, kind


def test_the_ways_in_are_written_down_together() -> None:
    ways = README[README.index("**Ways in.**") :].split("\n\n")[0]
    for way in (
        "password",
        "second factor",
        "issuer",
        "cookie",
        "Bearer",
        "Basic",
        "`api_key`",
        "lock-out",
        "GRIDSVC_RATE_SIGN_INS",
    ):
        assert way in ways, way


def test_who_may_do_what_is_written_down_as_it_is() -> None:
    rows = dict(re.findall(r"^\| `([a-z.]+)` \| (.+) \|$", README[README.index("| verb | roles |") :], re.MULTILINE))
    assert rows == {
        verb: "everybody" if roles == EVERYBODY else ", ".join(one for one in ROLES if one in roles)
        for verb, roles in PERMISSIONS.items()
    }


def test_whom_the_service_talks_to_is_written_down_and_nobody_else_is() -> None:
    told = README[README.index("**Whom it talks to.**") :].split("\n\n")[0]
    talking = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "gridsvc").rglob("*.py")
        if re.search(
            r"^\s*(?:import|from) (?:httpx2?|urllib\.request|http\.client|requests|aiohttp|smtplib|ftplib)\b",
            path.read_text("utf-8"),
            re.MULTILINE,
        )
    }
    assert talking
    assert [
        path for path in talking if not path.startswith(("gridsvc/access/issuer/", "gridsvc/incidents/hooks/"))
    ] == []
    for one in ("PostgreSQL", "issuer", "webhooks"):
        assert one in told
