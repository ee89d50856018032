"""Signing in through an issuer in a real browser, which keeps cookies from other sites: there and back, and in."""

from collections.abc import Iterator

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import func

from gridsvc.access.accounts import add_account, find_account
from gridsvc.access.issuer import asking
from gridsvc.access.issuer.linking import link, unlink
from gridsvc.core.db import open_engine, transaction
from gridsvc.core.sealing import seal
from gridsvc.core.settings import Settings
from tests.access.issuer.own_issuer import CLIENT, SECRET, SUBJECT, OwnIssuer, running
from tests.browser.conftest import FACTOR, Site
from tests.conftest import early_in_a_step

pytestmark = pytest.mark.browser


@pytest.fixture
def issuer(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnIssuer]:
    """Run an issuer that is another site to the browser: another name of this machine."""
    with running("localhost") as own:
        chosen = Settings(
            oidc_issuer=own.address, oidc_client_id=CLIENT, oidc_client_secret=SECRET, oidc_label="市政统一认证"
        )
        monkeypatch.setattr(asking, "settings", lambda: chosen)
        engine = open_engine(site.database_url)
        with transaction(engine) as session:
            link(session, find_account(session, "dispatcher"), own.address, SUBJECT, actor="test")
        yield own
        with transaction(engine) as session:
            unlink(session, find_account(session, "dispatcher"), own.address, actor="test")
        engine.dispose()


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """Open a page that may go to the issuer."""
    context = browser.new_context(base_url=site.address, locale="zh-CN")
    yield context.new_page()
    context.close()


def test_a_person_goes_to_the_issuer_and_comes_back_signed_in(page: Page, issuer: OwnIssuer) -> None:
    page.goto("/account")
    page.click("text=通过市政统一认证登录")
    page.wait_for_url("**/account")
    expect(page.locator("header strong")).to_have_text("dispatcher")
    assert issuer.asked.count("authorize") == 1
    page.reload()
    expect(page.locator("header strong")).to_have_text("dispatcher")


def test_a_person_with_a_second_factor_gives_the_code_and_goes_on(page: Page, issuer: OwnIssuer, site: Site) -> None:
    engine = open_engine(site.database_url)
    with transaction(engine) as session:
        # Of this test alone: each code is taken once.
        account = add_account(session, "twice", "viewer", None, actor="test")
        account.totp_secret = seal(FACTOR.encode(), f"account:{account.id} second factor")
        account.totp_confirmed_at = func.now()
        link(session, account, issuer.address, "00u-twice", actor="test")
    engine.dispose()
    issuer.claims = {"sub": "00u-twice"}
    page.goto("/account")
    page.click("text=通过市政统一认证登录")
    expect(page.locator("#code")).to_be_focused()
    page.fill("#code", "000000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("密码或验证码不对，或验证码已用过。")
    early_in_a_step()
    page.fill("#code", pyotp.TOTP(FACTOR).now())
    page.keyboard.press("Enter")
    page.wait_for_url("**/account")
    expect(page.locator("header strong")).to_have_text("twice")


def test_a_stranger_is_told_on_the_sign_in_page(page: Page, issuer: OwnIssuer) -> None:
    issuer.claims = {"sub": "a stranger"}
    page.goto("/")
    page.click("text=通过市政统一认证登录")
    expect(page.get_by_role("alert")).to_contain_text("统一认证登录未被接受。")
