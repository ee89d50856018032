"""The map as a person meets it: sign in, see the town, ask about a grid, report an incident, see it appear."""

import re

import pyotp
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from gridsvc.core.db import open_engine
from tests.browser.conftest import FACTOR, Site
from tests.conftest import early_in_a_step
from tests.town import PASSWORD

pytestmark = pytest.mark.browser
INSIDE = (118.7790, 32.0455)


def sign_in(page: Page, name: str = "dispatcher") -> None:
    page.goto("/")
    page.fill("#username", name)
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_function("() => window.gridsvc")
    page.evaluate("() => window.gridsvc.ready")
    page.evaluate("() => window.gridsvc.settled()")


def rendered(page: Page, layer: str) -> int:
    return int(page.evaluate("layer => window.gridsvc.rendered(layer)", layer))


def look_at(page: Page, lon: float, lat: float, zoom: float) -> None:
    page.evaluate(
        """([lon, lat, zoom]) => {
            const view = window.gridsvc.map.getView();
            const x = lon * 20037508.342789244 / 180;
            const y = Math.log(Math.tan((90 + lat) * Math.PI / 360)) / Math.PI * 20037508.342789244;
            view.setCenter([x, y]);
            view.setZoom(zoom);
        }""",
        [lon, lat, zoom],
    )
    page.evaluate("() => window.gridsvc.settled()")


def click_map(page: Page, lon: float, lat: float) -> None:
    x, y = page.evaluate("([lon, lat]) => window.gridsvc.pixel(lon, lat)", [lon, lat])
    page.mouse.click(x, y)


def colours(page: Page) -> int:
    """Count the different colours that are really on the map's pixels."""
    return int(
        page.evaluate(
            """() => {
                const seen = new Set();
                for (const canvas of document.querySelectorAll(".ol-viewport canvas")) {
                    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
                    for (let i = 0; i < pixels.length; i += 4 * 7)
                        if (pixels[i + 3]) seen.add((pixels[i] << 16) | (pixels[i + 1] << 8) | pixels[i + 2]);
                }
                return seen.size;
            }"""
        )
    )


def test_a_wrong_password_is_told_in_the_readers_language(page: Page) -> None:
    page.goto("/")
    page.fill("#username", "dispatcher")
    page.fill("#password", "wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("用户名或密码不对。")


def test_a_second_factor_is_asked_for_when_only_it_is_missing(page: Page) -> None:
    page.goto("/")
    page.fill("#username", "guarded")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#code")).to_be_focused(timeout=20_000)
    page.keyboard.type("000000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("密码或验证码不对，或验证码已用过。", timeout=20_000)
    early_in_a_step()
    page.fill("#code", pyotp.TOTP(FACTOR).now())
    page.keyboard.press("Enter")
    expect(page.locator("#code")).to_have_count(0, timeout=20_000)
    expect(page.locator("canvas").first).to_be_visible()


def test_the_town_is_drawn(page: Page) -> None:
    sign_in(page)
    assert rendered(page, "grids") >= 25
    assert rendered(page, "communities") >= 4
    assert rendered(page, "incidents") >= 30
    assert colours(page) > 20
    look_at(page, *INSIDE, 16)
    assert rendered(page, "buildings") >= 50
    assert rendered(page, "streets") >= 10
    assert rendered(page, "routes") >= 1


def test_a_layer_that_is_switched_off_is_gone(page: Page) -> None:
    sign_in(page)
    look_at(page, *INSIDE, 16)
    assert rendered(page, "buildings") >= 50
    page.locator("[name=layer-buildings]").uncheck()
    page.evaluate("() => window.gridsvc.settled()")
    assert rendered(page, "buildings") == 0


def test_a_click_on_a_grid_tells_who_answers_for_it(page: Page) -> None:
    sign_in(page)
    # Only the grids are left to be clicked on.
    for layer in ("buildings", "streets", "routes", "assets", "incidents"):
        page.locator(f"[name=layer-{layer}]").uncheck()
    look_at(page, *INSIDE, 16)
    click_map(page, *INSIDE)
    panel = page.locator("aside")
    expect(panel).to_contain_text(re.compile(r"\d{15}"))
    expect(panel).to_contain_text("（示例）")


def test_a_report_appears_on_the_map_and_in_the_database(page: Page, site: Site) -> None:
    sign_in(page)
    look_at(page, *INSIDE, 17)
    before = rendered(page, "incidents")
    page.get_by_role("button", name="报告事件").click()
    click_map(page, *INSIDE)
    page.locator("#report-text").wait_for()
    page.locator("#report-class").select_option("asset:01037")
    page.locator("#report-condition").select_option(index=1)
    page.fill("#report-text", "路灯不亮 <b>夜里很黑</b>")
    page.locator("form button[type=submit]").click()
    expect(page.locator(".status")).to_contain_text(re.compile(r"\d{8}-\d{6}"))
    page.evaluate("() => window.gridsvc.settled()")
    assert rendered(page, "incidents") == before + 1
    # What a person typed is text, whatever it looks like.
    expect(page.locator("aside")).to_contain_text("路灯不亮 <b>夜里很黑</b>")
    engine = open_engine(site.database_url)
    with engine.connect() as connection:
        row = connection.execute(
            text(
                "select status, grid is not null, responsible is not null, text from incident order by id desc limit 1"
            )
        ).one()
    engine.dispose()
    assert row == ("reported", True, True, "路灯不亮 <b>夜里很黑</b>")


def test_a_viewer_is_not_offered_what_a_viewer_may_not_do(page: Page) -> None:
    sign_in(page, "viewer")
    assert page.get_by_role("button", name="报告事件").count() == 0


def test_the_whole_page_speaks_english_too(page: Page) -> None:
    sign_in(page)
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("button", name="Report", exact=True)).to_be_visible()
    interface = page.locator("header").inner_text()
    assert not re.search(r"[一-鿿]", interface.replace("中文", "")), interface


def test_a_lost_connection_is_told_and_the_map_comes_back(page: Page) -> None:
    sign_in(page)
    page.context.set_offline(True)
    look_at(page, 118.7905, 32.0405, 18)
    bar = page.get_by_role("alert").first
    expect(bar).to_be_visible()
    page.context.set_offline(False)
    # The page asks again by itself; the button in the bar is for the impatient.
    expect(bar).to_be_hidden(timeout=30_000)


def test_the_documentation_is_drawn_without_another_host(page: Page) -> None:
    page.goto("/docs")
    expect(page.get_by_text("/api/v1/locate").first).to_be_visible()
