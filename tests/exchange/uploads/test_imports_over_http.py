"""Files over HTTP: sent once, imported by a job, all or nothing; and no more taken in than may be."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from gridsvc.access.accounts import add_account
from gridsvc.access.credentials import issue_token
from gridsvc.app.jobs import KINDS
from gridsvc.app.main import create_app
from gridsvc.core.db import Database, transaction
from gridsvc.core.errors import Invalid
from gridsvc.core.jobs.run import perform
from gridsvc.core.settings import Settings, shipped_data
from gridsvc.exchange.uploads.receiving import file_name
from tests.conftest import Service, Town, copy_database
from tests.town import JIA, YI

NANJING = shipped_data() / "xinjiekou"
COLUMNS = "code,name,phone,department\n"
WORKER = f"{COLUMNS}W9,示例网格员九,10000000009,示例社区\n"


def do_jobs(engine: Engine) -> None:
    """Do every job that waits, as a worker would."""
    with engine.connect() as connection:
        waiting = connection.scalars(text("select id from job where state = 'queued' order by id")).all()
    for job in waiting:
        perform(engine, KINDS, job, lambda: False)


def send(service: Service, role: str, name: str, content: bytes | str, *, key: str | None = None, **fields: Any) -> Any:
    headers = service.as_(role) | ({"Idempotency-Key": key} if key else {})
    return service.client.post("/api/v1/imports", files={"file": (name, content)}, data=fields, headers=headers)


def outcome(service: Service, role: str, name: str, content: bytes | str, **fields: Any) -> dict[str, Any]:
    """Send a file, let it be imported, and read its job."""
    answer = send(service, role, name, content, **fields)
    assert answer.status_code == 202, answer.text
    do_jobs(service.engine)
    job: dict[str, Any] = service.client.get(answer.headers["location"], headers=service.as_(role)).json()
    return job


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return connection.scalar(text(f"select count(*) from {table}")) or 0


def square(code: str, name: str, west: float, south: float, side: float) -> str:
    east, north = west + side, south + side
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {"code": code, "name": name}, "geometry": shape}
    return json.dumps({"type": "FeatureCollection", "features": [feature]})


def test_a_file_is_imported_by_a_job_and_its_bytes_are_forgotten(service: Service) -> None:
    sent = send(service, "admin", "workers.csv", WORKER, layer="workers")
    assert sent.status_code == 202
    assert (sent.json()["state"], sent.json()["kind"], sent.json()["actor"]) == ("queued", "import", "admin")
    assert count(service.engine, "job_file") == 1
    do_jobs(service.engine)
    job = service.client.get(sent.headers["location"], headers=service.as_("admin")).json()
    assert (job["state"], job["done"], job["total"]) == ("done", 1, 1)
    result = job["result"]
    assert (result["new"], result["changed"], result["unchanged"], result["faults"]) == (1, 0, 0, [])
    assert count(service.engine, "job_file") == 0
    workers = service.client.get("/api/v1/workers?q=W9", headers=service.as_("viewer")).json()["items"]
    assert [worker["id"] for worker in workers] == ["W9"]
    with service.engine.connect() as connection:
        kept = connection.execute(text("select actor, facts from event where kind = 'import.done'")).one()
    assert (kept.actor, kept.facts["file"]) == ("admin", "workers.csv")


def test_the_sample_town_comes_in_over_http(empty_engine: Engine) -> None:
    with transaction(empty_engine) as session:
        token = issue_token(session, add_account(session, "boss", "admin", None, actor="test"), "", actor="test")
    database = Database.at(empty_engine.url.render_as_string(hide_password=False), Settings(pool_size=2))
    expected = {
        "divisions.csv": 5,
        "communities.geojson": 7,
        "grids.geojson": 49,
        "buildings.geojson": 1277,
        "streets.geojson": 384,
        "assets.geojson": None,
        "workers.csv": None,
        "posts.csv": None,
        "routes.geojson": None,
    }
    with TestClient(
        create_app(database, Settings(), web=False), headers={"Authorization": f"Bearer {token}"}
    ) as client:
        catalogue = next((shipped_data() / "catalogue").glob("*.json"))
        for path, layer in [(catalogue, "catalogue"), *((NANJING / name, name.split(".")[0]) for name in expected)]:
            with path.open("rb") as file:
                sent = client.post("/api/v1/imports", files={"file": file}, data={"layer": layer})
            assert sent.status_code == 202, sent.text
            do_jobs(empty_engine)
            job = client.get(sent.headers["location"]).json()
            assert job["state"] == "done", job
            if (rows := expected.get(path.name)) is not None and path.name != "divisions.csv":
                assert job["result"]["new"] == rows, job
        assert len(client.get("/api/v1/grids?limit=1000").json()["items"]) == 49


def test_a_dry_run_tells_all_and_changes_nothing(service: Service) -> None:
    before = count(service.engine, "event")
    job = outcome(service, "admin", "workers.csv", WORKER, layer="workers", dry_run="true")
    assert (job["state"], job["result"]["new"], job["result"]["dry_run"]) == ("done", 1, True)
    assert service.client.get("/api/v1/workers/W9", headers=service.as_("viewer")).status_code == 404
    assert count(service.engine, "event") == before


def test_a_bad_file_fails_with_its_sentence_and_its_rows_and_writes_nothing(service: Service) -> None:
    bad = "".join(f"W{number},,10000000009,示例社区\n" for number in range(100, 250))
    job = outcome(service, "admin", "workers.csv", WORKER + bad, layer="workers")
    assert job["state"] == "failed"
    assert "150 of 151 rows cannot be taken (row 2:" in job["message"]
    assert job["result"]["faults_count"] == 150
    assert [fault["row"] for fault in job["result"]["faults"]] == list(range(2, 102))
    assert service.client.get("/api/v1/workers/W9", headers=service.as_("viewer")).status_code == 404
    assert count(service.engine, "job_file") == 0


def test_bad_rows_are_left_out_and_listed_when_that_is_asked_for(service: Service) -> None:
    job = outcome(service, "admin", "workers.csv", f"{WORKER}W8,,1,x\n", layer="workers", skip_bad="true")
    assert (job["state"], job["result"]["new"], job["result"]["rejects_count"]) == ("done", 1, 1)
    assert job["result"]["rejects"][0]["row"] == 2


def test_boundaries_with_faults_fail_with_what_is_wrong_and_where(service: Service) -> None:
    job = outcome(
        service, "planner", "grids.geojson", square(f"{YI}003", "乙三", 118.7804, 32.0414, 0.0001), layer="grids"
    )
    assert job["state"] == "failed"
    assert "no partition" in job["message"]
    assert {fault["kind"] for fault in job["result"]["faults"]} == {"outside_parent"}


@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_what_the_database_proves_at_the_end_is_a_sentence_too(service: Service, dry_run: str) -> None:
    file = square(YI, "乙社区", 118.7804, 32.0414, 0.0001)
    job = outcome(service, "planner", "communities.geojson", file, layer="communities", dry_run=dry_run)
    assert job["state"] == "failed"
    assert "nothing was written" in job["message"] or "no partition" in job["message"]
    assert "Traceback" not in str(job)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("workers.docx", b"PK", "no format that can be read"),
        ("workers.csv", b"", "is empty"),
        ("grids.gpkg", b"not a geopackage", "grids.gpkg"),
        ("workers.xlsx", b"\0" * 1000, "workers.xlsx"),
    ],
)
def test_a_file_that_cannot_be_read_fails_with_its_name(service: Service, name: str, content: bytes, says: str) -> None:
    layer = name.split(".", maxsplit=1)[0]
    job = outcome(service, "admin", name, content, layer=layer)
    assert (job["state"], says in job["message"]) == ("failed", True), job["message"]
    assert "gridsvc-import-" not in job["message"]


def test_a_constant_and_the_day_it_holds_from_are_taken_as_on_the_command_line(service: Service) -> None:
    file = "code,phone,department\nW9,10000000009,示例社区\n"
    fields = {"layer": "workers", "set": ["name=示例网格员九"], "from": "2026-06-01T00:00:00+08:00"}
    job = outcome(service, "admin", "workers.csv", file, **fields)
    assert (job["state"], job["result"]["new"]) == ("done", 1), job
    assert job["arguments"]["moment"] == "2026-06-01T00:00:00+08:00"


def test_a_file_sent_again_with_its_key_makes_no_second_job(service: Service) -> None:
    sent = [send(service, "admin", "workers.csv", WORKER, key="k1", layer="workers") for _ in range(2)]
    assert [answer.status_code for answer in sent] == [202, 202]
    assert sent[0].json() == sent[1].json()
    assert count(service.engine, "job") == 1
    other = send(service, "admin", "workers.csv", f"{WORKER} ", key="k1", layer="workers")
    assert (other.status_code, "already used" in other.json()["detail"]) == (422, True)


@pytest.mark.parametrize(
    ("role", "layer", "status"),
    [
        ("admin", "buildings", 202),
        ("planner", "grids", 202),
        ("planner", "communities", 202),
        ("planner", "workers", 403),
        ("dispatcher", "grids", 403),
        ("viewer", "grids", 403),
        ("worker", "assets", 403),
    ],
)
def test_administrators_import_everything_and_planners_boundaries(
    service: Service, role: str, layer: str, status: int
) -> None:
    assert send(service, role, f"{layer}.geojson", "{}", layer=layer).status_code == status
    assert count(service.engine, "job") == (status == 202)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"layer": "residents"},
        {"layer": "grids", "unknown": "1"},
        {"layer": "grids", "sha256": "0" * 64},
        {"layer": "grids", "dry_run": "perhaps"},
        {"layer": "grids", "repair": "-1"},
        {"layer": "grids", "repair": "nan"},
        {"layer": "grids", "from": "2026-06-01"},
        {"layer": "grids", "set": "name"},
        {"layer": ["grids", "grids"]},
    ],
)
def test_a_form_that_makes_no_sense_is_refused_at_once(service: Service, fields: dict[str, Any]) -> None:
    answer = send(service, "admin", "grids.geojson", "{}", **fields)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    assert answer.json()["detail"]
    assert count(service.engine, "job") == 0


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "multipart/form-data; boundary=x", 422),
        (b"nonsense", "multipart/form-data", 400),
        (b"--x\r\nContent-Disposition: nothing\r\n\r\nz\r\n--x--", "multipart/form-data; boundary=x", 400),
        (b"layer=grids&file=text", "application/x-www-form-urlencoded", 415),
        (b'{"layer": "grids"}', "application/json", 415),
    ],
)
def test_what_is_no_form_with_a_file_is_refused(service: Service, body: bytes, kind: str, status: int) -> None:
    headers = service.as_("admin") | {"Content-Type": kind}
    answer = service.client.post("/api/v1/imports", content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text


@pytest.fixture
def strict(town: Town) -> Iterator[TestClient]:
    """Give a service that takes 1 MB and no more."""
    chosen = Settings(pool_size=2, upload_mb=1)
    database = Database.at(copy_database(town.url), chosen)
    with TestClient(create_app(database, chosen, web=False), raise_server_exceptions=False) as client:
        client.headers["Authorization"] = f"Bearer {town.tokens['admin']}"
        yield client


def test_a_file_beyond_the_bound_is_refused_in_a_sentence(strict: TestClient) -> None:
    fits = strict.post("/api/v1/imports", files={"file": ("a.csv", b"x" * 1_000_000)}, data={"layer": "workers"})
    assert fits.status_code == 202, fits.text
    large = strict.post("/api/v1/imports", files={"file": ("a.csv", b"x" * 1_200_000)}, data={"layer": "workers"})
    assert (large.status_code, "larger than the 1 MB" in large.json()["detail"]) == (413, True)


def test_a_body_of_untold_length_is_cut_off_at_the_bound(strict: TestClient) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        while sent < 50:
            sent += 1
            yield b"x" * 100_000

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    assert strict.post("/api/v1/imports", content=endless(), headers=kind).status_code == 413


def test_a_stranger_s_file_is_not_even_read(service: Service) -> None:
    answer = service.client.post("/api/v1/imports", files={"file": ("a.csv", b"x")}, data={"layer": "grids"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd.csv", "passwd.csv"),
        ("C:\\town\\grids.shp.zip", "grids.shp.zip"),
        ("网格\r\n.geojson", "网格.geojson"),
    ],
)
def test_only_the_name_of_a_file_is_kept(sent: str, kept: str) -> None:
    assert file_name(sent) == kept


@pytest.mark.parametrize("sent", ["", "..", "a/", "\0", "网" * 201])
def test_a_file_needs_a_name(sent: str) -> None:
    with pytest.raises(Invalid):
        file_name(sent)


def test_a_large_file_is_the_same_file_on_the_worker_s_side(service: Service, tmp_path: Path) -> None:
    rows = "".join(f"W{number},示例网格员{number},10000000009,示例社区\n" for number in range(1000, 60_000))
    content = (COLUMNS + rows).encode()
    assert len(content) > 2 << 20
    job = send(service, "admin", "workers.csv", content, layer="workers").json()
    with transaction(service.engine) as session:
        from gridsvc.core.jobs.files import lay_out  # noqa: PLC0415

        lay_out(session, int(job["id"]), tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == content
    assert count(service.engine, "job_file") == 3


def test_nobody_s_name_of_a_community_is_touched_by_a_refused_grid(service: Service) -> None:
    before = service.client.get(f"/api/v1/communities/{JIA}", headers=service.as_("viewer")).json()
    outcome(service, "planner", "grids.geojson", square(f"{JIA}001", "甲一", 118.7804, 32.0414, 0.0001), layer="grids")
    assert service.client.get(f"/api/v1/communities/{JIA}", headers=service.as_("viewer")).json() == before
