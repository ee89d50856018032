"""`gridsvc privacy …` as a person uses it: exit codes, sentences, files."""

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
