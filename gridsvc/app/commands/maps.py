"""`gridsvc map KIND OUT.html`: a page of the town that opens anywhere, without a server and without a network."""

from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from gridsvc.app.console import Home, refusals_as_sentences, say
from gridsvc.app.reach import reach
from gridsvc.core.db import open_engine
from gridsvc.core.errors import Invalid, Unavailable
from gridsvc.core.schema import migrate
from gridsvc.core.settings import settings

KINDS = ("overview",)


def draw_map(
    kind: Annotated[str, typer.Argument(help=" ".join(KINDS))],
    out: Annotated[Path, typer.Argument(help="The HTML file to write")],
    language: Annotated[str | None, typer.Option(help="zh or en")] = None,
    title: Annotated[str | None, typer.Option(help="What the page is called")] = None,
    home: Home = None,
) -> None:
    """Draw a page that opens from the file system with no network request."""
    from gridsvc.app.drawing import read_town
    from gridsvc.cartography.overview import draw_overview

    with refusals_as_sentences():
        chosen = settings()
        spoken = language or chosen.language
        if kind not in KINDS:
            raise Invalid(f"There is no map {kind!r}; there are {', '.join(KINDS)}.")
        if spoken not in ("zh", "en"):
            raise Invalid(f"There is no language {spoken!r}; there are zh and en.")
        with reach(chosen, home or chosen.home, say) as url:
            engine = open_engine(url)
            migrate(engine)
            town = read_town(engine, title or ("网格总览" if spoken == "zh" else "Grid overview"), chosen.timezone)
            engine.dispose()
        page = draw_overview(town, cast("Literal['zh', 'en']", spoken))
        try:
            out.write_text(page, encoding="utf-8")
        except OSError as error:
            raise Unavailable(f"{out} cannot be written: {error.strerror}.") from None
        say(f"{out}: {len(page.encode()) / 1000:,.0f} kB, opens without a network.")
