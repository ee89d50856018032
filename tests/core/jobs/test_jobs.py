"""Jobs as they are promised: deferred with the caller's transaction, all or nothing, once, whatever happens to workers."""

import os
import signal
import time

import pytest
from sqlalchemy import text

from gridsvc.core.db import make_sessions, transaction
from gridsvc.core.errors import Conflict, NotFound
from gridsvc.core.jobs.queue import cancel, defer
from gridsvc.core.jobs.reading import read
from gridsvc.core.jobs.run import JOB_LOCKS, Again, Ending, end, perform
from gridsvc.core.jobs.worker import forget
from tests.core.jobs.conftest import ACTOR, PATIENCE_S, Bench
from tests.core.jobs.kinds import KINDS


def test_a_job_deferred_in_a_transaction_that_is_taken_back_never_was(bench: Bench) -> None:
    with make_sessions(bench.engine)() as session:
        job = defer(session, "note", actor=ACTOR)
        assert read(session, job)["state"] == "queued"
        session.rollback()
        with pytest.raises(NotFound):
            read(session, job)
    assert bench.queued() == 0


def test_a_job_is_done_and_its_answer_kept(bench: Bench) -> None:
    worker = bench.work_apart()
    job = bench.defer("note", say="新街口")
    seen = bench.wait(job)
    assert (seen["state"], seen["result"], seen["actor"]) == ("done", {"said": "新街口"}, ACTOR)
    assert bench.notes() == [(job, worker.pid)]
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE_S) == 0
    assert bench.queued() == 0


def test_progress_and_time_left_are_seen_while_the_job_s_own_transaction_is_open(bench: Bench) -> None:
    bench.work()
    job = bench.defer("slow", seconds=2)
    seen = bench.wait(job, lambda job: bool(job["done"]))
    assert (seen["state"], seen["message"], seen["total"]) == ("running", "counting", 20)
    assert 0 < seen["done"] < 20
    # At its first sign of life no time has passed that could be told.
    assert 0 <= seen["eta_s"] < 60
    assert bench.notes() == []
    ended = bench.wait(job)
    assert (ended["state"], ended["done"], ended["eta_s"]) == ("done", 20, None)
    assert len(bench.notes()) == 1


@pytest.mark.parametrize(("kind", "seconds"), [("slow", 60), ("long_statement", 60)])
def test_a_job_cancelled_while_it_runs_stops_soon_and_writes_nothing(bench: Bench, kind: str, seconds: int) -> None:
    bench.work()
    job = bench.defer(kind, seconds=seconds)
    bench.wait(job, lambda job: job["state"] == "running")
    began = time.monotonic()
    with transaction(bench.engine) as session:
        cancel(session, job, actor=ACTOR)
        assert read(session, job)["message"] == "cancelling"
    ended = bench.wait(job)
    assert time.monotonic() - began < 20
    assert ended["state"] == "cancelled"
    assert bench.notes() == []
    # The worker is as good as before, and so is its connection.
    again = bench.defer("note")
    assert bench.wait(again)["state"] == "done"


def test_a_job_cancelled_while_it_waits_is_never_begun(bench: Bench) -> None:
    job = bench.defer("note")
    for _ in range(2):
        with transaction(bench.engine) as session:
            cancel(session, job, actor=ACTOR)
    assert bench.queued() == 0
    bench.work()
    other = bench.defer("note")
    bench.wait(other)
    assert bench.read(job)["state"] == "cancelled"
    assert [number for number, _ in bench.notes()] == [other]
    with pytest.raises(Conflict, match="has ended already"), transaction(bench.engine) as session:
        cancel(session, other, actor=ACTOR)


def test_a_job_cancelled_as_a_worker_takes_it_is_not_done(bench: Bench) -> None:
    job = bench.defer("note")
    with bench.engine.begin() as connection:
        connection.execute(text("update procrastinate_jobs set status = 'doing'"))
    with transaction(bench.engine) as session:
        cancel(session, job, actor=ACTOR)
    perform(bench.engine, KINDS, job, lambda: False)
    assert bench.read(job)["state"] == "cancelled"
    assert bench.notes() == []


def test_a_job_whose_worker_died_before_it_began_is_brought_again(bench: Bench) -> None:
    job = bench.defer("note")
    with bench.engine.begin() as connection:
        connection.execute(text("update procrastinate_jobs set status = 'doing'"))
    bench.work()
    assert bench.wait(job)["state"] == "done"
    assert len(bench.notes()) == 1


def test_a_job_that_is_being_done_is_not_begun_beside_it(bench: Bench) -> None:
    job = bench.defer("note")
    with bench.engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:locks, :job)"), {"locks": JOB_LOCKS, "job": job})
        with pytest.raises(Again):
            perform(bench.engine, KINDS, job, lambda: False)
        assert bench.read(job)["state"] == "queued"
    perform(bench.engine, KINDS, job, lambda: False)
    assert bench.read(job)["state"] == "done"


def test_an_attempt_that_fails_late_does_not_touch_the_one_that_began_since(bench: Bench) -> None:
    job = bench.defer("note")
    with bench.engine.begin() as connection:
        connection.execute(text("update job set state = 'running', attempts = 2"))
    end(bench.engine, job, 1, Ending("failed", "The first attempt failed."))
    assert bench.read(job)["state"] == "running"
    end(bench.engine, job, 2, Ending("failed", "The second attempt failed."))
    assert (bench.read(job)["state"], bench.read(job)["message"]) == ("failed", "The second attempt failed.")


def test_a_refused_job_fails_with_its_sentence_and_writes_nothing(bench: Bench) -> None:
    bench.work()
    seen = bench.wait(bench.defer("refuse"))
    assert (seen["state"], seen["message"]) == ("failed", "The third row is upside down.")
    assert seen["result"] == {"kind": "invalid", "faults": [{"row": 3}]}
    assert bench.notes() == []


def test_a_fault_of_the_program_is_told_without_its_secrets(bench: Bench) -> None:
    bench.work()
    seen = bench.wait(bench.defer("break"))
    assert (seen["state"], "logged" in seen["message"]) == ("failed", True)
    assert "secret" not in str(seen)
    assert "Traceback" not in str(seen)
    assert bench.notes() == []


def test_a_job_of_a_kind_nobody_knows_fails_and_names_it(bench: Bench) -> None:
    bench.work()
    seen = bench.wait(bench.defer("fly"))
    assert (seen["state"], "'fly'" in seen["message"]) == ("failed", True)


def test_a_job_that_loses_its_connection_is_run_again(bench: Bench) -> None:
    bench.work()
    seen = bench.wait(bench.defer("lose_connection"))
    assert (seen["state"], seen["result"]) == ("done", "attempt 2")
    assert len(bench.notes()) == 1


def test_a_worker_killed_in_the_middle_is_replaced_and_the_job_takes_effect_once(bench: Bench) -> None:
    first = bench.work_apart()
    job = bench.defer("slow", seconds=3)
    bench.wait(job, lambda job: bool(job["done"]))
    second = bench.work_apart()
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    ended = bench.wait(job)
    assert (ended["state"], ended["result"]) == ("done", "counted")
    assert bench.notes() == [(job, second.pid)]
    time.sleep(1)
    assert bench.notes() == [(job, second.pid)]
    assert bench.queued() == 0


def test_a_worker_told_to_stop_leaves_a_long_job_to_another(bench: Bench) -> None:
    first = bench.work_apart()
    job = bench.defer("long_statement", seconds=4)
    bench.wait(job, lambda job: job["state"] == "running")
    first.send_signal(signal.SIGTERM)
    assert first.wait(PATIENCE_S) == 0
    assert bench.read(job)["state"] == "queued"
    assert bench.notes() == []
    second = bench.work_apart()
    assert bench.wait(job)["state"] == "done"
    assert bench.notes() == [(job, second.pid)]


def test_a_job_that_kills_every_worker_is_given_up(bench: Bench) -> None:
    job = bench.defer("note")
    with bench.engine.begin() as connection:
        connection.execute(text("update job set attempts = 5, state = 'running' where id = :job"), {"job": job})
    bench.work()
    seen = bench.wait(job)
    assert (seen["state"], "was begun 5 times" in seen["message"]) == ("failed", True)
    assert bench.notes() == []


def test_a_job_brought_twice_takes_effect_once(bench: Bench) -> None:
    job = bench.defer("slow", seconds=1)
    with bench.engine.begin() as connection:
        for _ in range(3):
            connection.execute(
                text(
                    "insert into procrastinate_jobs (queue_name, task_name, args)"
                    " values ('jobs', 'gridsvc.job', jsonb_build_object('job', cast(:job as integer)))"
                ),
                {"job": job},
            )
    bench.work_apart(at_once=2)
    bench.work_apart(at_once=2)
    assert bench.wait(job)["state"] == "done"
    deadline = time.monotonic() + PATIENCE_S
    while bench.queued() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert bench.queued() == 0
    assert len(bench.notes()) == 1


def test_two_workers_share_fifty_jobs_and_do_each_once(bench: Bench) -> None:
    jobs = [bench.defer("note") for _ in range(50)]
    workers = [bench.work_apart(at_once=2), bench.work_apart(at_once=2)]
    for job in jobs:
        assert bench.wait(job)["state"] == "done"
    done = bench.notes()
    assert [job for job, _ in done] == jobs
    assert {process for _, process in done} <= {worker.pid for worker in workers}


def test_ended_jobs_are_forgotten_after_their_time(bench: Bench) -> None:
    old, young = bench.defer("note"), bench.defer("note")
    with bench.engine.begin() as connection:
        connection.execute(text("delete from procrastinate_jobs"))
        connection.execute(
            text(
                "update job set state = 'done', finished_at = now() - case id when :old then interval '31 days'"
                " else interval '29 days' end"
            ),
            {"old": old},
        )
    forget(bench.engine, 30)
    assert bench.read(young)["state"] == "done"
    with pytest.raises(NotFound):
        bench.read(old)
