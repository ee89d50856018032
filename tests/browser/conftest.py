"""The whole service on a port of loopback with the sample town, and a real Chromium in front of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request
from sqlalchemy import func

from gridsvc.access.accounts import add_account
from gridsvc.app.demo import load_town
from gridsvc.app.main import create_app
from gridsvc.app.pages import BUILT
from gridsvc.core.db import Database, open_engine, transaction
from gridsvc.core.sealing import seal
from gridsvc.core.settings import Settings
from tests import loopback
from tests.conftest import copy_database
from tests.town import PASSWORD

FACTOR = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
"""The secret of the second factor of the account `guarded`."""

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Site:
    """Where the service listens, and its database."""

    address: str
    database_url: str


@contextmanager
def serving(url: str) -> Iterator[Site]:
    """Serve a database, pages and all."""
    with loopback.serving(create_app(Database.at(url, Settings()), Settings())) as address:
        yield Site(address, url)


@pytest.fixture(scope="session")
def site(empty_url: str) -> Iterator[Site]:
    """Serve a copy of the sample town, as `gridsvc up` does."""
    assert (BUILT / "index.html").is_file(), "the pages are not built: run `make setup`"
    url = copy_database(empty_url)
    engine = open_engine(url)
    with transaction(engine) as session:
        load_town(session, Settings())
        for role in ("dispatcher", "viewer"):
            add_account(session, role, role, PASSWORD, actor="test")
        add_account(session, "manager", "admin", PASSWORD, actor="test")
        # Somebody whose second factor the tests know.
        guarded = add_account(session, "guarded", "viewer", PASSWORD, actor="test")
        guarded.totp_secret = seal(FACTOR.encode(), f"account:{guarded.id} second factor")
        guarded.totp_confirmed_at = func.now()
    engine.dispose()
    with serving(url) as site:
        yield site


@pytest.fixture
def visitor(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    """Open a fresh browser profile that fails the test when a page asks anything of another host."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=site.address, locale="zh-CN")
    strays: list[str] = []

    def watch(request: Request) -> None:
        if not request.url.startswith((site.address, "data:", "blob:")):
            strays.append(request.url)

    context.on("request", watch)
    yield context
    context.close()
    assert strays == []


# The browser itself reports these: the first question who is signed in, and a network that a test has cut.
EXPECTED = ("status of 401", "ERR_INTERNET_DISCONNECTED")


@pytest.fixture
def page(visitor: BrowserContext) -> Iterator[Page]:
    """Open a page that fails the test on any error of its own."""
    page = visitor.new_page()
    faults: list[str] = []

    def listen(said: ConsoleMessage) -> None:
        if said.type == "error" and not any(word in said.text for word in EXPECTED):
            faults.append(said.text)

    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", listen)
    yield page
    assert faults == []
