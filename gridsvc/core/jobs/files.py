"""Files of jobs: a stream in, kept in the database beside the job, laid out again where a worker needs it."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sqlalchemy import delete
from sqlalchemy.orm import Session

from gridsvc.core.db import driver_of
from gridsvc.core.jobs.tables import JobFile

PIECE_BYTES = 1 << 20


def keep_file(session: Session, job: int, stream: IO[bytes]) -> None:
    """Keep a file for a job, in pieces, in the caller's transaction; it goes when the job ends."""
    with driver_of(session).cursor() as cursor:
        for number, piece in enumerate(iter(lambda: stream.read(PIECE_BYTES), b"")):
            # %b sends the bytes as they are, where %s would send twice as many digits.
            cursor.execute("insert into job_file (job, number, bytes) values (%s, %s, %b)", (job, number, piece))


def lay_out(session: Session, job: int, path: Path) -> None:
    """Write a job's file to `path`."""
    with path.open("wb") as file:
        for piece in _pieces(session, job):
            file.write(piece)


def drop_file(session: Session, job: int) -> None:
    """Forget a job's file."""
    session.execute(delete(JobFile).where(JobFile.job == job))


def _pieces(session: Session, job: int) -> Iterator[bytes]:
    with driver_of(session).cursor(binary=True) as cursor:
        number = 0
        while row := cursor.execute(
            "select bytes from job_file where job = %s and number = %s", (job, number)
        ).fetchone():
            yield row[0]
            number += 1
