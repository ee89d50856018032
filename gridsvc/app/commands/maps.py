"""`gridsvc map KIND OUT.html`: a page of the town that opens anywhere, without a server and without a network."""

from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from gridsvc.app.console import Home, refusals_as_sentences, say
from gridsvc.app.reach import reached
from gridsvc.core.errors import Invalid, Unavailable
from gridsvc.core.settings import settings

KINDS = ("overview",)


def draw_map(
    kind: Annotated[str, typer.Argument(help=" ".join(KINDS))],
    out: Annotated[Path, typer.Argument(help="The HTML file to write")],
    language: Annotated[Literal["zh", "en"] | None, typer.Option(help="GRIDSVC_LANGUAGE when left out")] = None,
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
        with reached(home) as engine:
            town = read_town(engine, title or ("网格总览" if spoken == "zh" else "Grid overview"), chosen.timezone)
        page = draw_overview(town, cast("Literal['zh', 'en']", spoken))
        try:
            out.write_text(page, encoding="utf-8")
        except OSError as error:
            raise Unavailable(f"{out} cannot be written: {error.strerror}.") from None
        say(f"{out}: {len(page.encode()) / 1000:,.0f} kB, opens without a network.")
