"""Run the benches, each on an own PostGIS, and print one table; exit 1 when a ratio is missed.

`python -m tests.bench` runs all; with names, only those. `--large` adds the sizes that take many minutes.
"""

import sys
from collections.abc import Callable, Iterable

from rich.console import Console
from rich.table import Table

from tests.bench import bulk, casework, faults, features, ground, imports, locate, rowsec, search, tiles
from tests.bench.ground import Ground
from tests.bench.measure import Figure

Measure = Callable[[Ground], Iterable[Figure]]

IN_TOWN: dict[str, Measure] = {
    "locate": lambda town: locate.measure(town.url, town.token),
    "bulk": lambda town: bulk.measure(town.folder, large="--large" in sys.argv),
    "faults": lambda _: faults.measure(),
    "search": lambda town: search.measure(town.url, town.token),
    "imports": lambda town: imports.measure(town.url, town.folder),
    # On a ground of its own: 20,000 grids and a million incidents.
    "casework": lambda _: casework.measure(),
}
IN_CITY: dict[str, Measure] = {"tiles": tiles.measure, "features": features.measure, "rowsec": rowsec.measure}
"""The benches, by the ground they need."""


def main(names: list[str]) -> int:
    """Measure, print, and tell by the exit code whether every promise was kept."""
    if unknown := [name for name in names if name not in IN_TOWN | IN_CITY]:
        print(f"There is no bench {unknown[0]!r}; there are {', '.join(IN_TOWN | IN_CITY)}.")  # noqa: T201 - its answer
        return 2
    figures: list[Figure] = []
    for benches, give in ((IN_TOWN, ground.town), (IN_CITY, ground.city)):
        chosen = [measure for name, measure in benches.items() if name in names or not names]
        if chosen:
            with give() as place:
                figures += [figure for measure in chosen for figure in measure(place)]
    return report(figures)


def report(figures: list[Figure]) -> int:
    """Print the figures; answer 1 when one misses its bar."""
    table = Table("work", "ours", "peer", "ratio", "bar", "")
    for figure in figures:
        table.add_row(
            figure.work,
            f"{figure.ours_ms:,.2f} {figure.unit}",
            f"{figure.peer_ms:,.2f} {figure.unit} ({figure.peer})",
            f"{figure.ratio:.3f}",
            f"{'≥' if figure.at_least else '≤'} {figure.bar:.3g}",
            "kept" if figure.kept else "[bold red]MISSED",
        )
    Console(width=150).print(table)
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main([name for name in sys.argv[1:] if not name.startswith("-")]))
