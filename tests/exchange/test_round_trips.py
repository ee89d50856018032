"""Out in any format and datum and in again: nothing has changed, to the last bit of the last vertex."""

from pathlib import Path

import numpy as np
import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.core.db import driver_of
from gridsvc.core.geo import canonical, snap, snap_numbers
from gridsvc.exchange.exports import Wanted, export
from gridsvc.exchange.formats.reading import read_file
from gridsvc.exchange.formats.wkb import shapes_of
from gridsvc.exchange.formats.writing import WRITERS
from gridsvc.exchange.layers import LAYERS
from gridsvc.territory.publish import Cell, Redraw, publish
from tests.exchange.conftest import NOW, bring_in
from tests.town import LAMP, YI, YI_1, YI_2, spot

DATUMS = ["gcj02", "bd09", "EPSG:4490", "EPSG:4549", "EPSG:4528", "EPSG:3857"]
"""Maps of Gaode and Baidu, CGCS2000, its zone of the town without and with the zone's number, and the web's squares."""
OFF_DEG = 2e-8
"""Degrees a vertex may be off before it is snapped: a fifth of the coordinate grid, some 2 mm."""


def crooked(chance: np.random.Generator, start: tuple[float, float], end: tuple[float, float]) -> list[list[float]]:
    """Draw a line between two places by way of a hundred others that lie beside it."""
    along = np.linspace(start, end, 102)
    along[1:-1] += chance.uniform(-2e-6, 2e-6, (100, 2))
    line: list[list[float]] = snap_numbers(along).tolist()
    return line


@pytest.fixture
def session(session: Session) -> Session:
    """Give the town with things whose coordinates have all their digits: a crooked border, round houses, many lamps."""
    chance = np.random.default_rng(7)
    outline = session.scalar(
        text("select st_asbinary(geometry) from community_version where community = :code"), {"code": YI}
    )
    border = crooked(chance, spot(3, 1), spot(3, 2))
    parts = sorted(
        shapely.get_parts(
            shapely.polygonize(
                [shapely.node(shapely.union(shapely.from_wkb(bytes(outline)).boundary, shapely.LineString(border)))]
            )
        ),
        key=lambda part: float(part.centroid.x),
    )
    cells = [Cell(code, code, "residential", canonical(part)) for code, part in zip((YI_1, YI_2), parts, strict=True)]
    publish(session, Redraw({YI: cells}, NOW), actor="test")
    middles = [shapely.Point(spot(*place)) for place in chance.uniform(0.2, 1.8, (10, 2)).tolist()]
    houses = [shapely.multipolygons([canonical(snap(shapely.buffer(one, 0.0001, quad_segs=50)))]) for one in middles]
    lamps = [shapely.Point(spot(*place)) for place in chance.uniform(0, 2, (400, 2)).tolist()]
    for table, things in (("building", houses), ("asset", lamps)):
        session.execute(
            text(
                f"insert into {table} (code{', class' if table == 'asset' else ''}, geometry)"
                f" select 'n' || number{', :class' if table == 'asset' else ''}, st_geomfromwkb(shape, 4326)"
                " from unnest(cast(:shapes as bytea[])) with ordinality as n (shape, number)"
            ).bindparams(**({"class": LAMP} if table == "asset" else {})),
            {"shapes": [shapely.to_wkb(thing) for thing in things]},
        )
    return session


@pytest.mark.parametrize("crs", DATUMS)
@pytest.mark.parametrize("kind", WRITERS)
def test_a_layer_comes_back_from_every_format_and_datum_to_the_last_bit(
    session: Session, tmp_path: Path, kind: str, crs: str
) -> None:
    # A file says its EPSG number, unless it is a table; no file can say that it is in a datum of maps.
    told = "auto" if crs.startswith("EPSG") and kind not in ("csv", "xlsx") else crs
    for layer, rows in (("grids", 5), ("buildings", 14), ("assets", 401)):
        out, plain = tmp_path / f"{layer}.{kind}", tmp_path / f"{layer}.plain.parquet"
        assert export(driver_of(session), Wanted(layer, kind, crs=crs), out, lambda _: None) == rows
        assert export(driver_of(session), Wanted(layer, "parquet"), plain, lambda _: None) == rows
        read, was = (
            shapes_of(read_file(path, LAYERS[layer], of).frame["geometry"])
            for path, of in ((out, told), (plain, "auto"))
        )
        there, here = (np.asarray(shapely.points(shapely.get_coordinates(list(one)))) for one in (read, was))
        _, off = shapely.STRtree(here).query_nearest(there, return_distance=True)
        assert off.max() < OFF_DEG
        outcome = bring_in(session, out, layer, crs=told)
        merged = outcome.merged
        assert (outcome.faults, merged.new, merged.changed, merged.unchanged) == ([], 0, 0, rows), layer
