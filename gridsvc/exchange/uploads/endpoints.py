"""`POST /imports`: a file and its options in, the job that will import it out."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from fastapi.responses import JSONResponse

from gridsvc.core.http import InTransaction
from gridsvc.core.idempotency import Sent, once
from gridsvc.core.jobs.files import keep_file
from gridsvc.core.jobs.queue import defer
from gridsvc.core.jobs.reading import read
from gridsvc.core.jobs.schemas import Job
from gridsvc.exchange.uploads.receiving import FORM, Upload, received
from gridsvc.exchange.uploads.work import arguments_of

router = APIRouter(tags=["files"])

IMPORT = "import"
"""The kind of job."""


@router.post("/imports", status_code=202, responses={202: {"model": Job}}, openapi_extra=FORM)
def import_upload(
    session: InTransaction,
    upload: Annotated[Upload, Depends(received)],
    key: Annotated[str | None, Header(alias="Idempotency-Key", description="A UUIDv7 made on the device")] = None,
) -> JSONResponse:
    """Import a file into a layer: the answer is a job, whose result tells what was new, changed and left out.

    Every row is checked, then all of it is written or nothing; a refused file ends the job as failed, with its faults.
    """

    def begin() -> tuple[int, Any]:
        arguments = arguments_of(upload.asked, datetime.now(UTC))
        job = defer(session, IMPORT, actor=upload.caller.username, **arguments)
        keep_file(session, job, upload.stream)
        return 202, read(session, job)

    status, job = once(session, Sent(upload.caller.username, key, "POST /imports", upload.asked), begin)
    return JSONResponse(job, status, headers={"Location": f"/api/v1/jobs/{job['id']}"})
