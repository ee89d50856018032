"""A made-up city for benches: the address of a migrated, empty database in; grids, buildings and a sign-in's ground out.

Everything is invented and made by a fixed seed: wavy grids that share their borders vertex by vertex, a hundred to a
community, and on each grid rows of houses turned to its own street. The partition of the grids is proved by the
database itself at the end; which grid a house belongs to is known from its making, so that the million is not located.
What tiles draw and search finds catches up at the end, as after any large import.
"""

import sys
import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import psycopg
import shapely

from gridsvc.core.db import conninfo
from gridsvc.core.geo import snap
from gridsvc.territory import deriving

WEST, SOUTH, CELL = 118.50, 31.90, 0.0025
"""The south-west corner and the side of a grid, in degrees: about 240 m by 280 m."""
STEPS = 8  # vertices on each side of a grid
BLOCK = 10  # grids across and down in a community
COUNTY = "320199"
SINCE = "[2026-01-01 00:00+00,)"
USES = ("residential", "residential", "residential", "commercial", "public")
BATCH = 50_000  # houses made at once, which bounds the memory
STOPPED = ("place_new", "place_again")

Array = npt.NDArray[np.float64]


def build_city(url: str, buildings: int = 1_000_000, grids: int = 20_000) -> None:
    """Fill a migrated database: `grids` must be twice a square (20,000 or 200), `buildings` a multiple of it."""
    down = round((grids / 2) ** 0.5)
    across = 2 * down
    if across * down != grids or buildings % grids:
        raise ValueError(f"{grids} grids are no 2:1 rectangle, or {buildings} buildings do not divide among them")
    with psycopg.connect(conninfo(url)) as connection:
        _write_grids(connection, across, down)
        connection.commit()
        _write_buildings(connection, codes_of(across, down), buildings // grids, across)
        connection.commit()
        connection.autocommit = True
        for derived in deriving.STEPS:
            connection.execute("select derive_due_now(%s)", [derived])
        connection.execute("vacuum analyze")


def codes_of(across: int, down: int) -> npt.NDArray[np.str_]:
    """Name the grids row by row from the south-west: street by block row, community by block column."""
    codes = []
    for y in range(down):
        for x in range(across):
            # In a community they are numbered west to east, then north to south.
            inside = (min(BLOCK, down - y // BLOCK * BLOCK) - 1 - y % BLOCK) * BLOCK + x % BLOCK + 1
            codes.append(f"{COUNTY}{y // BLOCK + 1:03d}{x // BLOCK + 1:03d}{inside:03d}")
    return np.array(codes)


def cells_of(across: int, down: int) -> npt.NDArray[np.object_]:
    """Make the partition of wavy cells: every side is shared by its neighbours, vertex by vertex."""
    chance = np.random.default_rng(1)
    along_x, along_y = np.arange(across * STEPS + 1) / STEPS, np.arange(down * STEPS + 1) / STEPS
    rows = np.arange(down + 1)[:, None] + chance.uniform(-0.03, 0.03, (down + 1, len(along_x)))
    columns = np.arange(across + 1)[:, None] + chance.uniform(-0.03, 0.03, (across + 1, len(along_y)))
    # A corner belongs to a row line and a column line at once.
    rows[:, ::STEPS] = np.arange(down + 1)[:, None]
    columns[:, ::STEPS] = np.arange(across + 1)[:, None]
    shapes = []
    for y in range(down):
        for x in range(across):
            side, up = slice(x * STEPS, (x + 1) * STEPS + 1), slice(y * STEPS, (y + 1) * STEPS + 1)
            south = np.column_stack([along_x[side], rows[y, side]])
            east = np.column_stack([columns[x + 1, up], along_y[up]])
            north = np.column_stack([along_x[side], rows[y + 1, side]])[::-1]
            west = np.column_stack([columns[x, up], along_y[up]])[::-1]
            ring = np.vstack([south[:-1], east[:-1], north[:-1], west[:-1]])
            shapes.append(shapely.Polygon(ring * CELL + [WEST, SOUTH]))
    return np.asarray(snap(np.array(shapes, dtype=object)))


def houses_of(first: int, count: int, per_grid: int, across: int) -> npt.NDArray[np.object_]:
    """Make the footprints of `count` grids from number `first`: rows of slabs and angles, turned a little by grid."""
    chance = np.random.default_rng([2, first])
    columns = max(1, round((per_grid / 2) ** 0.5))
    rows = -(-per_grid // columns)
    place = np.tile(np.arange(per_grid), count)
    cell = np.repeat(np.arange(first, first + count), per_grid)
    total = len(place)
    pitch = np.array([0.86 / columns, 0.86 / rows])
    centre = np.column_stack([place % columns, place // columns]) * pitch + pitch / 2 + 0.07
    half = chance.uniform(0.55, 0.85, (total, 2)) * pitch / 2
    angle = np.repeat(chance.uniform(-0.12, 0.12, count), per_grid)
    # An L of seven points; a slab is the L whose notch is nothing.
    corner = np.array([[-1, -1], [1, -1], [1, 0.0], [0.0, 0.0], [0.0, 1], [-1, 1], [-1, -1]])
    notched = chance.random(total) < 0.4
    slab = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])
    shapes = np.empty(total, dtype=object)
    for which, model in ((notched, corner), (~notched, slab)):
        points = model[None] * half[which][:, None]
        cos, sin = np.cos(angle[which])[:, None], np.sin(angle[which])[:, None]
        turned = np.stack([points[..., 0] * cos - points[..., 1] * sin, points[..., 0] * sin + points[..., 1] * cos], 2)
        origin = np.column_stack([cell[which] % across, cell[which] // across]) + centre[which]
        shapes[which] = shapely.polygons((turned + origin[:, None]) * CELL + [WEST, SOUTH])
    return np.asarray(snap(shapely.multipolygons(shapes[:, None])))


def _write_grids(connection: psycopg.Connection, across: int, down: int) -> None:
    codes, shapes = codes_of(across, down), cells_of(across, down)
    owners = np.array([code[:12] for code in codes])
    communities = np.unique(owners)
    outlines = [shapely.coverage_union_all(shapes[owners == one]) for one in communities]
    streets = sorted({f"{one[:9]}000" for one in communities})
    cursor = connection.cursor()
    cursor.execute(
        "insert into division (code, name, level) values (%s, '示例区（虚构）', 'county')", [f"{COUNTY}000000"]
    )
    cursor.executemany(
        "insert into division (code, name, level, parent) values (%s, %s, 'street', %s)",
        [(one, f"示例街道{one[6:9]}", f"{COUNTY}000000") for one in streets],
    )
    _copy(cursor, "community (code, street)", ((one, f"{one[:9]}000") for one in communities))
    many = shapely.to_wkb(
        shapely.set_srid(shapely.multipolygons([[one] for one in outlines]), 4326), hex=True, include_srid=True
    )
    _copy(
        cursor,
        "community_version (community, version, name, valid, area_m2, geometry)",
        ((one, 1, f"示例社区{one[6:]}", SINCE, 6.5e6, shape) for one, shape in zip(communities, many, strict=True)),
    )
    _copy(cursor, "grid (code)", ((one,) for one in codes))
    one = shapely.to_wkb(shapely.set_srid(shapes, 4326), hex=True, include_srid=True)
    _copy(
        cursor,
        "grid_version (grid, version, name, kind, valid, area_m2, geometry)",
        (
            (code, 1, f"示例网格{code[9:]}", "residential", SINCE, 6.5e4, shape)
            for code, shape in zip(codes, one, strict=True)
        ),
    )


def _write_buildings(connection: psycopg.Connection, codes: npt.NDArray[np.str_], per_grid: int, across: int) -> None:
    cursor = connection.cursor()
    for trigger in STOPPED:
        cursor.execute(f"alter table building disable trigger {trigger}")
    cursor.execute("alter table belonging disable trigger belonging_is_derived")
    # Building a spatial index at the end takes a tenth of the time of keeping it up.
    cursor.execute("drop index ix_building_geometry, ix_building_point")
    each = max(1, BATCH // per_grid)
    for first in range(0, len(codes), each):
        _copy_houses(cursor, codes[first : first + each], first, per_grid, across)
    cursor.execute(
        "create index ix_building_geometry on building using gist (geometry);"
        "create index ix_building_point on building using gist (point)"
    )
    cursor.execute(
        "insert into belonging (kind, code, since, until, grid)"
        " select 'building', code, '2026-01-01Z', 'infinity', substr(code, 2, 15) from building"
    )
    for trigger in STOPPED:
        cursor.execute(f"alter table building enable trigger {trigger}")
    cursor.execute("alter table belonging enable trigger belonging_is_derived")


def _copy_houses(cursor: psycopg.Cursor, codes: npt.NDArray[np.str_], first: int, per_grid: int, across: int) -> None:
    shapes = houses_of(first, len(codes), per_grid, across)
    chance = np.random.default_rng([3, first])
    levels = chance.integers(1, 33, len(shapes))
    households = levels * chance.integers(0, 5, len(shapes))
    uses = chance.integers(0, len(USES), len(shapes))
    written = shapely.to_wkb(shapely.set_srid(shapes, 4326), hex=True, include_srid=True)

    def rows() -> Iterator[tuple[object, ...]]:
        for number, shape in enumerate(written):
            grid, house = codes[number // per_grid], number % per_grid + 1
            name = f"示例楼{grid[6:]}-{house}" if house % 5 == 0 else None
            address = f"示例路{grid[6:15]}号{house}"
            count = int(households[number])
            yield (
                *(f"B{grid}{house:03d}", name, str(house), address, USES[uses[number]], int(levels[number])),
                *(count, "estimated", count * 3, shape),
            )

    columns = "code, name, number, address, use, levels, households, households_source, inhabitants, geometry"
    _copy(cursor, f"building ({columns})", rows())


def _copy(cursor: psycopg.Cursor, into: str, rows: Iterator[tuple[object, ...]]) -> None:
    with cursor.copy(f"copy {into} from stdin".encode()) as copy:
        for row in rows:
            copy.write_row(row)


if __name__ == "__main__":
    began = time.perf_counter()
    build_city(sys.argv[1], *(int(number) for number in sys.argv[2:]))
    sys.stdout.write(f"{time.perf_counter() - began:.0f} s\n")
