"""`gridsvc privacy …`: what is held on people, deleted by age, told and taken away, from the shell."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gridsvc.app.console import Home, answers, refusals_as_sentences, say
from gridsvc.app.reach import reached
from gridsvc.core.db import transaction
from gridsvc.core.errors import Invalid
from gridsvc.core.events import SYSTEM
from gridsvc.core.settings import settings

privacy = typer.Typer(help="What is held on people, and for how long.", no_args_is_help=True)


@privacy.command("retain")
def retain_now(home: Home = None) -> None:
    """Delete what is over its age now, and count what is left of it, which must be nothing; a worker does it each day."""
    from gridsvc.privacy.retention import retain

    with refusals_as_sentences(), reached(home) as engine:
        found = retain(engine, datetime.now(UTC), settings(), actor=SYSTEM)
        table = Table("kind", "kept for days", "deleted", "left over age")
        for one in found:
            table.add_row(one.kind, str(one.days), str(one.deleted), str(one.left))
        answers.print(table)
        left = sum(one.left for one in found)
        say(f"{sum(one.deleted for one in found)} were deleted; {left} over their age are left.")
        if left:
            raise typer.Exit(1)


@privacy.command("pia")
def write_sheet(
    file: Annotated[Path | None, typer.Argument(help="Where to write it; else it is printed")] = None,
    language: Annotated[str | None, typer.Option(help="zh or en; GRIDSVC_LANGUAGE when left out")] = None,
    home: Home = None,
) -> None:
    """Write the privacy impact sheet (Markdown) of this system as it is set and running now."""
    from gridsvc.privacy.living import read_live
    from gridsvc.privacy.sheet import sheet

    chosen = settings()
    with refusals_as_sentences():
        if (asked := language or chosen.language) not in ("zh", "en"):
            raise Invalid("The sheet is written in zh or en.")
        with reached(home) as engine:
            written = sheet(read_live(engine, chosen, datetime.now(UTC)), "zh" if asked == "zh" else "en")
        if file is None:
            typer.echo(written, nl=False)
        else:
            file.write_text(written, encoding="utf-8")
            say(f"The sheet was written to {file}.")


@privacy.command("access")
def tell_all(
    who: Annotated[
        str, typer.Argument(help="A staff number or a sign-in name; worker:CODE or account:NAME says which")
    ],
    file: Annotated[
        Path | None, typer.Argument(help="Where to write it, for its owner alone; else it is printed")
    ] = None,
    home: Home = None,
) -> None:
    """Write all that is held on a worker or account (JSON), for the person who asks for it; that it was done is recorded."""
    from gridsvc.privacy.person import access, find_person

    with refusals_as_sentences(), reached(home) as engine:
        with transaction(engine) as session:
            told = access(session, find_person(session, who), datetime.now(UTC), actor=SYSTEM)
        written = json.dumps(told, ensure_ascii=False, indent=2, default=str) + "\n"
        if file is None:
            typer.echo(written, nl=False)
            return
        file.touch(mode=0o600)
        file.chmod(0o600)
        file.write_text(written, encoding="utf-8")
        say(f"{sum(one['count'] for one in told['held'])} rows of {len(told['held'])} tables were written to {file}.")


@privacy.command("erase")
def take_away(
    who: Annotated[
        str, typer.Argument(help="A staff number or a sign-in name; worker:CODE or account:NAME says which")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; it cannot be taken back")] = False,
    home: Home = None,
) -> None:
    """Take away name, phone and account of somebody who left; the record of the work keeps a pseudonym. It is recorded.

    Refused for the last administrator, and for a worker who holds posts or has open work.
    """
    from gridsvc.privacy.erasing import erase
    from gridsvc.privacy.person import find_person

    if not yes:
        typer.confirm(f"Take away what is personal of {who}? It cannot be taken back", abort=True, err=True)
    with refusals_as_sentences(), reached(home) as engine:
        with transaction(engine) as session:
            erased = erase(session, find_person(session, who), datetime.now(UTC), actor=SYSTEM)
        say(f"Name, phone and account are gone; {erased.renamed} rows of the record now say {erased.pseudonym}.")
        if erased.events:
            say(f"The audit is only ever added to: {erased.events} events keep the sign-in name.")
