"""A second town comes in by the same commands: the raw downloads of a campus, with its boundary, buildings and roads."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from gridsvc.core.db import transaction
from gridsvc.core.settings import Settings
from gridsvc.exchange.imports import Choices, import_file

# Real data that is not ours to ship; it lies beside a developer's checkout.
TOWNS = Path(__file__).resolve().parents[3] / "shared" / "data"
CAMPUS, NANJING, MONACO = (TOWNS / name for name in ("beijing-tsinghua", "nanjing-osm", "monaco-osm"))
NAMED = {"code": "110108022901", "name": "示例·清华园"}

pytestmark = pytest.mark.skipif(not TOWNS.is_dir(), reason="the towns' raw files are not beside this checkout")


@pytest.mark.parametrize(
    ("files", "buildings", "streets"),
    [
        ((CAMPUS / "buildings.geojson", CAMPUS / "roads.geojson"), 626, 903),
        ((NANJING / "nanjing_xinjiekou_20210612.osm",) * 2, 1277, 384),
        ((MONACO / "monaco.osm.gz",) * 2, 966, 866),
        ((MONACO / "andorra.osm.pbf",) * 2, 292, 1615),
    ],
    ids=["tsinghua", "xinjiekou", "monaco", "andorra"],
)
def test_a_neighbourhood_comes_in_as_it_was_drawn(
    empty_engine: Engine, files: tuple[Path, Path], buildings: int, streets: int
) -> None:
    for layer, path, expected in zip(("buildings", "streets"), files, (buildings, streets), strict=True):
        with transaction(empty_engine) as session:
            outcome = import_file(
                session,
                path,
                layer,
                Choices(from_=datetime(2026, 1, 1, tzinfo=UTC)),
                settings=Settings(),
                actor="test",
                progress=lambda *_: None,
            )
        assert (outcome.merged.new, outcome.faults) == (expected, [])


def test_a_boundary_without_a_code_is_given_one_and_owns_its_buildings(empty_engine: Engine) -> None:
    choices = Choices(from_=datetime(2026, 1, 1, tzinfo=UTC), constants=NAMED)
    with transaction(empty_engine) as session:
        import_file(
            session,
            CAMPUS / "campus_boundary.geojson",
            "communities",
            choices,
            settings=Settings(),
            actor="test",
            progress=lambda *_: None,
        )
        area_m2 = session.scalar(text("select area_m2 from community_version where community = :code"), NAMED)
    assert area_m2 == pytest.approx(3.0e6, rel=0.01)
