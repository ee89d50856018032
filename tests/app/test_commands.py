"""The command line as a person uses it: real processes, real files, exit codes and sentences."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from gridsvc.core.cluster import discard
from tests.conftest import Town, copy_database
from tests.town import YI

PATIENCE_S = 120
GRIDSVC = [sys.executable, "-m", "gridsvc.app.cli"]


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*GRIDSVC, *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


def square(folder: Path, **properties: object) -> Path:
    ring = [[118.7804, 32.0414], [118.7805, 32.0414], [118.7805, 32.0415], [118.7804, 32.0415], [118.7804, 32.0414]]
    feature = {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    path = folder / "square.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    return path


def test_an_import_tells_what_it_did_and_a_dry_run_does_nothing(town: Town, tmp_path: Path) -> None:
    url = copy_database(town.url)
    path = square(tmp_path, code="c1", levels=3)
    dry = run("import", "buildings", str(path), "--dry-run", GRIDSVC_DATABASE_URL=url)
    assert (dry.returncode, "1 new" in dry.stderr, "nothing was changed" in dry.stderr) == (0, True, True), dry.stderr
    real = run("import", "buildings", str(path), GRIDSVC_DATABASE_URL=url)
    assert (real.returncode, "1 new" in real.stderr) == (0, True), real.stderr


def test_a_refused_import_exits_1_names_the_row_and_writes_the_reject_file(town: Town, tmp_path: Path) -> None:
    url = copy_database(town.url)
    rejects = tmp_path / "rejects.csv"
    path = square(tmp_path, code="c1", levels="many")
    refused = run("import", "buildings", str(path), "--rejects", str(rejects), GRIDSVC_DATABASE_URL=url)
    assert refused.returncode == 1
    assert "row 1: levels is 'many'" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert rejects.read_text(encoding="utf-8").splitlines()[1].startswith("1,")


def test_a_layer_of_grids_with_faults_is_refused_with_a_map_of_them(town: Town, tmp_path: Path) -> None:
    url = copy_database(town.url)
    faults = tmp_path / "faults.geojson"
    path = square(tmp_path, code=f"{YI}003", name="乙三网格")
    refused = run("import", "grids", str(path), "--faults", str(faults), GRIDSVC_DATABASE_URL=url)
    assert refused.returncode == 1
    assert "no partition of community" in refused.stderr
    assert "outside_parent" in refused.stderr
    kinds = {one["properties"]["kind"] for one in json.loads(faults.read_text(encoding="utf-8"))["features"]}
    assert kinds == {"outside_parent"}


def test_a_layer_is_exported_and_located_from_the_shell(town: Town, tmp_path: Path) -> None:
    url = copy_database(town.url)
    out = tmp_path / "grids.gpkg"
    exported = run("export", "grids", str(out), GRIDSVC_DATABASE_URL=url)
    assert (exported.returncode, "5 grids" in exported.stderr) == (0, True), exported.stderr
    assert out.read_bytes()[:6] == b"SQLite"
    refused = run("export", "grids", str(tmp_path / "grids.docx"), GRIDSVC_DATABASE_URL=url)
    assert (refused.returncode, "names no format" in refused.stderr) == (1, True), refused.stderr
    points = tmp_path / "points.csv"
    points.write_text("lon,lat\n118.7805,32.0415\n", encoding="utf-8")
    located = run("locate", str(points), str(tmp_path / "out.csv"), GRIDSVC_DATABASE_URL=url)
    assert (located.returncode, "1 points" in located.stderr) == (0, True), located.stderr
    assert "320102003901001" in (tmp_path / "out.csv").read_text(encoding="utf-8")


def test_a_moment_and_a_table_for_people_are_in_the_zone_of_the_office(town: Town, tmp_path: Path) -> None:
    office = {"GRIDSVC_DATABASE_URL": copy_database(town.url), "GRIDSVC_TIMEZONE": "America/New_York"}
    out = tmp_path / "posts.csv"
    # The posts of the town begin at midnight UTC, which is 19:00 of the day before in this office.
    for at, rows in (("2025-12-31T18:59:59", 0), ("2025-12-31T19:00:00", 6)):
        exported = run("export", "posts", str(out), "--at", at, "--language", "zh", **office)
        assert (exported.returncode, f"{rows} posts" in exported.stderr) == (0, True), exported.stderr
    header, first, *_ = out.read_text(encoding="utf-8-sig").splitlines()
    assert header == '"记录号","网格","工号","岗位","开始","结束"'
    assert '"责任","2025-12-31 19:00:00-05:00",' in first
    assert run("export", "posts", str(out), "--language", "fr", **office).returncode == 2


def test_wrong_use_exits_2() -> None:
    assert run("import").returncode == 2
    assert run("fly").returncode == 2


def test_a_database_that_does_not_answer_is_a_sentence(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:1/nowhere"
    failed = run("import", "buildings", str(square(tmp_path, code="x")), GRIDSVC_DATABASE_URL=url)
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr


def test_accounts_and_tokens_are_made_from_the_shell(town: Town) -> None:
    url = copy_database(town.url)
    made = run("user", "add", "new", "--role", "viewer", "--password", "long enough 123", GRIDSVC_DATABASE_URL=url)
    assert made.returncode == 0, made.stderr
    again = run("user", "add", "new", "--role", "viewer", "--password", "long enough 123", GRIDSVC_DATABASE_URL=url)
    assert (again.returncode, "is taken" in again.stderr) == (1, True)
    token = run("user", "token", "new", GRIDSVC_DATABASE_URL=url)
    assert len(token.stdout.strip()) >= 40
    assert run("user", "disable", "new", GRIDSVC_DATABASE_URL=url).returncode == 0


def test_settings_are_shown_and_the_database_password_is_not() -> None:
    shown = run("config", "check", GRIDSVC_DATABASE_URL="postgresql://a:pass-word@localhost/b", COLUMNS="200")
    assert shown.returncode == 0
    assert "pass-word" not in shown.stdout
    assert "GRIDSVC_FALLBACK_QUEUE" in shown.stdout


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Give a home of the test's own; its database is deleted for good afterwards."""
    yield tmp_path / "home"
    discard(tmp_path / "home")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def start(home: Path, port: int, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*GRIDSVC, "up", "--home", str(home), "--port", str(port), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_ready(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("ready: "):
            return said
    raise AssertionError("".join(said))


def get(port: int, path: str, token: str) -> object:
    request = Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {token}"})
    with urlopen(request, timeout=30) as answer:  # noqa: S310 - our own address
        return json.load(answer)


def send_workers(port: int, token: str) -> str:
    """Send a file of one worker; answer the job's number."""
    row = "code,name,phone,department\nW99,示例网格员,10000000099,示例社区\n"
    parts = (("layer", "", "workers"), ("file", '; filename="workers.csv"', row))
    body = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n' for name, more, value in parts
    )
    request = Request(
        f"http://127.0.0.1:{port}/api/v1/imports",
        data=f"{body}--x--\r\n".encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "multipart/form-data; boundary=x"},
    )
    with urlopen(request, timeout=30) as answer:  # noqa: S310 - our own address
        return str(json.load(answer)["id"])


def test_up_makes_a_town_and_survives_the_death_of_its_postgis(home: Path) -> None:
    port = free_port()
    process = start(home, port, "--demo")
    try:
        said = "".join(wait_ready(process))
        assert "demo-dispatcher" in said
        sheet = home / "demo-accounts.json"
        assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
        accounts = {entry["role"]: entry for entry in json.loads(sheet.read_text(encoding="utf-8"))}
        assert len(accounts) == 8
        token = accounts["viewer"]["token"]
        grids = get(port, "/api/v1/grids?limit=1000", token)
        assert 25 <= len(grids["items"]) <= 60  # type: ignore[index]
        # kill -9 of the own PostGIS: it is brought back, and what was committed is there.
        postmaster = int((home / "pg" / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
        os.kill(postmaster, signal.SIGKILL)
        deadline, job = time.monotonic() + 60, ""
        while True:
            try:
                assert get(port, "/api/v1/grids?limit=1000", token) == grids
                break
            except OSError:
                assert time.monotonic() < deadline, "the service did not come back"
                time.sleep(0.3)
        # A file that is sent now is taken as soon as the database is there, and imported by the worker beside.
        admin, seen = accounts["admin"]["token"], None
        while seen != "done":
            assert time.monotonic() < deadline + PATIENCE_S, seen
            time.sleep(0.3)
            with suppress(OSError):
                job = job or send_workers(port, admin)
                seen = get(port, f"/api/v1/jobs/{job}", admin)["state"]  # type: ignore[index]
        second = run("up", "--home", str(home), "--port", str(free_port()))
        assert (second.returncode, "in use" in second.stderr) == (1, True), second.stderr
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0
    # A second start finds everything as it was.
    again = start(home, port, "--demo")
    try:
        wait_ready(again)
        assert get(port, "/api/v1/grids?limit=1000", token) == grids
    finally:
        again.send_signal(signal.SIGINT)
        again.communicate(timeout=60)
    assert again.returncode == 0


def test_a_taken_port_is_told_before_anything_is_started(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = run("up", "--home", str(tmp_path / "home"), "--port", str(taken.getsockname()[1]))
    assert refused.returncode == 1
    assert "--port" in refused.stderr
    assert not (tmp_path / "home" / "pg").exists()


def test_an_account_is_linked_to_the_issuer_and_parted(town: Town) -> None:
    office = {"GRIDSVC_DATABASE_URL": copy_database(town.url)}
    unset = run("user", "link", "planner", "00u1", **office)
    assert (unset.returncode, "GRIDSVC_OIDC_ISSUER" in unset.stderr) == (1, True), unset.stderr
    office |= {"GRIDSVC_OIDC_ISSUER": "https://id.example", "GRIDSVC_OIDC_CLIENT_ID": "gridsvc"}
    assert run("user", "link", "planner", "00u1", **office).returncode == 0
    taken = run("user", "link", "viewer", "00u1", **office)
    assert (taken.returncode, "already" in taken.stderr) == (1, True), taken.stderr
    assert run("user", "unlink", "planner", **office).returncode == 0
    assert run("user", "unlink", "planner", **office).returncode == 1
