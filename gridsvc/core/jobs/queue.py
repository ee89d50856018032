"""The face of jobs: a kind and arguments in the caller's transaction in, a job that workers will find out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from procrastinate import App, SyncPsycopgConnector
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from gridsvc.core.db import driver_of
from gridsvc.core.errors import Conflict, NotFound
from gridsvc.core.events import record
from gridsvc.core.jobs.files import drop_file
from gridsvc.core.jobs.progress import Progress
from gridsvc.core.jobs.tables import Job

QUEUE = "jobs"
TASK = "gridsvc.job"
"""The one task procrastinate knows; what kind of job it is stands in our own row."""

# Never opened: it only writes rows on the caller's own connection.
_deferring = App(connector=SyncPsycopgConnector())


@dataclass(frozen=True)
class Running:
    """A job under way: who asked for what, the transaction it works in, and whom it tells of its progress."""

    id: int
    actor: str
    arguments: Mapping[str, Any]
    session: Session
    progress: Progress


Work = Callable[[Running], Any]
"""What a kind of job does: all its writing in `session`; its answer (JSON) becomes the job's result.

A Refusal it raises ends the job as failed with the sentence, and with nothing written.
"""


def defer(session: Session, kind: str, *, actor: str, **arguments: Any) -> int:
    """Ask for a job in the caller's transaction: it is there when that commits, and never was when it does not.

    `arguments` must be JSON. Answers the job's number.
    """
    job = session.scalars(insert(Job).values(kind=kind, actor=actor, arguments=arguments).returning(Job.id)).one()
    queue_id = _deferring.configure_task(TASK, queue=QUEUE, connection=driver_of(session)).defer(job=job)
    session.execute(update(Job).where(Job.id == job).values(queue_id=queue_id))
    return job


def cancel(session: Session, job: int, *, actor: str) -> None:
    """Cancel a job: one that waits is cancelled at once, one that runs at its next sign of progress, writing nothing.

    Raises Conflict for a job that has ended otherwise; cancelling twice is once.
    """
    row = session.scalars(select(Job).where(Job.id == job).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"There is no job {job}.")
    if row.state in ("done", "failed"):
        raise Conflict(f"Job {job} has ended already ({row.state}).")
    if row.state == "cancelled" or row.cancel_asked:
        return
    row.cancel_asked = True
    if row.state == "queued":
        row.state, row.finished_at, row.message = "cancelled", func.now(), "Cancelled before it was begun."
        _deferring.job_manager.cancel_job_by_id(row.queue_id or 0, delete_job=True, connection=driver_of(session))
        drop_file(session, job)
    record(session, "job.cancelled", f"job:{job}", actor=actor, job_kind=row.kind)
    session.flush()
