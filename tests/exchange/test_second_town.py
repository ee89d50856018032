"""A second town comes in by the same commands: the raw downloads of a campus, with its boundary, buildings and roads."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from gridsvc.core.db import transaction
from gridsvc.core.settings import shipped_data
from tests.exchange.conftest import bring_in

CAMPUS = shipped_data() / "tsinghua"
NANJING = shipped_data() / "xinjiekou" / "source.osm.gz"
# Larger real files that are not shipped; they lie beside a developer's checkout.
MONACO = Path(__file__).resolve().parents[3] / "shared" / "data" / "monaco-osm"
beside = pytest.mark.skipif(
    not MONACO.is_dir(), reason="the raw files of Monaco and Andorra are not beside this checkout"
)


@pytest.mark.parametrize(
    ("files", "buildings", "streets"),
    [
        pytest.param((CAMPUS / "buildings.geojson", CAMPUS / "roads.geojson"), 626, 903, id="tsinghua"),
        pytest.param((NANJING, NANJING), 1277, 384, id="xinjiekou"),
        pytest.param((MONACO / "monaco.osm.gz",) * 2, 966, 866, id="monaco", marks=beside),
        pytest.param((MONACO / "andorra.osm.pbf",) * 2, 292, 1615, id="andorra", marks=beside),
    ],
)
def test_a_neighbourhood_comes_in_as_it_was_drawn(
    empty_engine: Engine, files: tuple[Path, Path], buildings: int, streets: int
) -> None:
    for layer, path, expected in zip(("buildings", "streets"), files, (buildings, streets), strict=True):
        with transaction(empty_engine) as session:
            outcome = bring_in(session, path, layer)
        assert (outcome.merged.new, outcome.faults) == (expected, [])


def test_a_boundary_without_a_code_is_given_one_and_owns_its_buildings(empty_engine: Engine) -> None:
    named = {"code": "110108014901", "name": "示例·清华园"}
    with transaction(empty_engine) as session:
        bring_in(session, CAMPUS / "boundary.geojson", "communities", constants=named)
        bring_in(session, CAMPUS / "buildings.geojson", "buildings")
        area_m2 = session.scalar(text("select area_m2 from community_version where community = :code"), named)
        within = session.scalar(
            text(
                "select count(*) from building b join community_version v on st_intersects(v.geometry, b.point)"
                " where v.community = :code"
            ),
            named,
        )
    assert area_m2 == pytest.approx(3.0e6, rel=0.01)
    assert within == 626
