"""The pages as the standard wants them: passwords masked and pasted, a way out on each, and nothing left in the browser."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.test_account import enter, make
from tests.town import PASSWORD

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("address", ["/", "/account"])
def test_a_password_is_masked_and_may_be_pasted_and_filled_by_a_manager(page: Page, address: str) -> None:
    page.goto(address)
    field = page.locator("#password")
    expect(field).to_have_attribute("type", "password")
    expect(field).to_have_attribute("autocomplete", "current-password")
    field.focus()
    # As a browser pastes: what is on the clipboard arrives at once, in an event that a page could stop.
    page.evaluate(
        """text => {
            const field = document.querySelector('#password');
            const pasted = new ClipboardEvent('paste', { clipboardData: new DataTransfer(), bubbles: true, cancelable: true });
            pasted.clipboardData.setData('text', text);
            if (field.dispatchEvent(pasted)) document.execCommand('insertText', false, text);
        }""",
        PASSWORD,
    )
    expect(field).to_have_value(PASSWORD)


def test_every_field_for_a_password_is_masked(page: Page, site: Site) -> None:
    enter(page, make(site, "masked", "admin"))
    expect(page.locator("#old")).to_be_visible()
    page.wait_for_selector("#new-password", state="attached")
    fields = page.locator("input").evaluate_all("all => all.map(one => [one.id, one.type, one.autocomplete])")
    secret = [one for one in fields if re.search(r"password|^old$|^new$|^repeat$", one[0])]
    assert len(secret) >= 5
    assert {kind for _, kind, _ in secret} == {"password"}
    assert {hint for *_, hint in secret} <= {"current-password", "new-password"}


@pytest.mark.parametrize("address", ["/", "/account"])
def test_the_way_out_is_on_every_page_and_leaves_nothing_behind(page: Page, site: Site, address: str) -> None:
    name = make(site, f"leaver{len(address)}")
    enter(page, name, address)
    out = page.get_by_role("button", name="退出", exact=True)
    expect(out).to_be_visible()
    page.wait_for_load_state("networkidle")

    def stored() -> str:
        kept = page.evaluate(
            "async () => ({ local: { ...localStorage }, session: { ...sessionStorage },"
            " bases: (await indexedDB.databases()).map(one => one.name),"
            " caches: self.caches ? await caches.keys() : [] })"
        )
        return json.dumps(kept, ensure_ascii=False)

    (cookie,) = page.context.cookies()
    assert cookie["httpOnly"]
    for secret in (cookie["value"], PASSWORD, name):
        assert secret not in stored()
    out.click()
    expect(page.locator("#password")).to_be_visible()
    expect(page.locator("#password")).to_have_value("")
    assert page.context.cookies() == []
    shown = page.content()
    for secret in (cookie["value"], PASSWORD):
        assert secret not in stored() + shown
    assert name not in stored()
    # Neither does the way back show what was there.
    page.go_back()
    page.goto(address)
    expect(page.locator("#password")).to_be_visible()


def test_no_name_out_of_an_answer_becomes_part_of_every_object(page: Page) -> None:
    # A view whose names are those of prototypes, as a link or a stored choice could bring them.
    hostile = '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}'
    page.goto("/")
    page.evaluate(
        "text => { for (const name of ['view', 'layers', 'language', 'gridsvc.view']) localStorage.setItem('gridsvc.' + name, text) }",
        hostile,
    )
    page.goto("/?__proto__[polluted]=1&constructor[prototype][polluted]=1#__proto__.polluted=1")
    expect(page.locator("#password")).to_be_visible()
    assert page.evaluate("() => ({}).polluted === undefined && Object.prototype.polluted === undefined")
