"""Where an account may look: prefixes of codes, narrowed by tokens, following the posts of a worker, never widened."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from typer.testing import CliRunner

from gridsvc.access.accounts import add_account, find_account
from gridsvc.access.credentials import issue_token
from gridsvc.access.territory import ALL, covers, key_of, narrowed, prefix_of, prefixes_of
from gridsvc.app.cli import cli
from gridsvc.core.db import transaction
from gridsvc.core.errors import Invalid
from tests.conftest import Service
from tests.town import JIA, JIA_1, JIA_2, PASSWORD, YI, YI_1

prefix_sets = st.lists(st.text("01", max_size=4), max_size=5).map(lambda some: narrowed(some, None))


@pytest.mark.parametrize(
    ("code", "prefix"),
    [
        ("everywhere", ""),
        ("320000000000", "32"),
        ("320100000000", "3201"),
        ("320102000000", "320102"),
        ("320102002000", "320102002"),
        ("320102", "320102"),
        ("320102002001", "320102002001"),
        ("320102002001003", "320102002001003"),
    ],
)
def test_a_code_stands_for_all_that_lies_in_it(code: str, prefix: str) -> None:
    assert prefix_of(code) == prefix


@pytest.mark.parametrize("code", ["", "3", "32010", "32010200200x", "٣٢", "320102002001003 ", "*", "0" * 16])
def test_what_is_no_code_is_refused(code: str) -> None:
    with pytest.raises(Invalid, match="is no territory"):
        prefix_of(code)


def test_a_territory_is_the_shortest_set_that_covers_its_codes() -> None:
    assert prefixes_of(["320102002001003", "320102002001", "320105000000"]) == ("320102002001", "320105")
    assert key_of(prefixes_of(["320105", "320102", "320102"])) == key_of(prefixes_of(["320102", "320105"]))
    assert key_of(prefixes_of(["everywhere", "320102"])) == "all"
    assert key_of(()) == ""


@given(prefix_sets, prefix_sets, st.text("01", min_size=4, max_size=6))
def test_narrowing_gives_what_lies_in_both(one: tuple[str, ...], other: tuple[str, ...], code: str) -> None:
    both = narrowed(one, other)
    assert code.startswith(both) == (code.startswith(one) and code.startswith(other))
    assert covers(one, both)
    assert covers(other, both)
    assert narrowed(both, one) == both


def me(service: Service, token: str) -> list[str]:
    answer = service.client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    territory: list[str] = answer.json()["territory"]
    return territory


def opened(service: Service, role: str, codes: list[str], *, narrower: list[str] | None = None) -> str:
    with transaction(service.engine) as session:
        account = add_account(session, f"{role}-{len(codes)}-{codes[0]}", role, PASSWORD, actor="test", codes=codes)
        return issue_token(session, account, "test", actor="test", codes=narrower)


def test_a_worker_follows_the_posts_of_the_day(service: Service) -> None:
    assert me(service, service.tokens["worker"]) == [JIA_1, JIA_2]
    with transaction(service.engine) as session:
        session.execute(
            text("update post set valid = tstzrange(lower(valid), now()) where grid = :grid"), {"grid": JIA_1}
        )
        # Another secret of the same person: what is known of the first is trusted for a moment.
        token = issue_token(session, find_account(session, "worker"), "later", actor="test")
    assert me(service, token) == [JIA_2]


def test_who_is_no_worker_sees_everything_unless_it_is_said(service: Service) -> None:
    assert me(service, service.tokens["dispatcher"]) == ["everywhere"]
    assert me(service, opened(service, "dispatcher", [JIA])) == [JIA]


def test_a_token_narrows_and_never_widens(service: Service) -> None:
    assert me(service, opened(service, "viewer", [JIA, YI], narrower=[YI_1])) == [YI_1]
    assert me(service, opened(service, "viewer", [JIA], narrower=["everywhere"])) == [JIA]
    assert me(service, opened(service, "viewer", [YI], narrower=[JIA])) == []


def test_an_administrator_of_a_part_gives_no_more_than_that_part(service: Service) -> None:
    local = {"Authorization": f"Bearer {opened(service, 'admin', [JIA])}"}
    accounts = service.client.get("/api/v1/accounts", headers=local).json()["items"]
    assert {one["username"] for one in accounts} == {"worker", f"admin-1-{JIA}"}
    everybody = service.client.get("/api/v1/accounts", headers=service.as_("admin")).json()["items"]
    planner = next(one["id"] for one in everybody if one["username"] == "planner")
    foreign, missing = (
        service.client.patch(f"/api/v1/accounts/{key}", json={"disabled": True}, headers=local)
        for key in (planner, 999_999)
    )
    assert foreign.status_code == missing.status_code == 404
    assert foreign.json()["detail"].replace(str(planner), "999999") == missing.json()["detail"]
    own = next(one["id"] for one in accounts if one["username"].startswith("admin"))
    wider = service.client.patch(f"/api/v1/accounts/{own}", json={"territory": ["everywhere"]}, headers=local)
    assert wider.status_code == 403
    asked = {"username": "neu", "role": "viewer", "territory": [YI]}
    assert service.client.post("/api/v1/accounts", json=asked, headers=local).status_code == 403
    made = service.client.post("/api/v1/accounts", json={"username": "neu", "role": "viewer"}, headers=local)
    assert (made.status_code, made.json()["territory"]) == (201, [JIA])


def test_an_administrator_changes_where_somebody_looks_and_it_holds_at_once(service: Service) -> None:
    token = opened(service, "viewer", [JIA])
    assert me(service, token) == [JIA]
    accounts = service.client.get("/api/v1/accounts", headers=service.as_("admin")).json()["items"]
    key = next(one["id"] for one in accounts if one["username"] == f"viewer-1-{JIA}")
    given = {"territory": [YI, YI_1]}
    answer = service.client.patch(f"/api/v1/accounts/{key}", json=given, headers=service.as_("admin"))
    assert answer.json()["territory"] == [YI]
    assert me(service, token) == [YI]
    bad = service.client.patch(f"/api/v1/accounts/{key}", json={"territory": ["x"]}, headers=service.as_("admin"))
    assert bad.status_code == 422


def test_the_command_line_says_where_somebody_may_look(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDSVC_DATABASE_URL", service.engine.url.render_as_string(hide_password=False))
    from gridsvc.core.settings import settings  # noqa: PLC0415 - read anew, with the address above

    settings.cache_clear()
    try:
        command = ["user", "add", "local", "--role", "viewer", "--password", PASSWORD, "--scope", JIA, "--scope", YI]
        assert CliRunner().invoke(cli, command).exit_code == 0
        assert CliRunner().invoke(cli, [*command[:2], "other", *command[3:-1], "nowhere"]).exit_code == 1
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    with transaction(service.engine) as session:
        assert find_account(session, "local").territory == [JIA, YI]


def test_everywhere_covers_all() -> None:
    assert covers(ALL, ["320102"])
    assert not covers(("320102",), ALL)
    assert not covers((), ["320102"])
    assert covers((), [])
