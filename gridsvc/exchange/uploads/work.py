"""What an import job does: the uploaded file and its options in, the layer brought to it and the outcome as JSON out."""

import tempfile
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gridsvc.core.errors import Invalid, Refusal
from gridsvc.core.http import Moment
from gridsvc.core.jobs.files import lay_out
from gridsvc.core.jobs.queue import Running
from gridsvc.core.settings import settings
from gridsvc.exchange.uploads.receiving import Asked
from gridsvc.territory.deriving import ask_for_due

FAULTS_SHOWN = 100
REJECTS_SHOWN = 1000


class Given(Asked):
    """What a job was asked, with the moment it holds from, so that a second try takes the same one."""

    moment: Moment


def arguments_of(asked: Asked, now: datetime) -> dict[str, Any]:
    """Write down what a job is asked."""
    return asked.model_dump(mode="json", by_alias=True) | {"moment": (asked.from_ or now).isoformat()}


def do_import(running: Running) -> dict[str, Any]:
    """Import the job's file in the job's transaction; a dry run does all of it and takes it back.

    Raises Invalid and its kinds, with the faults, for a file that is refused.
    """
    given = Given.model_validate(running.arguments)
    with tempfile.TemporaryDirectory(prefix="gridsvc-import-") as folder:
        path = Path(folder) / given.file
        running.progress("fetching", 0, 0)
        lay_out(running.session, running.id, path)
        try:
            told = _try(running, given, path)
        except Refusal as refusal:
            # The reader knows the file by its name, and has nothing to do with where it lay here.
            refusal.sentence = refusal.sentence.replace(f"{folder}/", "")
            raise
    return {"layer": given.layer, "file": given.file, "dry_run": given.dry_run, **told}


def _try(running: Running, given: Given, path: Path) -> dict[str, Any]:
    trial = running.session.begin_nested() if given.dry_run else None
    told = _bring_in(running, given, path)
    _prove(running.session)
    if trial is not None:
        trial.rollback()
    else:
        ask_for_due(running.session, actor=running.actor)
    return told


def _bring_in(running: Running, given: Given, path: Path) -> dict[str, Any]:
    # Loaded by the worker alone: the service that only takes files in does without.
    from gridsvc.exchange.imports import Choices, Refused, import_file  # noqa: PLC0415
    from gridsvc.exchange.standards.calendar import import_calendar  # noqa: PLC0415
    from gridsvc.exchange.standards.catalogue import import_catalogue  # noqa: PLC0415

    choices = Choices(
        from_=given.moment,
        since=given.from_,
        crs=given.crs,
        constants=given.set,
        skip_bad=given.skip_bad,
        whole=given.whole,
        repair_m=given.repair,
        names=given.map,
        keep_holes_above_m2=given.keep_holes,
        look=given.dry_run,
        trust_crs=given.trust_crs,
    )
    try:
        if given.layer == "catalogue":
            version, conditions = import_catalogue(running.session, path, actor=running.actor, constants=given.set)
            return {"version": version, "conditions": conditions}
        if given.layer == "calendar":
            return asdict(import_calendar(running.session, path, actor=running.actor))
        outcome = import_file(
            running.session,
            path,
            given.layer,
            choices,
            settings=settings(),
            actor=running.actor,
            progress=running.progress,
        )
    except Refused as refusal:
        refusal.facts.update(_rows("faults", [(one.row, one.reason) for one in refusal.faults], FAULTS_SHOWN))
        raise
    left_out = [(one.row, one.reason) for one in outcome.faults]
    preview = {"preview": asdict(outcome.preview)} if outcome.preview else {}
    return {
        **preview,
        "rows": outcome.rows,
        "new": outcome.merged.new,
        "changed": outcome.merged.changed,
        "unchanged": outcome.merged.unchanged,
        "repaired": [vars(change) for change in outcome.repaired],
        **_rows("faults", left_out, FAULTS_SHOWN),
        **_rows("rejects", [*left_out, *outcome.passed_over], REJECTS_SHOWN),
    }


def _prove(session: Session) -> None:
    """Let the database prove now what it would prove at the commit, so that its refusal is the job's sentence."""
    try:
        session.execute(text("set constraints all immediate"))
    except IntegrityError as error:
        raise Invalid(f"{str(error.orig).splitlines()[0]}; nothing was written.") from None


def _rows(name: str, rows: list[tuple[Any, str]], most: int) -> dict[str, Any]:
    """Show the first rows, and say how many there are."""
    return {name: [{"row": row, "reason": reason} for row, reason in rows[:most]], f"{name}_count": len(rows)}
