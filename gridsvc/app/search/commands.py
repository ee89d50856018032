"""`gridsvc pinyin …`: how an office reads its own names, from the shell."""

from typing import Annotated

import typer

from gridsvc.app.console import Home, refusals_as_sentences, say
from gridsvc.app.reach import reached
from gridsvc.app.search.readings import add_reading, own_readings, remove_reading
from gridsvc.core.db import transaction
from gridsvc.core.events import SYSTEM

readings = typer.Typer(help="How names are read that are read differently here.", no_args_is_help=True)

Word = Annotated[str, typer.Argument(help="A Chinese character or word, such as 六合")]


@readings.command("add")
def add(
    word: Word,
    reading: Annotated[str, typer.Argument(help='Its syllables, such as "lu he"; several ways with commas between')],
    home: Home = None,
) -> None:
    """Read a character or word so in every name, at once; what was said of it before is replaced."""
    with refusals_as_sentences(), reached(home) as engine:
        with transaction(engine) as session:
            names = add_reading(session, word, reading, actor=SYSTEM)
        say(f"{word} is read {reading}; {names} names hold it.")


@readings.command("list")
def list_all(home: Home = None) -> None:
    """List the words with readings of their own."""
    with refusals_as_sentences(), reached(home) as engine, transaction(engine) as session:
        for word, ways in own_readings(session):
            typer.echo(f"{word}\t{', '.join(ways)}")


@readings.command("remove")
def remove(word: Word, home: Home = None) -> None:
    """Read a character or word again as everybody does."""
    with refusals_as_sentences(), reached(home) as engine:
        with transaction(engine) as session:
            names = remove_reading(session, word, actor=SYSTEM)
        say(f"{word} is read as in the dictionary again; {names} names hold it.")
