"""A job's number in, what others see of it out; apart from the queue, because asking for a job needs nothing of the web."""

from typing import Any

import orjson
from sqlalchemy.orm import Session

from gridsvc.core.browse import Layer, item_sql
from gridsvc.core.db import driver_of
from gridsvc.core.errors import NotFound

JOBS = Layer(
    name="jobs",
    one="job",
    source="job j",
    key="j.id",
    fields={
        "id": "j.id::text",
        "kind": "j.kind",
        "actor": "j.actor",
        "state": "j.state",
        "done": "j.done",
        "total": "nullif(j.total, 0)",
        # What is left of this step takes as long, piece by piece, as what is done of it took.
        "eta_s": "case when j.state = 'running' and j.done > 0 and j.total >= j.done then round((extract(epoch from"
        " now() - j.step_at) * (j.total - j.done) / j.done)::numeric, 1) end",
        "message": "case when j.cancel_asked and j.state = 'running' then 'cancelling' else j.message end",
        "arguments": "j.arguments",
        "result": "j.result",
        "created_at": "j.created_at",
        "started_at": "j.started_at",
        "finished_at": "j.finished_at",
    },
    filters={"actor": "j.actor = %(actor)s", "state": "j.state = %(state)s", "kind": "j.kind = %(kind)s"},
    newest_first=True,
)


def read(session: Session, job: int) -> dict[str, Any]:
    """Read a job as others see it; raise NotFound."""
    row = driver_of(session).execute(item_sql(JOBS).encode(), {"key": job}).fetchone()
    if row is None:
        raise NotFound(f"There is no job {job}.")
    answer: dict[str, Any] = orjson.loads(row[0])
    return answer
