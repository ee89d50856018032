"""Run every bench, each on an own PostGIS with the sample town, and print one table; exit 1 when a ratio is missed."""

import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from gridsvc.access.accounts import add_account, issue_token
from gridsvc.app.demo import load_town
from gridsvc.core.cluster import Cluster, discard
from gridsvc.core.db import open_engine, transaction
from gridsvc.core.schema import migrate
from gridsvc.core.settings import Settings
from tests.bench import bulk, faults, locate
from tests.bench.measure import Figure


def main() -> int:
    """Measure, print, and tell by the exit code whether every promise was kept."""
    home = Path(tempfile.mkdtemp(prefix="gridsvc-bench-"))
    # The database runs as an unprivileged user, who must be able to come here.
    home.chmod(0o755)
    try:
        with Cluster(home) as cluster:
            engine = open_engine(cluster.url)
            migrate(engine)
            with transaction(engine) as session:
                load_town(session, Settings())
                token = issue_token(
                    session, add_account(session, "bench", "viewer", None, actor="bench"), "", actor="bench"
                )
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("vacuum analyze")
            engine.dispose()
            figures = [*locate.measure(cluster.url, token), *bulk.measure(home), *faults.measure()]
    finally:
        discard(home)
    return report(figures)


def report(figures: list[Figure]) -> int:
    """Print the figures; answer 1 when one is over its bar."""
    table = Table("work", "ours", "peer", "ratio", "bar", "")
    for figure in figures:
        table.add_row(
            figure.work,
            f"{figure.ours_ms:,.2f} ms",
            f"{figure.peer_ms:,.2f} ms ({figure.peer})",
            f"{figure.ratio:.2f}",
            f"≤ {figure.bar:g}",
            "kept" if figure.kept else "[bold red]MISSED",
        )
    Console().print(table)
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
