"""The peers of the benches of tiles and features: a database in, each running as a process of its own on loopback, and ended with it.

TiPg and pygeoapi come from their packages, each into an environment of its own; MapServer and nginx from the system's packages. What is not
there is left out, and said so.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from gridsvc.core.db import conninfo

START_S = 240


@dataclass(frozen=True)
class Server:
    """Something that serves: where it listens and which processes it is."""

    name: str
    port: int
    pids: tuple[int, ...]
    headers: str = ""


def free_port() -> int:
    """Find a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(name: str, command: list[str], port: int, **how: object) -> Iterator[Server]:
    """Run a server until the end; it is ready when it accepts connections."""
    process = subprocess.Popen(command, **how)  # type: ignore[call-overload]
    try:
        until = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{name} does not start") from None
                time.sleep(0.1)
        yield Server(name, port, (process.pid,))
    finally:
        process.terminate()
        process.wait(30)


OFTEN = 100_000_000


@contextmanager
def ours(url: str, token: str, cache_mb: int, features_mb: int = 64) -> Iterator[Server]:
    """Run the API; with `cache_mb` 0 every tile is made anew, with `features_mb` 0 from rows read anew."""
    port = free_port()
    env = {"GRIDSVC_DATABASE_URL": url, "PATH": "/usr/bin:/bin"}
    env |= {"GRIDSVC_TILE_CACHE_MB": str(cache_mb), "GRIDSVC_TILE_FEATURES_MB": str(features_mb)}
    # Requests are counted as ever, and one account may do what many people do.
    env |= {"GRIDSVC_RATE_READS": str(OFTEN), "GRIDSVC_RATE_WRITES": str(OFTEN)}
    command = [sys.executable, "-m", "gridsvc.app.cli", "serve", "--port", str(port), "--no-web"]
    with running("ours", command, port, env=env, stdout=subprocess.DEVNULL) as server:
        yield Server("ours", port, server.pids, f"Authorization: Bearer {token}\r\n")


@contextmanager
def floor(url: str) -> Iterator[Server]:
    """Run a bare ASGI application that does nothing but our statement."""
    port = free_port()
    env = {**os.environ, "BENCH_DATABASE": conninfo(url)}
    command = [sys.executable, "-m", "uvicorn", "tests.bench.floor:app", "--port", str(port), "--log-level", "warning"]
    with running("floor", command, port, env=env) as server:
        yield server


# Its settings take no socket for a host; its driver does.
TIPG_MAIN = """
import functools, os, sys
import asyncpg, uvicorn
asyncpg.create_pool = functools.partial(asyncpg.create_pool, host=os.environ["BENCH_SOCKET"])
uvicorn.run("tipg.main:app", port=int(sys.argv[1]), log_level="warning")
"""


@contextmanager
def tipg(url: str, folder: Path) -> Iterator[Server]:
    """Run TiPg with its defaults on the table of the truth."""
    python = folder / "tipg" / "bin" / "python"
    if not python.exists():
        venv.create(folder / "tipg", with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "tipg", "uvicorn", "httptools", "uvloop"], check=True)
    parts = psycopg.conninfo.conninfo_to_dict(conninfo(url))
    env = {
        "PATH": "/usr/bin:/bin",
        "BENCH_SOCKET": str(parts["host"]),
        "POSTGRES_USER": str(parts["user"]),
        "POSTGRES_HOST": "localhost",
        "POSTGRES_PORT": str(parts["port"]),
        "POSTGRES_DBNAME": str(parts["dbname"]),
    }
    port = free_port()
    command = [str(python), "-c", TIPG_MAIN, str(port)]
    with running("TiPg", command, port, env=env, cwd=folder) as server:
        yield server


# Of the two geometries of a building it can write one. It counts all that matches for each page, which cannot be helped.
PYGEOAPI = """
server:
  bind: {{host: 127.0.0.1, port: {port}}}
  url: http://127.0.0.1:{port}
  mimetype: application/json; charset=UTF-8
  encoding: utf-8
  languages: [en-US]
  gzip: false
  pretty_print: false
  limits: {{default_items: 1000, max_items: 10000}}
  map: {{url: "http://127.0.0.1/", attribution: none}}
logging: {{level: ERROR}}
metadata:
  identification: {{title: bench, description: bench, keywords: [bench], terms_of_service: none, url: "http://127.0.0.1/"}}
  license: {{name: none, url: "http://127.0.0.1/"}}
  provider: {{name: bench, url: "http://127.0.0.1/"}}
  contact: {{name: bench}}
resources:
  building:
    type: collection
    title: building
    description: building
    keywords: [bench]
    links: []
    extents: {{spatial: {{bbox: [-180, -90, 180, 90], crs: "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}}}}
    providers:
      - type: feature
        name: PostgreSQL
        data: {{host: "{host}", port: {database_port}, dbname: "{dbname}", user: "{user}", search_path: [public]}}
        id_field: code
        table: building
        geom_field: geometry
        properties: [code, name, number, address, use, levels, households, households_source, inhabitants]
"""


@contextmanager
def pygeoapi(url: str, folder: Path) -> Iterator[Server]:
    """Run pygeoapi behind gunicorn, as its own image does, on the table of the truth."""
    programs = folder / "pygeoapi" / "bin"
    if not (programs / "pygeoapi").exists():
        venv.create(folder / "pygeoapi", with_pip=True)
        packages = ["pygeoapi", "geoalchemy2", "psycopg2-binary", "gunicorn"]
        subprocess.run([programs / "python", "-m", "pip", "install", "-q", *packages], check=True)
    parts = psycopg.conninfo.conninfo_to_dict(conninfo(url))
    port = free_port()
    config, openapi = folder / "pygeoapi.yml", folder / "pygeoapi.openapi.yml"
    words = {name: str(parts[name]) for name in ("host", "dbname", "user")}
    config.write_text(PYGEOAPI.format(port=port, database_port=parts["port"], **words))
    places = {"PYGEOAPI_CONFIG": config, "PYGEOAPI_OPENAPI": openapi, "HOME": folder}
    env = {"PATH": "/usr/bin:/bin", **{name: str(place) for name, place in places.items()}}
    written = [str(programs / "pygeoapi"), "openapi", "generate", str(config), "--output-file", str(openapi)]
    subprocess.run(written, env=env, check=True, stdout=subprocess.DEVNULL)
    # One process, as of everybody here.
    command = [str(programs / "gunicorn"), "--workers", "1", "--bind", f"127.0.0.1:{port}"]
    command += ["--log-level", "error", "pygeoapi.flask_app:APP"]
    with running("pygeoapi", command, port, env=env, cwd=folder) as server:
        yield server


MAPFILE = """
MAP
  NAME bench
  EXTENT -20037508 -20037508 20037508 20037508
  SIZE 256 256
  PROJECTION "init=epsg:3857" END
  WEB METADATA "ows_enable_request" "*" END END
  OUTPUTFORMAT
    NAME "mvt" DRIVER "MVT" MIMETYPE "application/vnd.mapbox-vector-tile" EXTENSION "pbf"
    FORMATOPTION "EXTENT=4096" FORMATOPTION "EDGE_BUFFER=1"
  END
  LAYER
    NAME buildings TYPE POLYGON STATUS ON
    PROJECTION "init=epsg:4326" END
    CONNECTIONTYPE POSTGIS CONNECTION "{connection}" PROCESSING "CLOSE_CONNECTION=DEFER"
    DATA "geometry from (select code, name, number, geometry from building) as b using unique code using srid=4326"
    METADATA "gml_include_items" "code,name,number" END
    CLASS STYLE COLOR 0 0 0 END END
  END
END
"""
NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1; user root;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5; gzip_static on; keepalive_requests 100000000;
  types {{ application/vnd.mapbox-vector-tile mvt; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ root {folder}/files; }}
    location /mapserv {{
      fastcgi_pass unix:{folder}/mapserv.sock; fastcgi_keep_conn on;
      fastcgi_param QUERY_STRING $query_string; fastcgi_param REQUEST_METHOD $request_method;
    }}
  }}
}}
"""


@contextmanager
def nginx(url: str, folder: Path) -> Iterator[Server | None]:
    """Run nginx over the folder `files`, and MapServer behind it at `/mapserv`; None where they are not installed."""
    if not shutil.which("nginx") or not Path("/usr/lib/cgi-bin/mapserv").exists():
        sys.stderr.write("nginx and cgi-mapserver are not installed: their rows are left out\n")
        yield None
        return
    (folder / "files").mkdir(exist_ok=True)
    port = free_port()
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port))
    (folder / "bench.map").write_text(MAPFILE.format(connection=conninfo_words(url)))
    (folder / "mapserver.conf").write_text(f'CONFIG\n  ENV\n    MS_MAPFILE "{folder}/bench.map"\n  END\nEND\n')
    with ExitStack() as stack:
        # FastCGI takes its listening socket as standard input.
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        (folder / "mapserv.sock").unlink(missing_ok=True)
        listener.bind(str(folder / "mapserv.sock"))
        listener.listen(64)
        (folder / "mapserv.sock").chmod(0o777)
        env = {
            "MAPSERVER_CONFIG_FILE": f"{folder}/mapserver.conf",
            "MS_MAPFILE": f"{folder}/bench.map",
            "PATH": "/usr/bin:/bin",
        }
        mapserv = subprocess.Popen(["/usr/lib/cgi-bin/mapserv"], stdin=listener.fileno(), env=env)
        stack.callback(mapserv.wait, 30)
        stack.callback(mapserv.kill)
        command = ["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", str(folder / "error.log")]
        server = stack.enter_context(running("nginx", command, port))
        workers = subprocess.run(
            ["ps", "--ppid", str(server.pids[0]), "-o", "pid="], check=False, capture_output=True, text=True
        )
        yield Server("nginx", port, (*server.pids, *map(int, workers.stdout.split()), mapserv.pid))


def conninfo_words(url: str) -> str:
    """Write an address as the words MapServer's driver reads."""
    parts = psycopg.conninfo.conninfo_to_dict(conninfo(url))
    return " ".join(f"{name}={value}" for name, value in parts.items())


def cpu_s(server: Server, cluster_pid: int) -> float:
    """Tell the CPU seconds a server and all backends of the database have taken so far."""
    children = subprocess.run(
        ["ps", "--ppid", str(cluster_pid), "-o", "pid="], check=False, capture_output=True, text=True
    )
    total = 0.0
    for pid in (cluster_pid, *server.pids, *map(int, children.stdout.split())):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:
            continue
        # Own and waited-for children: a backend that has ended is counted with the postmaster.
        total += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return total


def memory_mib(server: Server) -> float:
    """Tell the largest memory a server has ever taken."""
    status = Path(f"/proc/{server.pids[0]}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+)", status)
    return int(found[1]) / 1024 if found else 0.0


def fetch(server: Server, path: str) -> bytes:
    """Fetch one thing as it travels."""
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers={"Accept-Encoding": "gzip"})
    for line in server.headers.splitlines():
        name, _, value = line.partition(": ")
        request.add_header(name, value)
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - of this host
        body: bytes = answer.read()
    return body
