"""Looking for a place as a person does: type, see suggestions, choose with keys or mouse, be taken there."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_map import sign_in

pytestmark = pytest.mark.browser


def centre(page: Page) -> tuple[float, float]:
    page.evaluate("() => window.gridsvc.settled()")
    lon, lat = page.evaluate(
        """() => {
            const [x, y] = window.gridsvc.map.getView().getCenter();
            const half = 20037508.342789244;
            return [x / half * 180, Math.atan(Math.sinh(y / half * Math.PI)) * 180 / Math.PI];
        }"""
    )
    return lon, lat


def test_a_place_is_found_by_keys_alone_and_the_map_goes_there(page: Page) -> None:
    sign_in(page)
    box = page.get_by_role("combobox", name="搜索地点")
    box.fill("网巾市社区第一")
    option = page.get_by_role("option").first
    expect(option).to_contain_text("网巾市社区第一网格")
    expect(option).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(page.locator("aside")).to_contain_text("网巾市社区第一网格")
    page.wait_for_function("() => window.gridsvc.map.getView().getZoom() >= 17")
    # Down, up and Escape: the list is steered without a mouse, and put away.
    box.fill("xinjiekou")
    expect(page.get_by_role("option").nth(1)).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option").nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()


def test_the_corner_of_two_streets_is_marked(page: Page) -> None:
    sign_in(page)
    page.get_by_role("combobox").fill("中山路与汉中路")
    page.get_by_role("option", name=re.compile("路口")).first.click()
    expect(page.locator(".status")).to_have_text(re.compile("已在地图上标出：.*汉中路.*"))
    page.wait_for_function("() => window.gridsvc.map.getView().getZoom() >= 17")
    page.wait_for_function("() => !window.gridsvc.map.getView().getAnimating()")
    assert centre(page) == pytest.approx((118.7788, 32.0439), abs=0.002)


def test_nothing_found_and_a_failed_search_are_told_and_can_be_tried_again(page: Page) -> None:
    sign_in(page)
    box = page.get_by_role("combobox")
    box.fill("qqqqzzzz")
    expect(page.get_by_text("没有找到")).to_be_visible()
    page.context.set_offline(True)
    box.fill("中山路")
    trouble = page.get_by_role("search").get_by_role("alert")
    expect(trouble).to_be_visible()
    page.context.set_offline(False)
    trouble.get_by_role("button").click()
    expect(page.get_by_role("option").first).to_contain_text("中山路")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("combobox", name="Search for a place")).to_be_visible()
