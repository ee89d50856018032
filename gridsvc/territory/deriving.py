"""What is due to be derived after a change of many rows in, the map, search and feature texts brought up to it out.

The statements are the database's own (`derive_due_now`, migrations/sql/20261125_deriving.sql); this is who calls them.
"""

from collections.abc import Callable

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gridsvc.core.db import transaction
from gridsvc.core.events import SYSTEM
from gridsvc.core.jobs.queue import Running, defer

DERIVE = "derive"
STEPS = {"drawn": "drawing the map", "written": "writing features", "search": "indexing for search"}
"""What is derived, in the order of who waits most for it, and what a person is told meanwhile."""

# Looked for by name: an index answers, and next to nothing is due most of the time.
DUE = text("""
    select asked.name from unnest(cast(:all as text[])) asked (name)
    where exists (select from derive_due d where d.derived = asked.name)""")
WAITING = text("select arguments ->> 'derived' from job where kind = :kind and state = 'queued'")
NOW = text("select derive_due_now(:derived)")


def due(session: Session) -> list[str]:
    """Tell what is due, as far as this transaction sees it."""
    found = set(session.scalars(DUE, {"all": list(STEPS)}))
    return [one for one in STEPS if one in found]


def ask_for_due(session: Session, *, actor: str = SYSTEM) -> None:
    """Ask workers for what is due, in the caller's transaction, unless somebody's asking waits already."""
    wanted = due(session)
    if wanted:
        waiting = set(session.scalars(WAITING, {"kind": DERIVE}))
        for one in wanted:
            if one not in waiting:
                defer(session, DERIVE, actor=actor, derived=one)


def look_for_due(engine: Engine) -> None:
    """Ask workers for what is due that nobody has asked for: changes by direct statements, or a command that was killed."""
    with transaction(engine) as session:
        ask_for_due(session)


def do_derive(running: Running) -> dict[str, int]:
    """Derive what the job names, in the job's own transaction."""
    derived = str(running.arguments["derived"])
    running.progress(STEPS[derived], 0, 0)
    return {"changes": int(running.session.scalar(NOW, {"derived": derived}) or 0)}


def catch_up(engine: Engine, progress: Callable[[str, int, int], None]) -> None:
    """Derive all that is due here and now, each kind of it in a transaction of its own."""
    with transaction(engine) as session:
        wanted = due(session)
    for number, one in enumerate(wanted):
        progress(STEPS[one], number, len(wanted))
        with transaction(engine) as session:
            session.execute(NOW, {"derived": one})
    progress("done", len(wanted), len(wanted))
