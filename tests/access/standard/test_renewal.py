"""The key of the office can be changed: everything opens with the new one, and nothing with the old."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import text
from typer.testing import CliRunner

from gridsvc.app.cli import cli
from gridsvc.app.commands import upkeep
from gridsvc.core import sealing
from gridsvc.core.errors import Unavailable
from gridsvc.core.settings import Settings
from tests.access.test_sign_in import add_factor, enter
from tests.conftest import Service, early_in_a_step
from tests.incidents.contact.test_contact import PHONE, ask, left


def test_after_the_key_was_changed_everything_opens_with_the_new_one_alone(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = sealing.office_key()
    sealing.write_key(tmp_path / sealing.KEY_FILE, old)
    enter(service)
    phone, _ = add_factor(service)
    incident = left(service)
    url = service.engine.url.render_as_string(hide_password=False)
    monkeypatch.setattr(upkeep, "settings", lambda: Settings(home=tmp_path, secret_key=None, database_url=url))
    monkeypatch.setattr(
        "gridsvc.app.reach.settings", lambda: Settings(home=tmp_path, secret_key=None, database_url=url)
    )
    outcome = CliRunner().invoke(cli, ["config", "renew-key"])
    assert outcome.exit_code == 0, outcome.output
    assert "2 values are sealed anew" in outcome.output
    new = sealing.read_key(Settings(home=tmp_path, secret_key=None))
    assert new != old
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.key", "secret.key.old"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    with service.engine.connect() as connection:
        sealed = bytes(connection.scalar(text("select totp_secret from account where username = 'planner'")))
        account = connection.scalar(text("select id from account where username = 'planner'"))
    assert (
        AESGCM(new).decrypt(sealed[:12], sealed[12:], f"account:{account} second factor".encode())
        == phone.secret.encode()
    )
    with pytest.raises(Unavailable, match="another key"):
        sealing.unseal(sealed, f"account:{account} second factor")
    # The service, started with the new key, goes on.
    monkeypatch.setattr(sealing, "office_key", lambda: new)
    assert ask(service, incident).json()["contact"] == PHONE
    early_in_a_step()
    assert enter(service, code=phone.now()).status_code == 204


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
