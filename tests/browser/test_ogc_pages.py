"""The pages of `/ogc` in a real browser: the map, both languages, the keyboard, nothing found, and what is refused."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Site
from tests.town import PASSWORD

ITEMS = "/ogc/collections/buildings/items"


@pytest.fixture
def reader(visitor: BrowserContext, page: Page) -> Page:
    """Open a page of somebody who is signed in."""
    signed = visitor.request.post("/api/v1/session", data={"username": "viewer", "password": PASSWORD})
    assert signed.ok, signed.text()
    return page


def test_the_link_to_what_the_map_shows_leads_to_fewer_features(reader: Page, site: Site) -> None:
    reader.goto(f"{site.address}{ITEMS}?f=html&lang=zh&limit=1000")
    expect(reader.locator("#map")).to_have_attribute("data-drawn", "1000")
    # By the keyboard alone: in twice, and on.
    reader.locator("#map").focus()
    before = reader.locator("#in-view").get_attribute("href")
    for _ in range(8):
        reader.keyboard.press("+")
        reader.wait_for_timeout(300)
    assert reader.locator("#in-view").get_attribute("href") != before
    reader.locator("#in-view").focus()
    reader.keyboard.press("Enter")
    reader.wait_for_url("**bbox=**")
    shown = reader.locator("tbody tr").count()
    assert 0 < shown < 1000
    assert reader.locator("html").get_attribute("lang") == "zh-CN"


def test_a_feature_tells_its_facts_in_the_reader_s_words(reader: Page, site: Site) -> None:
    reader.goto(f"{site.address}{ITEMS}/w187714512?f=html&lang=zh")
    expect(reader.locator("#map")).to_have_attribute("data-drawn", "1")
    box = reader.locator("#map").bounding_box()
    assert box
    reader.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(reader.locator(".leaflet-popup")).to_contain_text("楼栋名称")
    expect(reader.locator(".leaflet-popup")).to_contain_text("德基广场二期")


def test_the_other_language_is_of_the_same_page(reader: Page, site: Site) -> None:
    reader.goto(f"{site.address}{ITEMS}?f=html&limit=5")
    reader.get_by_role("link", name="English").click()
    expect(reader.locator("html")).to_have_attribute("lang", "en")
    assert "limit=5" in reader.url
    reader.get_by_role("link", name="Collections", exact=True).click()
    expect(reader.locator("html")).to_have_attribute("lang", "en")


def test_nothing_found_is_said_and_leads_on(reader: Page, site: Site) -> None:
    reader.goto(f"{site.address}{ITEMS}?f=html&lang=en&bbox=0,0,1,1")
    expect(reader.get_by_role("status")).to_contain_text("Nothing here.")
    assert reader.locator("#map").count() == 0
    reader.get_by_role("link", name="See all features").click()
    expect(reader.locator("#map")).to_have_attribute("data-drawn", "100")


def test_what_is_refused_is_told_as_a_page_and_by_its_status(visitor: BrowserContext, reader: Page) -> None:
    # The reader is signed in, in the same profile.
    assert reader.context is visitor
    for path, status, sentence in (
        (f"{ITEMS}?f=html&bbox=9,0,1", 400, "范围须为四个数"),
        (f"{ITEMS}?f=html&lang=en&bbox=9,0,1", 400, "A box has four numbers"),
        ("/ogc/collections/nothing?f=html", 404, "nothing"),
        (f"{ITEMS}?f=pdf", 400, "f 须为"),
    ):
        answer = visitor.request.get(path, headers={"Accept": "text/html"})
        assert (answer.status, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert "<main" in answer.text()
        assert sentence in answer.text()
    plain = visitor.request.get(f"{ITEMS}?bbox=9,0,1", headers={"Accept": "application/json"})
    assert plain.headers["content-type"] == "application/problem+json"


def test_who_is_not_signed_in_is_shown_where_to(page: Page, site: Site) -> None:
    page.goto(f"{site.address}{ITEMS}?f=html&lang=en")
    page.get_by_role("link", name="Sign in").click()
    page.wait_for_url(f"{site.address}/")


def test_the_keyboard_skips_to_the_content(reader: Page, site: Site) -> None:
    reader.goto(f"{site.address}/ogc/?f=html&lang=en")
    reader.keyboard.press("Tab")
    expect(reader.get_by_text("Skip to the content")).to_be_focused()
    expect(reader.get_by_text("Skip to the content")).to_be_in_viewport()
    reader.keyboard.press("Enter")
    expect(reader.locator("main")).to_be_focused()
