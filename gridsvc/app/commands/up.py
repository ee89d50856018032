"""`gridsvc up`: own PostGIS, schema, (demo) town, API, pages and a job worker in the foreground, until it is told to stop."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import structlog
import typer

from gridsvc.access.rows import open_for_requests
from gridsvc.app.commands.work import worker_beside
from gridsvc.app.console import Home, refusals_as_sentences, say
from gridsvc.core.cluster import Cluster
from gridsvc.core.db import open_engine
from gridsvc.core.errors import Unavailable
from gridsvc.core.schema import migrate
from gridsvc.core.settings import Settings, settings, use_home

WATCH_S = 0.5
"""How often the own PostGIS is looked after; a dead one is back within this time and its recovery."""


def up(
    home: Home = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the API; 0 takes a free one")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="With the sample town and one account of each role")] = False,
    no_web: Annotated[bool, typer.Option("--no-web", help="The API without the pages")] = False,
) -> None:
    """Run the service: own PostGIS when no database is set, schema, API, pages and a job worker; Ctrl-C or SIGTERM stops it all."""
    from gridsvc.app.commands.serving import serve
    from gridsvc.app.demo import prepare_demo, show_sign_ins

    chosen = use_home(home) if home else settings()
    home = chosen.home
    leave_on_signals()
    with (
        refusals_as_sentences(),
        listening(host or chosen.host, chosen.port if port is None else port) as listener,
        database_of(chosen, home) as url,
    ):
        engine = open_engine(url)
        migrate(engine)
        if demo:
            show_sign_ins(prepare_demo(engine, home, chosen), home)
        engine.dispose()
        with worker_beside(url):
            database = open_for_requests(url, chosen, say)
            serve(database, chosen, listener, web=not no_web, ready=f"ready: {address_of(listener)}")


def serve_only(
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the API; 0 takes a free one")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on")] = None,
    no_web: Annotated[bool, typer.Option("--no-web", help="The API without the pages")] = False,
) -> None:
    """Serve the API and pages on the database GRIDSVC_DATABASE_URL, whose schema must be up to date."""
    from gridsvc.app.commands.serving import serve

    chosen = settings()
    leave_on_signals()
    with refusals_as_sentences(), listening(host or chosen.host, chosen.port if port is None else port) as listener:
        if chosen.database_url is None:
            raise Unavailable("serve needs GRIDSVC_DATABASE_URL; `gridsvc up` brings its own PostGIS.")
        url = chosen.database_url.get_secret_value()
        database = open_for_requests(url, chosen, say)
        serve(database, chosen, listener, web=not no_web, ready=f"ready: {address_of(listener)}")


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Take the port before anything else is started, so that a taken one is told at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise Unavailable(
                f"Port {port} on {host} cannot be had ({os.strerror(error.errno or 0)}); choose another with --port."
            ) from None
        listener.listen(1024)
        yield listener


@contextmanager
def database_of(chosen: Settings, home: Path) -> Iterator[str]:
    """Give the address of the database that is set, or run the home's own PostGIS and look after it."""
    if chosen.database_url is not None:
        yield chosen.database_url.get_secret_value()
        return
    with Cluster(home, log=say) as cluster:
        stop = threading.Event()
        watcher = threading.Thread(target=look_after, args=(cluster, stop), name="cluster-watch", daemon=True)
        watcher.start()
        try:
            yield cluster.url
        finally:
            stop.set()
            watcher.join()


def look_after(cluster: Cluster, stop: threading.Event) -> None:
    """Bring a PostGIS that died back, until told to stop."""
    log = structlog.get_logger()
    while not stop.wait(WATCH_S):
        try:
            if cluster.ensure_running():
                log.warning("cluster.restarted")
        except Unavailable as refusal:
            log.error("cluster.down", reason=refusal.sentence)  # noqa: TRY400 - the sentence says it all


def leave_on_signals() -> None:
    """Make SIGTERM and Ctrl-C end the command through its `with` blocks, at any moment, with exit code 0.

    While the server runs it has its own handlers; it gives these back and raises the signal again when it is done.
    """

    def leave(*_: object) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)


def address_of(listener: socket.socket) -> str:
    """Give the address a person can open."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - only compared
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
