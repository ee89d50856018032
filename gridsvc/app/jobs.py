"""Jobs over HTTP: how far they are and how they ended, for who started them and for administrators; and the kinds there are."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from gridsvc.access.audit.chain import seal
from gridsvc.access.guard import Caller, CallerNow
from gridsvc.core.browse import Page, answer_list, item_sql
from gridsvc.core.errors import NotFound
from gridsvc.core.http import Hot, InTransaction
from gridsvc.core.jobs.queue import Work, cancel
from gridsvc.core.jobs.reading import JOBS, read
from gridsvc.core.jobs.schemas import Job, JobQuery
from gridsvc.core.jobs.worker import Chore
from gridsvc.exchange.uploads.endpoints import IMPORT
from gridsvc.exchange.uploads.work import do_import
from gridsvc.incidents.board.warnings import warn
from gridsvc.incidents.hooks.delivering import deliver
from gridsvc.privacy.retention import retain_daily
from gridsvc.territory.deriving import DERIVE, do_derive, look_for_due

router = APIRouter(tags=["jobs"])

KINDS: dict[str, Work] = {IMPORT: do_import, DERIVE: do_derive}
"""The one table of what workers can do."""
CHORES = (
    Chore("gridsvc.look_for_due", "* * * * *", look_for_due),
    Chore("gridsvc.warn", "* * * * *", warn),
    Chore("gridsvc.deliver", "* * * * *", deliver),
    Chore("gridsvc.seal_audit", "* * * * *", seal),
    Chore("gridsvc.retain", "40 18 * * *", retain_daily),
)
"""What workers do by the clock, one of them each time."""

ONE = f"{item_sql(JOBS)} and (%(actor)s::text is null or j.actor = %(actor)s)".encode()


@router.get("/jobs", responses={200: {"model": Page[Job]}})
async def list_jobs(
    database: Hot, request: Request, caller: CallerNow, asked: Annotated[JobQuery, Query()]
) -> Response:
    """List one's own jobs, newest first; an administrator's list has everybody's."""
    return await answer_list(database, JOBS, asked, request.url, actor=_whose(caller))


@router.get("/jobs/{job}", responses={200: {"model": Job}})
async def read_job(database: Hot, caller: CallerNow, job: str) -> Response:
    """Read a job: its state, how far it is, the time left in seconds, and its result or the reason it failed."""
    rows = await database.rows(ONE, {"key": _number(job), "actor": _whose(caller)})
    if not rows:
        raise NotFound(f"There is no job {job!r}.")
    return Response(rows[0][0].encode(), media_type="application/json")


@router.delete("/jobs/{job}", status_code=202, responses={202: {"model": Job}})
def cancel_job(session: InTransaction, caller: CallerNow, job: str) -> JSONResponse:
    """Cancel a job: at once when it waits, within a moment when it runs; nothing of it is written then.

    Answers 409 when it has ended already.
    """
    number = _number(job)
    seen: dict[str, Any] = read(session, number)
    if _whose(caller) not in (None, seen["actor"]):
        raise NotFound(f"There is no job {number}.")
    cancel(session, number, actor=caller.username)
    return JSONResponse(read(session, number), 202)


def _whose(caller: Caller) -> str | None:
    """Tell whose jobs a caller may know of; None: everybody's, for who sees everything that they can tell of."""
    return None if caller.may("job.all") and caller.is_everywhere else caller.username


def _number(job: str) -> int:
    if not job.isdecimal() or not job.isascii() or int(job[:12]) >= 2**31:
        raise NotFound(f"There is no job {job[:80]!r}.")
    return int(job)
