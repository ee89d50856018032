"""What people typed never runs: every payload in every field, before every page, with and without the policy of content."""

import itertools
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser

from gridsvc.app.drawing import read_town
from gridsvc.cartography.overview import draw_overview
from gridsvc.core.db import open_engine
from tests.browser.conftest import Site
from tests.browser.test_map import INSIDE, look_at
from tests.browser.xss.conftest import Watch
from tests.browser.xss.ground import filled, is_left_out, spoken
from tests.browser.xss.payloads import PAYLOADS

pytestmark = pytest.mark.browser
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


def test_one_thing_of_each_kind_on_its_own_page_in_both_languages(watch: Watch) -> None:
    for name in (*COLLECTIONS, "divisions"):
        answer = watch.context.request.get(f"/ogc/collections/{name}/items?f=json&limit=3")
        assert answer.ok, name
        things = answer.json()["features"]
        assert things, name
        for thing in things:
            for language in ("zh", "en"):
                watch.page.set_extra_http_headers({"Accept-Language": language})
                shown = watch.visit(f"/ogc/collections/{name}/items/{thing['id']}?f=html")
                assert shown, name
                assert shown.ok, name
                assert "alert(" in watch.page.locator("body").inner_text(), name


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
