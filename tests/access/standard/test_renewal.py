"""The key of the office can be changed: everything opens with the new one, and nothing with the old."""

from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from gridsvc.app.cli import cli
from gridsvc.app.commands import upkeep
from gridsvc.core import sealing
from gridsvc.core.errors import Unavailable
from gridsvc.core.sealing import KEY_FILE
from gridsvc.core.settings import Settings
from tests.access.test_sign_in import add_factor, enter
from tests.conftest import Service, early_in_a_step
from tests.incidents.contact.test_contact import PHONE, ask, left


@pytest.fixture
def office(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    """Give the service with a home of its own, which holds the key, for commands too."""
    sealing.write_key(tmp_path / KEY_FILE, sealing.office_key())
    url = service.engine.url.render_as_string(hide_password=False)
    for place in ("gridsvc.app.commands.upkeep", "gridsvc.app.reach"):
        monkeypatch.setattr(f"{place}.settings", lambda: Settings(home=tmp_path, secret_key=None, database_url=url))
    return service


def test_after_the_key_was_changed_everything_opens_with_the_new_one_alone(
    office: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridsvc.incidents.hooks.endpoints.settings", lambda: Settings(webhook_hosts="127.0.0.1"))
    old = sealing.office_key()
    enter(office)
    phone, _ = add_factor(office)
    incident = left(office)
    hook = {"url": "http://127.0.0.1:1/"}
    told = office.client.post("/api/v1/webhooks", json=hook, headers=office.as_("admin")).json()["secret"]
    outcome = CliRunner().invoke(cli, ["config", "renew-key"])
    assert outcome.exit_code == 0, outcome.output
    assert "3 values are sealed anew" in outcome.output
    new = sealing.read_key(Settings(home=tmp_path, secret_key=None))
    assert new != old
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.key", "secret.key.old"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    with office.engine.connect() as connection:
        sealed = bytes(connection.scalar(text("select secret from webhook")))
    with pytest.raises(Unavailable, match="another key"):
        sealing.unseal(sealed, f"webhook {hook['url']}")
    # The service, started with the new key, goes on.
    monkeypatch.setattr(sealing, "office_key", lambda: new)
    assert sealing.unseal(sealed, f"webhook {hook['url']}").decode() == told
    assert ask(office, incident).json()["contact"] == PHONE
    early_in_a_step()
    assert enter(office, code=phone.now()).status_code == 204


def test_a_renewal_that_fails_changes_nothing_and_one_that_was_cut_off_is_not_written_over(
    office: Service, tmp_path: Path
) -> None:
    enter(office)
    add_factor(office)
    with office.engine.begin() as connection:
        # Sealed by nobody here.
        connection.execute(text("insert into webhook (url, secret, created_by) values ('http://x/', '\\x00', 'test')"))
        before = connection.execute(text("select totp_secret from account where totp_secret is not null")).all()
    outcome = CliRunner().invoke(cli, ["config", "renew-key"])
    assert outcome.exit_code == 1
    with office.engine.connect() as connection:
        assert connection.execute(text("select totp_secret from account where totp_secret is not null")).all() == before
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]
    # The power failed when everything was sealed: the only key there is must not be lost.
    left_over = tmp_path / f"{KEY_FILE}.new"
    left_over.write_text("the only one")
    assert CliRunner().invoke(cli, ["config", "renew-key"]).exit_code == 1
    assert left_over.read_text() == "the only one"


def test_every_sealed_column_is_sealed_anew(service: Service) -> None:
    with service.engine.connect() as connection:
        kept = connection.execute(
            text(
                "select table_name, column_name from information_schema.columns"
                " where table_schema = 'public' and data_type = 'bytea' order by 1, 2"
            )
        ).all()
    sealed = {(one.table, one.column) for one in upkeep.SEALED}
    # The others are hashes, pictures of files, or of a sign-in that is under way.
    rest = {(table, column) for table, column in kept} - sealed
    assert not [one for one in rest if one[1] in ("sealed", "secret", "totp_secret") and one[0] != "sign_in_attempt"]
    assert sealed <= {(table, column) for table, column in kept}
