"""The one small town all tests are told in: two communities, five square grids, a handful of everything else.

Cells are 0.001 degrees wide and high. Community 甲 (…001) lies west, 乙 (…002) east of it:

        118.780  .781    .782    .783    .784
 32.042  +-------+-------+-------+-------+
         | 甲 1   | 甲 2   | 乙 1   | 乙 2   |
 32.041  +-------+-------+-------+-------+
         | 甲 3 (dedicated)|       outside |
 32.040  +-------+-------+-------+-------+

Every name is invented.
"""

from datetime import UTC, datetime

import shapely
from geoalchemy2.shape import from_shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Function, func, insert
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from gridsvc.access.accounts import add_account
from gridsvc.access.credentials import issue_token
from gridsvc.access.permissions import ROLES
from gridsvc.core.geo import PROMOTE, canonical, snap
from gridsvc.incidents.tables import Catalogue, CatalogueClass, CatalogueCondition
from gridsvc.patrol.tables import Checkpoint, Route
from gridsvc.territory.tables import (
    Asset,
    Building,
    Community,
    CommunityVersion,
    Division,
    Grid,
    GridVersion,
    Street,
)
from gridsvc.workforce.tables import Post, Worker

WEST, SOUTH, CELL = 118.780, 32.040, 0.001
FOUNDED = datetime(2026, 1, 1, tzinfo=UTC)
STREET = "320102003000"
JIA, YI = "320102003901", "320102003902"
JIA_1, JIA_2, JIA_3 = f"{JIA}001", f"{JIA}002", f"{JIA}003"
YI_1, YI_2 = f"{YI}001", f"{YI}002"
LAMP, RUBBISH = "asset:01037", "matter:06010"
PASSWORD = "a long enough sentence"

# Column and row of the south-west corner, width and height, in cells.
GRIDS = {
    JIA_1: ("甲一网格", "residential", (0, 1, 1, 1)),
    JIA_2: ("甲二网格", "residential", (1, 1, 1, 1)),
    JIA_3: ("甲三网格", "dedicated", (0, 0, 2, 1)),
    YI_1: ("乙一网格", "residential", (2, 1, 1, 1)),
    YI_2: ("乙二网格", "residential", (3, 1, 1, 1)),
}
BUILDINGS = {"b1": (0.2, 1.2, 120), "b2": (0.6, 1.6, 80), "b3": (1.3, 1.3, 60), "b4": (2.4, 1.4, 200)}


def rectangle(column: float, row: float, width: float = 1, height: float = 1) -> BaseGeometry:
    """Make the rectangle of so many cells, snapped, in EPSG:4326.

    It has a vertex at every quarter of a cell, so that neighbours of any size share all their vertices.
    """
    across, up = _steps(column, column + width), _steps(row, row + height)
    ring = [(x, up[0]) for x in across] + [(across[-1], y) for y in up[1:]]
    ring += [(x, up[-1]) for x in reversed(across[:-1])] + [(across[0], y) for y in reversed(up[1:-1])]
    box: BaseGeometry = canonical(snap(shapely.Polygon([(WEST + x * CELL, SOUTH + y * CELL) for x, y in ring])))
    return box


def _steps(start: float, end: float) -> list[float]:
    quarters = [number / 4 for number in range(int(start * 4), int(end * 4) + 1)]
    return [start, *(quarter for quarter in quarters if start < quarter < end), end]


def spot(column: float, row: float) -> tuple[float, float]:
    """Give longitude and latitude of a place so many cells east and north of the corner."""
    return round(WEST + column * CELL, 7), round(SOUTH + row * CELL, 7)


def stored(shape: BaseGeometry, *, many: bool = False) -> object:
    """Make a geometry ready for its column; `many` for the multi-part types."""
    kind = f"MULTI{shape.geom_type.upper()}" if many else ""
    return from_shape(PROMOTE.get(kind, lambda same: same)(shape), srid=4326)


def metric(shape: BaseGeometry) -> Function[object]:
    """Say the shape in its measuring zone, in SQL."""
    return func.metric(func.st_geomfromtext(shape.wkt, 4326))


def build_town(session: Session) -> dict[str, str]:
    """Write the town; answer one API token for each role."""
    _build_ground(session)
    _build_people(session)
    _build_catalogue(session)
    tokens = {}
    for role in ROLES:
        account = add_account(session, role, role, PASSWORD, actor="town")
        tokens[role] = issue_token(session, account, "town", actor="town")
        if role == "worker":
            worker = session.get_one(Worker, "W1")
            worker.account = account.id
    session.flush()
    return tokens


def _build_ground(session: Session) -> None:
    always = Range(FOUNDED, None, bounds="[)")
    session.execute(insert(Division).values(code=STREET, name="示例街道", level="street"))
    for code, name, shape in ((JIA, "甲社区", rectangle(0, 0, 2, 2)), (YI, "乙社区", rectangle(2, 1, 2, 1))):
        session.execute(insert(Community).values(code=code, street=STREET))
        session.execute(
            insert(CommunityVersion).values(
                community=code,
                version=1,
                name=name,
                valid=always,
                geometry=stored(shape, many=True),
                area_m2=func.st_area(metric(shape)),
            )
        )
    for code, (name, kind, place) in GRIDS.items():
        shape = rectangle(*place)
        session.execute(insert(Grid).values(code=code))
        session.execute(
            insert(GridVersion).values(
                grid=code,
                version=1,
                name=name,
                kind=kind,
                valid=always,
                geometry=stored(shape),
                area_m2=func.st_area(metric(shape)),
            )
        )
    for code, (column, row, households) in BUILDINGS.items():
        session.execute(
            insert(Building).values(
                code=code,
                name=f"楼 {code}",
                number=code[1:],
                address=f"示例路 {code[1:]} 号",
                use="residential",
                levels=6,
                households=households,
                households_source="estimated",
                inhabitants=households * 3,
                geometry=stored(rectangle(column, row, 0.1, 0.1), many=True),
            )
        )
    line = shapely.LineString([spot(0, 1), spot(4, 1)])
    session.execute(
        insert(Street).values(
            code="s1",
            name="示例路",
            name_en="Sample Road",
            kind="residential",
            bridge=False,
            tunnel=False,
            layer=0,
            oneway=False,
            length_m=func.st_length(metric(line)),
            geometry=stored(line, many=True),
        )
    )
    session.execute(
        insert(Asset).values(code="a1", class_=LAMP, state="intact", geometry=stored(shapely.Point(spot(0.5, 1.5))))
    )


def _build_people(session: Session) -> None:
    always = Range(FOUNDED, None, bounds="[)")
    for number in (1, 2, 3):
        session.execute(
            insert(Worker).values(
                code=f"W{number}", name=f"示例网格员{number}", phone=f"1000000000{number}", department="示例社区"
            )
        )
    for grid, worker in ((JIA_1, "W1"), (JIA_2, "W1"), (JIA_3, "W2"), (YI_1, "W3"), (YI_2, "W3")):
        session.execute(insert(Post).values(grid=grid, worker=worker, role="responsible", valid=always))
    session.execute(insert(Post).values(grid=JIA_1, worker="W2", role="backup", valid=always))
    line = shapely.LineString([spot(0, 1), spot(1, 1)])
    session.execute(
        insert(Route).values(
            id="r1",
            name="甲一巡查路线",
            grid=JIA_1,
            length_m=func.st_length(metric(line)),
            geometry=stored(line, many=True),
        )
    )
    session.execute(
        insert(Checkpoint).values(route="r1", position=1, name="路口", geometry=stored(shapely.Point(spot(1, 1))))
    )


def _build_catalogue(session: Session) -> None:
    session.execute(insert(Catalogue).values(version="town", scheme="example", current=True))
    for key, kind, name, name_en in (
        (LAMP, "asset", "路灯", "Street lamp"),
        (RUBBISH, "matter", "暴露垃圾", "Rubbish"),
    ):
        session.execute(
            insert(CatalogueClass).values(version="town", class_=key, kind=kind, name=name, name_en=name_en)
        )
        session.execute(
            insert(CatalogueCondition).values(
                version="town",
                class_=key,
                code="01",
                text="损坏" if kind == "asset" else "堆积",
                text_en="broken" if kind == "asset" else "piled up",
                closing="恢复",
                limit_count=2,
                limit_unit="working_day",
                department="示例部门",
            )
        )
