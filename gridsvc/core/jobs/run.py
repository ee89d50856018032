"""One job, done: its number in, its own transaction worked, committed with its ending or rolled back, out.

However often a job is brought here, it takes effect once. Its transaction holds an advisory lock from beginning to end,
and the row that says "done" is written in it: a second run waits its turn and finds nothing left to do. When a worker
dies, the database drops its connection and with it the lock, so a job that should be running and whose lock is free
has lost its worker.
"""

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import psycopg
import structlog
from sqlalchemy import Engine, Row, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as EngineTimeout
from sqlalchemy.orm import Session

from gridsvc.core.db import EVERYTHING, SEE, driver_of, transaction
from gridsvc.core.errors import Refusal, Unavailable
from gridsvc.core.jobs.files import drop_file
from gridsvc.core.jobs.progress import Cancelled, Leaving, Progress, watched
from gridsvc.core.jobs.queue import Running, Work
from gridsvc.core.schema import app_role

JOB_LOCKS = 0x6A6F_6273
"""The kind of our advisory locks; the job's number stands beside it."""
MOST_ATTEMPTS = 5
LONGEST_MESSAGE = 2000
TAKEN_S = 2.0
"""After what time a job that another worker still holds is looked at again."""
# Of PostgreSQL's errors: the connection is gone or refused, the server is going or coming, or two transactions were in
# each other's way. The same job may well succeed in a moment.
PASSING = ("08", "40001", "40P01", "53300", "55P03", "57P01", "57P02", "57P03")

FAULT = "Something went wrong in the job; nothing was written. The fault has been logged."
GIVEN_UP = (
    f"The job was begun {MOST_ATTEMPTS} times, and each time its worker or the database went away; it was given up."
)
NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
"""NUL as JSON writes it, and not a backslash before the letters u0000."""

# A worker's machine may vanish without a word. The server then asks after its connection, and drops it within 25 s.
LIVELY = text("""
    select set_config('tcp_keepalives_idle', '10', true), set_config('tcp_keepalives_interval', '5', true),
        set_config('tcp_keepalives_count', '3', true)""")
TAKE = text("select pg_try_advisory_xact_lock(:locks, :job)")
BEGIN = text("""
    update job set state = 'running', attempts = attempts + 1, started_at = now(), step_at = now(), done = 0, total = 0,
        message = '' where id = :job and state in ('queued', 'running')
    returning kind, actor, arguments, attempts, cancel_asked, scope""")
# Where there is no such role, or we may not become it, the policies hold for the owner too (force row level security).
BECOME = """
    select set_config('role', rolname, true) from pg_roles where rolname = %s and pg_has_role(rolname, 'member')"""
DONE = text("""
    update job set state = 'done', finished_at = clock_timestamp(), result = cast(:result as jsonb),
        message = :step, done = :done, total = :total
    where id = :job and state = 'running' and not cancel_asked returning id""")
END = text("""
    update job set state = :state, finished_at = clock_timestamp(), message = :message, result = cast(:result as jsonb)
    where id = :job and state in ('queued', 'running') and attempts = :attempts returning id""")
LEAVE = text("""
    update job set state = 'queued', attempts = attempts - :forgiven, message = :message, done = 0, total = 0
    where id = :job and state = 'running' and attempts = :attempts""")


class Again(Exception):  # noqa: N818 - the queue hears by it that the job is to be brought again
    """The job has not ended; it is to be brought again after a while."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"again in {wait_s} s")
        self.wait_s = wait_s


@dataclass(frozen=True)
class Ending:
    """How a job that wrote nothing ended, and what its reader is told."""

    state: str
    message: str
    facts: Any = None


def perform(engine: Engine, kinds: Mapping[str, Work], job: int, leaving: Callable[[], bool]) -> None:
    """Do a job to its end, or raise Again; `leaving` tells when the worker is to stop."""
    attempts, progress = 0, Progress()
    try:
        with transaction(engine) as session:
            _take(session, job)
            begun = _begin(engine, job)
            if begun is None:
                return
            attempts = begun.attempts
            work = _work(kinds, begun)
            _see(session, begun)
            with watched(engine, job, driver_of(session), progress, leaving):
                result = work(Running(job, begun.actor, begun.arguments, session, progress))
            _finish(session, job, result, progress)
    except Again:
        raise
    except Exception as error:  # whatever it is, the job must end or be brought again
        # A job that was told to stop may end with any error; one that is told so a moment too late does not hear of it.
        ending = verdict(progress.stop() if progress.stop else error, attempts)
        if isinstance(ending, Again):
            _leave(engine, job, attempts, forgiven=progress.stop is Leaving)
            raise ending from error
        if ending.message == FAULT:
            structlog.get_logger().error("job.failed", job=job, exc_info=error)
        end(engine, job, attempts, ending)


def verdict(error: Exception, attempts: int) -> Ending | Again:
    """Decide from what stopped a job whether it has ended, and how, or is to be brought again."""
    if isinstance(error, Cancelled):
        return Ending("cancelled", "Cancelled while it ran; nothing was written.")
    if isinstance(error, Leaving):
        return Again(0)
    if isinstance(error, Refusal):
        return Ending("failed", error.sentence, {"kind": error.kind, **error.facts})
    if passes(error):
        return Again(min(2.0**attempts, 60.0))
    return Ending("failed", FAULT)


def passes(error: Exception) -> bool:
    """Tell whether an error is the database's, and of a kind that passes."""
    if isinstance(error, EngineTimeout):
        return True
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, psycopg.OperationalError):
        return False
    return cause.sqlstate is None or cause.sqlstate.startswith(PASSING)


def end(engine: Engine, job: int, attempts: int, ending: Ending) -> None:
    """End a job that wrote nothing, unless another attempt at it has begun since this one failed."""
    message = ending.message.replace("\0", "")[:LONGEST_MESSAGE]
    with transaction(engine) as session:
        facts = storable(ending.facts)
        given = {"job": job, "attempts": attempts, "state": ending.state, "message": message, "result": facts}
        if session.scalar(END, given) is not None:
            drop_file(session, job)


def storable(value: Any) -> str | None:
    """Write a result as JSON that PostgreSQL can hold, which has no NUL in a text."""
    if value is None:
        return None
    return NUL.sub(r"\1", orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode())


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set | frozenset) else str(value)


def _take(session: Session, job: int) -> None:
    """Take the lock of a job for as long as its transaction lasts; raise Again when another worker has it."""
    if not session.scalar(TAKE, {"locks": JOB_LOCKS, "job": job}):
        raise Again(TAKEN_S)
    session.execute(LIVELY)


def _begin(engine: Engine, job: int) -> Row[Any] | None:
    """Say in a transaction of its own that a job runs, so that others see it; None when it has ended already."""
    with engine.begin() as connection:
        return connection.execute(BEGIN, {"job": job}).one_or_none()


def _work(kinds: Mapping[str, Work], begun: Row[Any]) -> Work:
    """Find what a job that was begun is to do, if it is to be done at all."""
    if begun.cancel_asked:
        raise Cancelled
    if begun.attempts > MOST_ATTEMPTS:
        raise Unavailable(GIVEN_UP)
    if begun.kind not in kinds:
        raise Unavailable(f"The worker does not know jobs of the kind {begun.kind!r}; it may be of another version.")
    return kinds[begun.kind]


def _see(session: Session, begun: Row[Any]) -> None:
    """Let a job see no more than who asked for it; one that sees everything has the owner's rights."""
    if begun.scope != EVERYTHING.scope:
        connection = driver_of(session)
        connection.execute(SEE, (begun.scope, begun.actor))
        connection.execute(BECOME, (app_role(),))


def _finish(session: Session, job: int, result: Any, progress: Progress) -> None:
    """Write in the job's own transaction that it is done; raise Cancelled when somebody was quicker."""
    step, done, total = progress.latest
    found = session.scalar(DONE, {"job": job, "result": storable(result), "step": step, "done": done, "total": total})
    if found is None:
        raise Cancelled
    drop_file(session, job)


def _leave(engine: Engine, job: int, attempts: int, *, forgiven: bool) -> None:
    """Say that a job waits again. When that cannot be written either, it is said when the job is begun again."""
    message = "" if forgiven else "The database went away; the job will be run again."
    with contextlib.suppress(SQLAlchemyError), engine.begin() as connection:
        connection.execute(LEAVE, {"job": job, "attempts": attempts, "forgiven": int(forgiven), "message": message})
