"""The sample town with payloads for words, and browsers that note what ran."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response

from gridsvc.access.accounts import add_account
from gridsvc.access.credentials import issue_token
from gridsvc.app.demo import load_town
from gridsvc.core.db import open_engine, transaction
from gridsvc.core.settings import Settings
from tests.browser.conftest import Site, serving
from tests.browser.xss.ground import poison
from tests.browser.xss.payloads import PAYLOADS
from tests.conftest import copy_database
from tests.town import PASSWORD

TRAP = "for (const name of ['alert', 'confirm', 'prompt']) window[name] = number => { top.fired(number); }"
UNSAFE = "() => [...document.querySelectorAll('*')].flatMap(one => [...one.attributes]).filter(a => /alert\\(/.test(a.value) && (/^on|^srcdoc$/i.test(a.name) || /^\\s*j\\s*a\\s*v\\s*a\\s*s/i.test(a.value) && /href|src|action|data/i.test(a.name))).map(a => a.name + '=' + a.value)"
"""Handlers and addresses that would run once they were used."""


@pytest.fixture(scope="session")
def poisoned(empty_url: str) -> Iterator[Site]:
    """Serve the sample town with payloads for words."""
    url = copy_database(empty_url)
    engine = open_engine(url)
    with transaction(engine) as session:
        load_town(session, Settings())
        manager = add_account(session, "manager", "admin", PASSWORD, actor="test")
        for number in range(len(PAYLOADS)):
            issue_token(session, manager, f"token {number}", actor="test")
            add_account(session, f"other{number}", "viewer", PASSWORD, actor="test") if number < 3 else None
    poison(engine)
    engine.dispose()
    with serving(url) as site:
        yield site


class Watch:
    """A browser profile that notes which payloads ran."""

    def __init__(self, browser: Browser, *, bypass: bool, address: str | None = None) -> None:
        self.context: BrowserContext = browser.new_context(
            bypass_csp=bypass, base_url=address, user_agent=PAYLOADS[5], viewport={"width": 1280, "height": 800}
        )
        self.fired: set[int] = set()
        self.context.expose_function("fired", self.note)
        self.context.add_init_script(TRAP)
        self.page: Page = self.context.new_page()

    def note(self, number: int) -> None:
        """Note which payload ran."""
        self.fired.add(number)

    def visit(self, address: str) -> Response | None:
        """Open a page and look for what ran, or would."""
        answer = self.page.goto(address)
        self.look(address)
        return answer

    def look(self, where: str) -> None:
        assert self.page.evaluate(UNSAFE) == [], where
        assert self.fired == set(), where


@pytest.fixture(params=[False, True], ids=["policy", "no-policy"])
def watch(request: pytest.FixtureRequest, browser: Browser, poisoned: Site) -> Iterator[Watch]:
    """Open a profile of the administrator."""
    watch = Watch(browser, bypass=request.param, address=poisoned.address)
    signed = watch.context.request.post("/api/v1/session", data={"username": "manager", "password": PASSWORD})
    assert signed.ok, signed.text()
    yield watch
    watch.page.wait_for_timeout(300)
    assert watch.fired == set()
    watch.context.close()
