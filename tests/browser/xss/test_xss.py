"""What people typed never runs: every payload in every field, before every page, with and without the policy of content."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response

from gridsvc.access.accounts import add_account
from gridsvc.access.credentials import issue_token
from gridsvc.app.demo import load_town
from gridsvc.app.drawing import read_town
from gridsvc.cartography.overview import draw_overview
from gridsvc.core.db import open_engine, transaction
from gridsvc.core.settings import Settings
from tests.browser.conftest import Site, serving
from tests.browser.test_map import INSIDE, look_at
from tests.browser.xss.ground import filled, is_left_out, poison, spoken
from tests.browser.xss.payloads import PAYLOADS
from tests.conftest import copy_database
from tests.town import PASSWORD

pytestmark = pytest.mark.browser
TRAP = "for (const name of ['alert', 'confirm', 'prompt']) window[name] = number => { top.fired(number); }"
UNSAFE = "() => [...document.querySelectorAll('*')].flatMap(one => [...one.attributes]).filter(a => /alert\\(/.test(a.value) && (/^on|^srcdoc$/i.test(a.name) || /^\\s*j\\s*a\\s*v\\s*a\\s*s/i.test(a.value) && /href|src|action|data/i.test(a.name))).map(a => a.name + '=' + a.value)"
"""Handlers and addresses that would run once they were used."""
COLLECTIONS = ("buildings", "communities", "grids", "streets", "incidents", "routes", "assets")
DIRECT = (
    "incidents",
    "buildings",
    "streets",
    "grids",
    "communities",
    "divisions",
    "routes",
    "workers",
    "assets",
    "accounts",
)


@pytest.fixture(scope="module")
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


def test_there_are_forty_payloads_and_no_field_is_forgotten() -> None:
    assert len(set(PAYLOADS)) == 40
    assert {column for column in spoken() - filled() if not is_left_out(column)} == set()


def test_the_trap_is_sprung_by_a_page_that_does_not_escape(browser: Browser) -> None:
    watch = Watch(browser, bypass=True)
    for payload in PAYLOADS:
        page = f"<body><div>{payload}</div><i title='{payload}'></i><script>const a = \"{payload}\";</script>"
        watch.page.goto("about:blank")
        watch.page.set_content(page)
        watch.page.wait_for_timeout(50)
    watch.context.close()
    assert len(watch.fired) >= 25, sorted(watch.fired)


def test_the_map_its_panel_and_its_search(watch: Watch) -> None:
    page = watch.page
    watch.visit("/")
    page.wait_for_function("() => window.gridsvc")
    page.evaluate("() => window.gridsvc.ready")
    look_at(page, *INSIDE, 17)
    told = set()
    for x, y in itertools.product(range(100, 800, 100), range(150, 700, 100)):
        page.mouse.click(x, y)
        page.wait_for_timeout(60)
        told.add(page.locator("aside").first.inner_text())
    watch.look("the panel")
    assert any("alert(" in words for words in told)
    for words in ("onerror", "script", "javascript", "alert"):
        page.get_by_role("combobox").first.fill(words)
        page.wait_for_timeout(500)
        watch.look("the search")


def test_the_account_page(watch: Watch) -> None:
    watch.visit("/account")
    watch.page.locator("#new-name").wait_for()
    watch.page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true; })")
    watch.page.wait_for_timeout(300)
    watch.look("/account")
    assert "alert(" in watch.page.locator("main").inner_text()


def test_the_pages_of_ogc(watch: Watch) -> None:
    watch.visit("/ogc/?f=html")
    watch.visit("/ogc/collections?f=html")
    seen = 0
    for name in COLLECTIONS:
        for rest in ("", "/queryables", "/items"):
            watch.visit(f"/ogc/collections/{name}{rest}?f=html&limit=200")
            watch.page.wait_for_timeout(100)
            seen += "alert(" in watch.page.locator("body").inner_text()
    assert seen >= 4
    for payload in PAYLOADS:
        said = quote(payload, safe="")
        for asked in (
            f"items?f=html&{said}={said}",
            f"items?f=html&filter={said}",
            f"items?f=html&bbox={said}",
            f"{said}?f=html",
        ):
            watch.visit(f"/ogc/collections/buildings/{asked}")


def test_answers_that_are_opened_as_they_are(watch: Watch) -> None:
    for address in [f"/api/v1/{name}?limit=100" for name in DIRECT] + [
        "/open311/v2/requests.xml",
        "/open311/v2/services.xml",
    ]:
        answer = watch.visit(address)
        assert answer
        assert answer.ok, address
        assert "html" not in answer.headers["content-type"], address
        assert answer.headers["x-content-type-options"] == "nosniff", address


@pytest.mark.parametrize("bypass", [False, True], ids=["policy", "no-policy"])
def test_the_drawn_page(browser: Browser, poisoned: Site, tmp_path: Path, *, bypass: bool) -> None:
    engine = open_engine(poisoned.database_url)
    drawn = tmp_path / "town.html"
    drawn.write_text(draw_overview(read_town(engine, PAYLOADS[2], "Asia/Shanghai"), "zh"))
    engine.dispose()
    watch = Watch(browser, bypass=bypass)
    watch.visit(drawn.as_uri())
    for x, y in itertools.product(range(350, 1000, 100), range(150, 750, 100)):
        watch.page.mouse.click(x, y)
        watch.page.wait_for_timeout(30)
    watch.look("the drawn page")
    watch.context.close()
