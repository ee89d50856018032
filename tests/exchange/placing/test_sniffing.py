"""A layer in another datum than it says is found by what is known around it; one that is right never is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from shapely.affinity import translate
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gridsvc.app.demo import load_town
from gridsvc.core.db import transaction
from gridsvc.core.errors import Invalid
from gridsvc.core.settings import Settings, shipped_data
from gridsvc.exchange.placing.datums import Datum, move
from gridsvc.exchange.placing.known import Misplaced
from gridsvc.exchange.placing.sniffing import sniff
from tests.exchange.conftest import bring_in
from tests.exchange.files import feature, geojson
from tests.exchange.placing.sample import Shapes, knowing, read, town

TOWN = town()
BORDERS = ("streets", "communities", "grids")
EVERYTHING = ("buildings", *BORDERS)
# What each layer can be held against when it is new: nothing of its own kind is known.
BESIDE = {
    "buildings": BORDERS,
    "streets": ("buildings", "communities", "grids"),
    "communities": ("buildings", "streets"),
    "grids": ("streets", "buildings"),
    "assets": EVERYTHING,
    "routes": EVERYTHING,
    "incidents": EVERYTHING,
}
CASES = [*((layer, EVERYTHING) for layer in TOWN), *BESIDE.items(), ("buildings", ("buildings",))]


def swapped(shapes: Shapes) -> Shapes:
    turned: Shapes = shapely.transform(shapes, lambda places: places[:, ::-1])
    return turned


@pytest.mark.parametrize(("layer", "kinds"), CASES)
@pytest.mark.parametrize(
    ("datum", "far_m", "wind"), [("gcj02", 541, "east-south-east"), ("bd09", 1192, "east-north-east")]
)
def test_a_layer_that_is_shifted_is_found_with_its_shift(
    layer: str, kinds: tuple[str, ...], datum: Datum, far_m: float, wind: str
) -> None:
    found = sniff(move(TOWN[layer], "wgs84", datum), "wgs84", knowing(TOWN, kinds))
    assert found
    assert (found.truth, found.wind) == (datum, wind)
    assert found.shift_m == pytest.approx(far_m, abs=12)


@pytest.mark.parametrize("layer", TOWN)
def test_a_layer_with_its_axes_swapped_is_found(layer: str) -> None:
    found = sniff(swapped(TOWN[layer]), "wgs84", knowing(TOWN, EVERYTHING))
    assert found
    assert found.truth == "swapped"


@pytest.mark.parametrize("layer", ["buildings", "grids", "assets"])
@pytest.mark.parametrize(
    ("really", "taken", "truth"),
    [
        ("wgs84", "gcj02", "wgs84"),
        ("wgs84", "bd09", "wgs84"),
        ("bd09", "gcj02", "bd09"),
        ("wgs84", "wgs84", "twice"),
    ],
)
def test_a_layer_that_was_taken_for_what_it_is_not_is_found(
    layer: str, really: Datum, taken: Datum, truth: str
) -> None:
    read_as = "gcj02" if truth == "twice" else taken
    shapes = move(move(TOWN[layer], "wgs84", really), read_as, "wgs84")
    found = sniff(shapes, taken, knowing(TOWN, EVERYTHING))
    assert found
    assert found.truth == truth


@pytest.mark.parametrize(("layer", "kinds"), [*CASES, ("buildings", ("streets",)), ("grids", ("buildings",))])
def test_a_layer_that_lies_where_it_says_is_left_alone(layer: str, kinds: tuple[str, ...]) -> None:
    for taken in ("wgs84", "gcj02", "bd09"):
        assert sniff(TOWN[layer], taken, knowing(TOWN, kinds)) is None


def redrawn(shapes: Shapes) -> Shapes:
    """Draw most of a layer anew: every piece is moved by up to 60 m, and turned into something rounder."""
    chance = np.random.default_rng(7)
    return np.array(
        [translate(shapely.simplify(one, 0.0002), *chance.uniform(-0.0006, 0.0006, 2)) for one in shapes], dtype=object
    )


@pytest.mark.parametrize("layer", ["buildings", "streets", "communities", "grids", "routes"])
@pytest.mark.parametrize(
    "change",
    [redrawn, lambda shapes: shapes[::7], lambda shapes: np.array([*shapes[::3], *redrawn(shapes)])],
    ids=["all of it", "a seventh of it", "a third of it and much that is new"],
)
def test_a_redraw_in_which_much_differs_is_left_alone(layer: str, change: Callable[[Shapes], Shapes]) -> None:
    assert sniff(change(TOWN[layer]), "wgs84", knowing(TOWN, EVERYTHING)) is None


@pytest.mark.parametrize("name", ["boundary", "buildings", "roads"])
@pytest.mark.parametrize("datum", ["wgs84", "gcj02"])
def test_another_town_with_nothing_known_nearby_is_left_alone(name: str, datum: Datum) -> None:
    campus = read(shipped_data() / "tsinghua" / f"{name}.geojson")
    assert sniff(move(campus, "wgs84", datum), "wgs84", knowing(TOWN, EVERYTHING)) is None


@pytest.mark.parametrize(("name", "kinds"), [("buildings", "buildings"), ("roads", "roads"), ("boundary", "roads")])
def test_another_town_is_left_alone_and_found_when_it_is_known(name: str, kinds: str) -> None:
    campus = {one: read(shipped_data() / "tsinghua" / f"{one}.geojson") for one in ("buildings", "roads", "boundary")}
    known = knowing(campus, (kinds,))
    assert sniff(campus[name], "wgs84", known) is None
    if name != "boundary":
        found = sniff(move(campus[name], "wgs84", "gcj02"), "wgs84", known)
        assert found
        assert found.truth == "gcj02"


@pytest.mark.parametrize(
    "shapes", [[], [None], [shapely.Point()], [shapely.Point(118.78, 32.04)], [shapely.box(5e5, 3e6, 6e5, 4e6)]]
)
def test_too_little_to_tell_gives_no_opinion(shapes: list[Any]) -> None:
    assert sniff(np.array(shapes, dtype=object), "wgs84", knowing(TOWN, EVERYTHING)) is None


def test_a_shifted_file_is_refused_in_a_sentence_and_taken_when_it_is_said_to_be_right(
    empty_engine: Engine, tmp_path: Path
) -> None:
    streets = shipped_data() / "xinjiekou" / "streets.geojson"
    shifted = geojson(
        tmp_path / "lamps.geojson",
        *(
            feature(move(lamp, "wgs84", "gcj02"), code=f"L{number}", **{"class": "asset:01037"})
            for number, lamp in enumerate(TOWN["assets"])
        ),
    )

    def count(session: Session) -> Any:
        return session.scalar(text("select count(*) from asset"))

    with transaction(empty_engine) as session:
        bring_in(session, streets, "streets")
        with pytest.raises(Misplaced) as refused:
            bring_in(session, shifted, "assets")
        assert refused.value.sentence.startswith("lamps.geojson lies 5")
        for said in ("m east-south-east of the streets that are known", "GCJ-02", "--crs gcj02", "--trust-crs"):
            assert said in refused.value.sentence
        # The datum that is named is no confirmation of itself: what is said can be wrong, too.
        with pytest.raises(Invalid, match="as if it were in GCJ-02"):
            bring_in(session, shifted, "assets", crs="EPSG:4326")
        with pytest.raises(Invalid, match="as if it were in WGS-84"):
            bring_in(session, streets, "streets", crs="gcj02")
        turned = geojson(
            tmp_path / "turned.geojson",
            *(feature(one, code=f"T{number}") for number, one in enumerate(swapped(TOWN["streets"]))),
        )
        with pytest.raises(Invalid, match="when latitude and longitude change places"):
            bring_in(session, turned, "streets")
        assert count(session) == 0
        assert bring_in(session, shifted, "assets", crs="gcj02").merged.new == 250
        assert bring_in(session, shifted, "assets", trust_crs=True).merged.changed == 250


def test_everything_that_is_shipped_comes_in_unsuspected(empty_engine: Engine) -> None:
    campus = shipped_data() / "tsinghua"
    with transaction(empty_engine) as session:
        load_town(session, Settings())
        named = {"code": "110108014901", "name": "示例·清华园"}
        assert bring_in(session, campus / "boundary.geojson", "communities", constants=named).merged.new == 1
        for layer, name in (("streets", "roads"), ("buildings", "buildings")):
            assert bring_in(session, campus / f"{name}.geojson", layer).merged.new > 600
        # And once more, when all of it is known.
        for layer in ("communities", "grids", "buildings", "streets", "assets", "routes"):
            again = bring_in(session, shipped_data() / "xinjiekou" / f"{layer}.geojson", layer)
            assert (again.merged.new, again.merged.changed) == (0, 0)
