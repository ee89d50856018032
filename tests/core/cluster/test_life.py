"""The own database, really started: what it promises, and what becomes of it when someone is killed."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text

from gridsvc.core.cluster import Cluster, discard, running_url
from gridsvc.core.errors import Unavailable

OWNER = """
import sys, time
from pathlib import Path
from gridsvc.core.cluster import Cluster
cluster = Cluster(Path(sys.argv[1]))
cluster.start()
print(cluster.pid, flush=True)
time.sleep(600)
"""


def value(cluster: Cluster, query: str) -> object:
    with psycopg.connect(cluster.url) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def write_row(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url) as connection:
        connection.execute("CREATE TABLE kept (name text)")
        connection.execute("INSERT INTO kept VALUES ('新街口')")


def wait_until(true: Callable[[], bool], patience_s: float = 10) -> bool:
    until = time.monotonic() + patience_s
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def runs(pid: int) -> bool:
    """Tell whether a process runs; a zombie only waits for someone to read its status."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("setting", "wanted"),
    [
        ("server_encoding", "UTF8"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("TimeZone", "UTC"),
        ("jit", "off"),
    ],
)
def test_the_database_is_set_up_as_promised(running: Cluster, setting: str, wanted: str) -> None:
    assert value(running, f"SHOW {setting}") == wanted


def test_the_locale_knows_the_letters_of_every_script(running: Cluster) -> None:
    query = "SELECT datcollate || ' ' || datctype FROM pg_database WHERE datname = current_database()"
    # The order of bytes is that of C.UTF-8 too, and is told without asking the C library.
    assert value(running, query) == "C C.UTF-8"
    assert value(running, "SELECT lower('ÄÖ') || ('李' < '王')") == "äötrue"


def test_trigrams_of_chinese_names_are_not_empty(running: Cluster) -> None:
    with psycopg.connect(running.url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_trgm")
    assert value(running, "SELECT cardinality(show_trgm('新街口'))") == 4
    assert value(running, "SELECT similarity('新街口街道', '新街口') > 0.4")


def test_postgis_and_the_constraints_on_time_are_there(running: Cluster) -> None:
    with psycopg.connect(running.url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION postgis")
        connection.execute("CREATE EXTENSION btree_gist")
    assert value(running, "SELECT ST_Area(ST_MakeEnvelope(0, 0, 2, 3))") == 6


def test_sqlalchemy_takes_the_url_too(running: Cluster) -> None:
    engine = create_engine(running.url.replace("postgresql:", "postgresql+psycopg:", 1))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT current_database()")).scalar() == "gridsvc"
    engine.dispose()


def test_only_the_owner_may_enter_the_folder_of_the_socket(running: Cluster) -> None:
    socket = running.home / "pg-socket"
    assert socket.stat().st_mode & 0o777 == 0o700


def test_another_command_finds_the_running_database(running: Cluster, home: Path) -> None:
    assert running_url(running.home) == running.url
    assert running_url(home) is None


def test_two_owners_of_one_home_are_refused_with_the_process_to_stop(running: Cluster) -> None:
    with pytest.raises(Unavailable, match=f"in use by process {os.getpid()}; stop it or use another --home"):
        Cluster(running.home).start()
    with pytest.raises(Unavailable, match="in use by process"):
        discard(running.home)


def test_data_outlives_a_stop_and_a_start_is_quick(home: Path) -> None:
    with Cluster(home) as cluster:
        write_row(cluster)
        cluster.start()  # again is harmless
    cluster.stop()
    began_s = time.monotonic()
    with Cluster(home) as again:
        assert time.monotonic() - began_s < 1.5
        assert value(again, "SELECT name FROM kept") == "新街口"
    assert running_url(home) is None


def test_a_home_that_the_databases_user_cannot_reach_works_all_the_same(closed_home: Path) -> None:
    said: list[str] = []
    with Cluster(closed_home, log=said.append) as cluster:
        write_row(cluster)
    with Cluster(closed_home) as cluster:
        assert value(cluster, "SELECT count(*) FROM kept") == 1
    link = closed_home / "pg"
    assert link.is_symlink() == (os.geteuid() == 0)
    if link.is_symlink():
        data = link.resolve()
        assert any(str(data) in line for line in said)
        discard(closed_home)
        assert not data.exists()


@pytest.mark.parametrize("name", ["x" * 90, "a, b", "网格 100% 'x' \"y\" #?+&"])
def test_a_home_with_an_awkward_path_works(home: Path, name: str) -> None:
    awkward = home / name
    with Cluster(awkward) as cluster:
        assert value(cluster, "SELECT 1") == 1
        assert running_url(awkward) == cluster.url
    discard(awkward)


def test_a_killed_server_is_restarted_and_nothing_committed_is_lost(home: Path) -> None:
    with Cluster(home) as cluster:
        write_row(cluster)
        assert not cluster.ensure_running()
        # A client in the middle of something: its server process outlives the killed one for a moment.
        client = psycopg.connect(cluster.url)
        busy = threading.Thread(target=_run_for_a_second, args=(client,))
        busy.start()
        killed = cluster.pid
        os.kill(killed, signal.SIGKILL)
        assert wait_until(lambda: not runs(killed))
        # The thread that waits for the server may learn of its end a moment after the system has told us.
        assert wait_until(cluster.ensure_running)
        assert cluster.pid != killed
        assert value(cluster, "SELECT name FROM kept") == "新街口"
        busy.join()
        client.close()
    assert not cluster.ensure_running()


def _run_for_a_second(client: psycopg.Connection) -> None:
    with contextlib.suppress(psycopg.OperationalError):  # cut off, as is to be expected
        client.execute("SELECT count(*) FROM generate_series(1, 5000000)")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux sends the death signal")
def test_the_server_does_not_outlive_a_killed_owner(home: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(home)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    server = int(owner.stdout.readline())
    assert runs(server)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    with Cluster(home) as cluster:  # at once: it waits for the old one
        assert not runs(server)
        assert value(cluster, "SELECT 1") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux sends the death signal")
def test_the_server_outlives_the_thread_that_started_it(home: Path) -> None:
    cluster = Cluster(home)
    starter = threading.Thread(target=cluster.start)
    starter.start()
    starter.join()
    time.sleep(0.3)
    assert value(cluster, "SELECT 1") == 1
    assert not cluster.ensure_running()
    cluster.stop()


def test_a_notice_of_a_crashed_server_that_names_a_stranger_is_no_obstacle(home: Path) -> None:
    with Cluster(home):
        pass
    notice = home / "pg" / "postmaster.pid"
    notice.write_text(f"{os.getpid()}\n{home / 'pg'}\n0\n5432\n{home / 'pg-socket'}\n\n\nready\n", encoding="utf-8")
    (home / "pg-socket" / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n", encoding="utf-8")
    assert running_url(home) is None
    with Cluster(home) as cluster:
        assert value(cluster, "SELECT 1") == 1


def test_an_interrupted_making_of_the_database_is_made_anew(home: Path) -> None:
    half = home / "pg.new-killed"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("15\n", encoding="ascii")
    with Cluster(home) as cluster:
        assert value(cluster, "SELECT 1") == 1
    assert not half.exists()


def test_data_of_a_major_version_that_is_gone_is_refused_with_both_numbers(home: Path) -> None:
    (home / "pg").mkdir(parents=True)
    (home / "pg" / "PG_VERSION").write_text("9\n", encoding="ascii")
    with pytest.raises(
        Unavailable, match=r"made by PostgreSQL 9, and only PostgreSQL 1\d.* is installed: apt-get install"
    ):
        Cluster(home).start()


def test_a_folder_that_is_no_database_is_left_alone(home: Path) -> None:
    (home / "pg").mkdir(parents=True)
    (home / "pg" / "thesis.txt").touch()
    with pytest.raises(Unavailable, match="holds something that is no database: move it away"):
        Cluster(home).start()
    assert (home / "pg" / "thesis.txt").exists()


def test_a_link_that_leads_nowhere_is_refused(home: Path) -> None:
    home.mkdir()
    (home / "pg").symlink_to(home / "elsewhere")
    with pytest.raises(Unavailable, match="which is gone: put it back, or delete"):
        Cluster(home).start()


def test_a_server_that_fails_shows_its_last_words(home: Path) -> None:
    with Cluster(home):
        pass
    (home / "pg" / "global" / "pg_control").rename(home / "pg" / "global" / "pg_control.gone")
    with pytest.raises(Unavailable, match=r"did not start on .*Its last words: .*pg_control.*Log: "):
        Cluster(home).start()


def test_a_home_that_is_a_file_is_refused_with_a_mend(home: Path) -> None:
    home.touch()
    with pytest.raises(Unavailable, match="a file lies where a folder is wanted: move it away"):
        Cluster(home).start()
    home.unlink()
