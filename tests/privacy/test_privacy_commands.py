"""`gridsvc privacy …` as a person uses it: exit codes, sentences, files."""

import json
from pathlib import Path

from sqlalchemy import create_engine, text

from tests.app.test_commands import run
from tests.conftest import Town, copy_database


def test_retain_says_what_was_deleted_and_that_nothing_is_left(town: Town) -> None:
    url = copy_database(town.url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("insert into sign_in_failure (subject, at) values ('x', now() - interval '1 year')"))
    done = run("privacy", "retain", GRIDSVC_DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    assert "1 were deleted; 0 over their age are left." in done.stderr
    assert "sign_in_failure" in done.stdout
    with engine.connect() as connection:
        event = connection.execute(text("select actor, facts from event where kind = 'privacy.retained'")).one()
    engine.dispose()
    assert event.actor == "system"
    assert event.facts["kinds"]["sign_in_failure"] == {"days": 30, "deleted": 1, "left": 0}


def test_more_days_than_the_cap_are_refused(town: Town) -> None:
    refused = run("privacy", "retain", GRIDSVC_DATABASE_URL=town.url, GRIDSVC_CONTACT_DAYS="366")
    assert refused.returncode != 0
    assert "contact_days" in refused.stderr


def test_the_sheet_is_printed_or_written_to_a_file(town: Town, tmp_path: Path) -> None:
    url = copy_database(town.url)
    printed = run("privacy", "pia", GRIDSVC_DATABASE_URL=url)
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout.startswith("# 个人信息保护影响评估表")
    file = tmp_path / "sheet.md"
    written = run("privacy", "pia", str(file), "--language", "en", GRIDSVC_DATABASE_URL=url)
    assert written.returncode == 0, written.stderr
    assert file.read_text(encoding="utf-8").startswith("# Privacy impact sheet")
    refused = run("privacy", "pia", "--language", "fr", GRIDSVC_DATABASE_URL=url)
    assert (refused.returncode, "zh or en" in refused.stderr) == (1, True)


def test_all_that_is_held_is_written_for_its_owner_alone_and_erasing_is_asked_for(town: Town, tmp_path: Path) -> None:
    url = copy_database(town.url)
    file = tmp_path / "all.json"
    told = run("privacy", "access", "viewer", str(file), GRIDSVC_DATABASE_URL=url)
    assert told.returncode == 0, told.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text(encoding="utf-8"))["account"] == "viewer"
    nobody = run("privacy", "access", "W99", GRIDSVC_DATABASE_URL=url)
    assert (nobody.returncode, "neither an account nor a worker" in nobody.stderr) == (1, True)
    unasked = run("privacy", "erase", "viewer", GRIDSVC_DATABASE_URL=url)
    assert unasked.returncode == 1
    still = run("privacy", "access", "viewer", GRIDSVC_DATABASE_URL=url)
    assert json.loads(still.stdout)["account"] == "viewer"
    refused = run("privacy", "erase", "admin", "--yes", GRIDSVC_DATABASE_URL=url)
    assert (refused.returncode, "last administrator" in refused.stderr) == (1, True)
    erased = run("privacy", "erase", "viewer", "--yes", GRIDSVC_DATABASE_URL=url)
    assert erased.returncode == 0, erased.stderr
    assert run("privacy", "access", "viewer", GRIDSVC_DATABASE_URL=url).returncode == 1
