"""The page of accounts as a person meets it: password, sign-ins, tokens, second factor; and all accounts, for administrators."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx2 as httpx
import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import text

from gridsvc.access import guard
from gridsvc.access.accounts import add_account
from gridsvc.access.issuer import asking
from gridsvc.core.db import open_engine, transaction
from gridsvc.core.settings import Settings
from tests.browser.conftest import Site
from tests.conftest import early_in_a_step
from tests.town import PASSWORD

pytestmark = pytest.mark.browser
NEW_PASSWORD = "quite another sentence"


def make(site: Site, name: str, role: str = "viewer") -> str:
    """Make an account of the test's own."""
    engine = open_engine(site.database_url)
    with transaction(engine) as session:
        add_account(session, name, role, PASSWORD, actor="test")
    engine.dispose()
    return name


def enter(page: Page, name: str, address: str = "/account") -> None:
    page.goto(address)
    page.fill("#username", name)
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")


def set_up(page: Page) -> str:
    """Set up a second factor by the key that is shown; answer the first recovery code."""
    page.fill("#factor-password", PASSWORD)
    page.click("text=开始设置")
    expect(page.get_by_alt_text("设置第二重验证的二维码")).to_be_visible()
    assert page.evaluate("() => document.querySelector('.qr').naturalWidth") > 100, "the code is really drawn"
    key = page.locator("form p code").inner_text().replace(" ", "")
    early_in_a_step()
    page.fill("#factor-code", pyotp.TOTP(key).at(datetime.now(UTC) - timedelta(seconds=30)))
    page.click("button:text-is('确认')")
    code = page.locator(".codes code").first
    expect(code).to_have_text(re.compile("[0-9a-f]{8}-[0-9a-f]{8}"))
    return code.inner_text()


def test_one_changes_the_own_password(page: Page, site: Site) -> None:
    enter(page, make(site, "changer"))
    page.fill("#old", "not it at all")
    page.fill("#new", NEW_PASSWORD)
    page.fill("#repeat", "something else")
    expect(page.get_by_role("button", name="修改密码")).to_be_disabled()
    page.fill("#repeat", NEW_PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("密码或验证码不对。")
    page.fill("#old", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("已完成。")).to_be_visible()
    signed = httpx.post(f"{site.address}/api/v1/session", json={"username": "changer", "password": NEW_PASSWORD})
    assert signed.status_code == 204


def test_one_sees_and_ends_the_own_sign_ins(page: Page, site: Site) -> None:
    name = make(site, "ender")
    with httpx.Client(base_url=site.address, headers={"User-Agent": "Firefox/140 Windows"}) as other:
        other.post("/api/v1/session", json={"username": name, "password": PASSWORD})
        enter(page, name)
        page.get_by_role("button", name="结束 Firefox/140 · Windows").click()
        expect(page.get_by_text("Firefox/140")).to_have_count(0)
        assert other.get("/api/v1/tokens").status_code == 401


def test_who_proved_long_ago_who_they_are_gives_the_password_again_to_end_sign_ins(
    visitor: BrowserContext, site: Site
) -> None:
    # The browser reports the refusal as an error.
    page, name = visitor.new_page(), make(site, "stale")
    with httpx.Client(base_url=site.address, headers={"User-Agent": "Firefox/140 Windows"}) as other:
        other.post("/api/v1/session", json={"username": name, "password": PASSWORD})
        enter(page, name)
        expect(page.get_by_text("Firefox/140")).to_be_visible()
        engine = open_engine(site.database_url)
        with transaction(engine) as session:
            session.execute(text("update credential set created_at = now() - interval '11 minutes'"))
        engine.dispose()
        page.get_by_role("button", name="结束 Firefox/140 · Windows").click()
        expect(page.locator("#again")).to_be_focused()
        page.fill("#again", "not it at all")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("密码或验证码不对。")
        assert other.get("/api/v1/me").status_code == 200
        page.fill("#again", PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_text("Firefox/140")).to_have_count(0)
        expect(page.locator("#again")).to_have_count(0)
        assert other.get("/api/v1/me").status_code == 401


def test_a_token_is_made_shown_once_and_ended(page: Page, site: Site) -> None:
    enter(page, make(site, "maker"))
    expect(page.get_by_text("还没有令牌。")).to_be_visible()
    page.fill("#token-label", "夜间报表")
    page.click("summary:has-text('权限')")
    page.check("text=territory.read")
    page.get_by_role("button", name="生成令牌").click()
    secret = page.locator(".secret").inner_text()
    header = {"Authorization": f"Bearer {secret}"}
    assert httpx.get(f"{site.address}/api/v1/grids?limit=1", headers=header).status_code == 200
    assert httpx.get(f"{site.address}/api/v1/incidents?limit=1", headers=header).status_code == 403
    page.reload()
    expect(page.get_by_text("夜间报表")).to_be_visible()
    assert secret not in page.content()
    page.get_by_role("button", name="结束 夜间报表").click()
    expect(page.get_by_text("还没有令牌。")).to_be_visible()


def test_a_second_factor_is_set_up_and_turned_off(page: Page, site: Site) -> None:
    enter(page, make(site, "careful"))
    code = set_up(page)
    page.click("text=我已保存")
    expect(page.get_by_text("已启用。")).to_be_visible()
    page.fill("#factor-password", PASSWORD)
    page.fill("#factor-off-code", code)
    page.get_by_role("button", name="停用", exact=True).click()
    expect(page.get_by_text("未启用。")).to_be_visible()


def test_who_must_have_a_second_factor_is_led_to_set_it_up(
    visitor: BrowserContext, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The browser reports the refusal that leads there as an error.
    page = visitor.new_page()
    monkeypatch.setattr(guard, "settings", lambda: Settings(second_factor="required"))
    enter(page, make(site, "drawer", "planner"), "/")
    page.wait_for_url("**/account")
    expect(page.get_by_text("您的角色需要第二重验证")).to_be_visible()
    expect(page.locator("#token-label")).to_have_count(0)
    set_up(page)
    page.click("text=我已保存")
    expect(page.locator("#token-label")).to_be_visible()
    page.click("text=返回地图")
    page.wait_for_function("() => window.gridsvc")


@pytest.fixture
def fresh(site: Site) -> Iterator[httpx.Client]:
    """Give another browser."""
    with httpx.Client(base_url=site.address) as client:
        yield client


def test_an_administrator_makes_changes_and_disables_accounts(page: Page, fresh: httpx.Client) -> None:
    enter(page, "manager")
    page.fill("#new-name", "fresh")
    page.select_option("#new-role", "dispatcher")
    page.fill("#new-password", PASSWORD)
    page.get_by_role("button", name="新建账号").click()
    row = page.locator("li", has=page.get_by_text("fresh", exact=True))
    expect(row).to_contain_text("全部")
    given = {"username": "fresh", "password": PASSWORD}
    assert fresh.post("/api/v1/session", json=given).status_code == 204
    row.locator("summary").focus()
    page.keyboard.press("Enter")
    row.locator("select").select_option("viewer")
    row.get_by_role("button", name="保存").click()
    expect(row.locator("summary")).to_contain_text("查看者")
    row.get_by_role("button", name="结束其全部登录").click()
    expect(row.get_by_role("status")).to_have_text("已完成。")
    assert fresh.get("/api/v1/me").status_code == 401
    for _ in range(10):
        fresh.post("/api/v1/session", json=given | {"password": "wrong"})
    assert fresh.post("/api/v1/session", json=given).status_code == 429
    row.get_by_role("button", name="解除锁定").click()
    expect(row.get_by_role("status")).to_have_text("已完成。")
    row.get_by_role("button", name="停用账号").click()
    expect(row.locator("summary")).to_contain_text("已停用")
    row.get_by_role("button", name="重新启用").click()
    expect(row.locator("summary")).not_to_contain_text("已停用")
    assert fresh.post("/api/v1/session", json=given).status_code == 204


def test_others_see_no_list_of_accounts(page: Page) -> None:
    enter(page, "viewer")
    expect(page.locator("#old")).to_be_visible()
    expect(page.locator("#new-name")).to_have_count(0)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_and_every_field_has_a_name(browser: Browser, site: Site, width: int, language: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, base_url=site.address)
    page = context.new_page()
    enter(page, "manager")
    expect(page.locator("#new-name")).to_be_visible()
    if language == "en":
        page.get_by_role("button", name="切换到英文").or_(page.get_by_text("English", exact=True)).first.click()
        expect(page.get_by_text("All accounts")).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    unnamed = "() => [...document.querySelectorAll('input, select')].filter(one => !one.labels.length).length"
    assert page.evaluate(unnamed) == 0
    if language == "en":
        assert not re.search("[\u4e00-\u9fff]", page.locator("main").inner_text().replace("中文", ""))
    context.close()


@pytest.mark.parametrize(
    ("told", "sentence"), [("refused", "统一认证登录未被接受。"), ("unavailable", "统一认证服务暂时无法使用。")]
)
def test_what_became_of_a_sign_in_through_the_issuer_is_told(page: Page, told: str, sentence: str) -> None:
    page.goto(f"/?sign-in={told}")
    expect(page.get_by_role("alert")).to_contain_text(sentence)


def test_after_the_issuer_only_the_code_is_asked_for_or_a_password_instead(page: Page) -> None:
    page.goto("/?sign-in=code")
    expect(page.locator("#code")).to_be_focused()
    expect(page.locator("#password")).to_have_count(0)
    page.click("text=改用密码登录")
    expect(page.locator("#password")).to_be_visible()


def test_an_issuer_that_is_away_is_told_on_the_sign_in_page(
    visitor: BrowserContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up = Settings(oidc_issuer="http://127.0.0.1:1", oidc_client_id="gridsvc", oidc_label="市政统一认证")
    monkeypatch.setattr(asking, "settings", lambda: set_up)
    # The browser reports the 503 as an error.
    page = visitor.new_page()
    page.goto("/")
    page.click("text=通过市政统一认证登录")
    expect(page.get_by_role("alert")).to_contain_text("统一认证服务暂时无法使用。")
