"""`gridsvc privacy …`: what is held on people, deleted by age, told and taken away, from the shell."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gridsvc.app.console import Home, answers, refusals_as_sentences, say
from gridsvc.app.reach import reached
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
