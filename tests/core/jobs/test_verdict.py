"""What becomes of a job that was stopped by an error, and what of its result can be kept; both pure."""

import json

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from gridsvc.core.errors import Conflict
from gridsvc.core.jobs.progress import Cancelled, Leaving, Progress
from gridsvc.core.jobs.run import FAULT, Again, Ending, storable, verdict


def wrapped(error: psycopg.Error) -> OperationalError:
    return OperationalError("select 1", {}, error)


@pytest.mark.parametrize(
    "error",
    [
        wrapped(psycopg.OperationalError("the connection is closed")),
        wrapped(psycopg.errors.AdminShutdown("going down")),
        psycopg.errors.DeadlockDetected("in each other's way"),
        Leaving(),
    ],
)
def test_what_passes_is_tried_again(error: Exception) -> None:
    assert isinstance(verdict(error, 1), Again)


@pytest.mark.parametrize(
    "error",
    [wrapped(psycopg.errors.QueryCanceled("too long")), psycopg.errors.DiskFull("full"), ValueError("a mistake")],
)
def test_what_does_not_pass_ends_the_job_with_one_sentence(error: Exception) -> None:
    assert verdict(error, 1) == Ending("failed", FAULT)


def test_each_attempt_waits_longer_but_never_long() -> None:
    error = psycopg.OperationalError("gone")
    waits = [verdict(error, attempt) for attempt in (1, 2, 5, 50)]
    assert [again.wait_s for again in waits if isinstance(again, Again)] == [2, 4, 32, 60]


def test_a_refusal_and_a_cancelling_end_the_job() -> None:
    assert verdict(Conflict("No.", grid="x"), 1) == Ending("failed", "No.", {"kind": "conflict", "grid": "x"})
    ended = verdict(Cancelled(), 1)
    assert isinstance(ended, Ending)
    assert ended.state == "cancelled"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"a": "x\0y"}, {"a": "xy"}),
        ({"a": "\\u0000"}, {"a": "\\u0000"}),
        ({"a": "\\\0"}, {"a": "\\"}),
        ({"a": float("nan")}, {"a": None}),
        ({"a": {"b", "c"}}, {"a": ["b", "c"]}),
        ({1: (2, 3)}, {"1": [2, 3]}),
    ],
)
def test_a_result_is_kept_as_json_that_the_database_can_hold(given: object, kept: object) -> None:
    stored = storable(given)
    assert stored is not None
    assert json.loads(stored) == kept
    assert storable(None) is None


def test_a_job_hears_at_its_next_sign_of_progress_that_it_must_end() -> None:
    progress = Progress()
    progress("step", 1, 2)
    progress.stop = Cancelled
    with pytest.raises(Cancelled):
        progress("step", 2, 2)
