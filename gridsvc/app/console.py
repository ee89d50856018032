"""How commands speak: sentences on standard error, answers on standard output, a refusal as one line and exit 1."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from structlog.typing import Processor

from gridsvc.core.errors import Refusal

answers = Console(soft_wrap=True, highlight=False)
words = Console(stderr=True, soft_wrap=True, highlight=False)

Home = Annotated[
    Path | None,
    typer.Option(help="Folder of the own PostGIS; GRIDSVC_HOME or .gridsvc when left out", show_default=False),
]


def log_plainly() -> None:
    """Write the log for people at a terminal, and as lines of JSON wherever a program reads it.

    Faults are written as Python writes them: the stock way draws every variable on the way to a fault, which may show
    what is secret, and took half a minute once.
    """
    if sys.stderr.isatty():
        written: tuple[Processor, ...] = (
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        )
    else:
        # What a request brought can break no line of it, and begin none.
        written = (structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *written,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def say(sentence: str) -> None:
    """Tell the person at the terminal what is going on."""
    words.print(escape(sentence))


@contextmanager
def refusals_as_sentences() -> Iterator[None]:
    """End the command with one sentence and exit code 1 when it was refused."""
    try:
        yield
    except Refusal as refusal:
        words.print(f"[bold red]✗[/] {escape(refusal.sentence)}")
        raise typer.Exit(1) from None


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show step, count, rate and time left while a long job runs; gives the function that is told of progress."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=words, transient=not words.is_terminal) as shown:
        task = shown.add_task(what, total=None, rate="")

        def tell(step: str, done: int, total: int) -> None:
            speed = shown.tasks[0].speed
            rate = f"{speed:,.0f}/s" if speed else ""
            shown.update(task, description=f"{what}: {step}", completed=done, total=total or None, rate=rate)

        yield tell
