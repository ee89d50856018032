"""Jobs over HTTP: seen and cancelled by who started them and by administrators, and by nobody else; and real workers."""

import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from sqlalchemy import text

from gridsvc.app.jobs import KINDS
from gridsvc.core.db import transaction
from gridsvc.core.jobs.queue import defer
from gridsvc.core.jobs.run import perform
from tests.conftest import Service, Town, copy_database

PATIENCE_S = 120
WORKER = "code,name,phone,department\nW9,示例网格员九,10000000009,示例社区\n"


def ask(service: Service, actor: str) -> int:
    with transaction(service.engine) as session:
        return defer(session, "import", actor=actor, layer="grids")


def test_a_job_is_seen_by_who_started_it_and_by_administrators_alone(service: Service) -> None:
    job = ask(service, "planner")
    statuses = {
        role: service.client.get(f"/api/v1/jobs/{job}", headers=service.as_(role)).status_code
        for role in ("planner", "admin", "dispatcher", "viewer")
    }
    assert statuses == {"planner": 200, "admin": 200, "dispatcher": 404, "viewer": 404}
    assert service.client.delete(f"/api/v1/jobs/{job}", headers=service.as_("viewer")).status_code == 404
    seen = service.client.get(f"/api/v1/jobs/{job}", headers=service.as_("planner")).json()
    assert seen["state"] == "queued"
    assert {"id", "kind", "state", "done", "total", "eta_s", "message", "result", "created_at"} <= set(seen)


def test_own_jobs_are_listed_newest_first_page_by_page_and_administrators_see_all(service: Service) -> None:
    own = [str(ask(service, "planner")) for _ in range(3)]
    other = str(ask(service, "dispatcher"))
    path, found = "/api/v1/jobs?limit=2", []
    while path:
        page = service.client.get(path, headers=service.as_("planner")).json()
        found += [job["id"] for job in page["items"]]
        path = page["next"]
    assert found == own[::-1]
    everybody = service.client.get("/api/v1/jobs", headers=service.as_("admin")).json()["items"]
    assert [job["id"] for job in everybody] == [other, *own[::-1]]
    assert service.client.get("/api/v1/jobs?actor=planner", headers=service.as_("viewer")).status_code == 422
    assert service.client.get("/api/v1/jobs?state=done", headers=service.as_("admin")).json()["items"] == []


def test_a_waiting_job_is_cancelled_at_once_and_an_ended_one_is_not(service: Service) -> None:
    job = ask(service, "planner")
    for role in ("planner", "admin"):
        answer = service.client.delete(f"/api/v1/jobs/{job}", headers=service.as_(role))
        assert (answer.status_code, answer.json()["state"]) == (202, "cancelled")
    with service.engine.connect() as connection:
        cancelled = connection.scalars(text("select actor from event where kind = 'job.cancelled'")).all()
    assert cancelled == ["planner"]
    failing = ask(service, "planner")
    perform(service.engine, KINDS, failing, lambda: False)
    answer = service.client.delete(f"/api/v1/jobs/{failing}", headers=service.as_("planner"))
    assert (answer.status_code, "has ended already (failed)" in answer.json()["detail"]) == (409, True)


@pytest.mark.parametrize("job", ["0", "999999", "99999999999999999999", "x", "-1", "²", "1.0"])
def test_a_number_that_is_no_job_is_not_found(service: Service, job: str) -> None:
    for method in ("GET", "DELETE"):
        assert service.client.request(method, f"/api/v1/jobs/{job}", headers=service.as_("admin")).status_code == 404


def start_worker(url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gridsvc.app.cli", "work"],
        env={**os.environ, "GRIDSVC_DATABASE_URL": url},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_worker_of_the_command_line_does_what_was_sent_over_http_and_leaves_when_told(service: Service) -> None:
    worker = start_worker(service.engine.url.render_as_string(hide_password=False))
    try:
        assert worker.stderr
        assert worker.stderr.readline().startswith("ready: a worker for jobs (derive, import)")
        sent = service.client.post(
            "/api/v1/imports",
            files={"file": ("workers.csv", WORKER)},
            data={"layer": "workers"},
            headers=service.as_("admin"),
        )
        deadline = time.monotonic() + PATIENCE_S
        job: dict[str, Any] = sent.json()
        while job["state"] in ("queued", "running"):
            assert time.monotonic() < deadline, job
            time.sleep(0.1)
            job = service.client.get(sent.headers["location"], headers=service.as_("admin")).json()
        assert (job["state"], job["result"]["new"]) == ("done", 1)
        assert service.client.get("/readyz").json() == {"ready": True, "workers": 1, "catching_up": []}
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=PATIENCE_S)
    assert worker.returncode == 0
    assert service.client.get("/readyz").json() == {"ready": True, "workers": 0, "catching_up": []}


def test_a_worker_without_a_database_or_with_an_old_one_says_so(town: Town) -> None:
    alone = subprocess.run(
        [sys.executable, "-m", "gridsvc.app.cli", "work", "--home", "nowhere"],
        env={name: value for name, value in os.environ.items() if name != "GRIDSVC_DATABASE_URL"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert (alone.returncode, "GRIDSVC_DATABASE_URL" in alone.stderr) == (1, True), alone.stderr
    old = start_worker(copy_database(town.url).replace("/test_", "/no_such_"))
    _, said = old.communicate(timeout=PATIENCE_S)
    assert (old.returncode, "does not answer" in said, "Traceback" in said) == (1, True, False), said
