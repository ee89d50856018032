"""A layer and what is known around it in, whether it lies in another datum than it says out; pure.

Things of a town lie along the same lines: streets, the borders that follow them, the walls of buildings, the lamps beside
them. So the lines of a layer are laid over the lines that are known, where the layer says it is and where it would be if
it were in another datum. At the right place many fall together; 40 m and more beside it only as many as chance makes.
And no street runs through a building: at the right place the ground of buildings and the lines of streets keep clear of
each other. Where nothing is known nearby, or too little to tell, there is no opinion.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from gridsvc.exchange.placing.datums import Datum, Floats, from_wgs84, to_wgs84

Box = tuple[float, float, float, float]
Known = Callable[[Box], Mapping[str, npt.NDArray[np.object_]]]
"""Told a box (west, south, east, north), gives the shapes known in it, by kind; EPSG:4326."""

Offsets = Sequence[tuple[float, float]]

METRES_PER_DEGREE = 111_195.0
WINDOWS = 3
WINDOW_M = 750.0
"""A layer is looked at in a few squares of twice this side, each around one of its features."""
REACH_M = 1_700.0
"""Further than any datum moves a place in China."""
CELL_M = 5.0
FADE = (0.75, 0.5, 0.25)
"""How much a line counts one, two and three cells beside it."""
AREA = 2
"""The dimension of a polygon."""
MOST_FEATURES, MOST_PLACES = 1_500, 1_500
FEWEST_PLACES = 40
"""Fewer cells that the layer's lines touch are too few to tell."""
LIFT = 0.08
"""At the right place at least so much more of a layer lies along known lines than beside it …"""
SHARPNESS = 5.5
"""… and so many standard deviations of what chance makes (measured: 7 to 12 where right, below 3 where wrong)."""

CLEAR, CLEAR_SHARPNESS, CLEAR_LIFT = 0.35, 4.5, 0.04
"""Ground keeps clear of streets where less than this share of what chance makes is left, so sharply, and of so much."""
GROUND_M2 = 20_000.0
"""Larger polygons are no buildings: streets may run through them."""
GROUND, MIDDLES = "the ground of buildings", "the middles of streets"

AS_IT_IS = "as it is"

NEAR: Offsets = [(east, north) for east in (-10, -5, 0, 5, 10) for north in (-10, -5, 0, 5, 10)]
AROUND: Offsets = [
    (radius * np.cos(angle), radius * np.sin(angle))
    for radius in (40.0, 65.0, 90.0, 120.0, 160.0, 210.0)
    for angle in np.arange(12) * np.pi / 6 + radius
]
WINDS = ("north", "north-north-east", "north-east", "east-north-east", "east", "east-south-east", "south-east",
         "south-south-east", "south", "south-south-west", "south-west", "west-south-west", "west", "west-north-west",
         "north-west", "north-north-west")  # fmt: skip


@dataclass(frozen=True)
class Suspicion:
    """A layer does not lie where it says: in which datum it seems to be, and how far it is from what is known.

    `truth` is "wgs84", "gcj02" or "bd09", "swapped" for latitude before longitude, or "twice" for a layer that was moved
    back from GCJ-02 or BD-09 though it was in WGS-84. The layer lies `shift_m` towards `wind` of its `beside`, which is
    the kind of thing that it was held against.
    """

    truth: str
    shift_m: float
    wind: str
    beside: str
    sharpness: float


@dataclass(frozen=True)
class _Reading:
    """One way to read the coordinates of a layer: what is true then, and how they become WGS-84."""

    truth: str
    turn: Callable[[Floats], Floats]


def sniff(shapes: npt.NDArray[np.object_], taken: Datum, known: Known) -> Suspicion | None:
    """Tell whether a layer, given in what was taken for EPSG:4326 after it was taken for `taken`, lies in another datum.

    None when it agrees with what is known where it is, or when nothing can be told.
    """
    found: list[Suspicion] = []
    as_it_is = _Reading(AS_IT_IS, lambda places: places)
    for window in _windows(shapes):
        plain = _Ground.around(window, known)
        if plain and _agreement(plain, as_it_is, window):
            return None
        swapped = _Window(window.along[:, ::-1], window.ground[:, ::-1])
        crossed = _Ground.around(swapped, known)
        for ground, places, readings in ((plain, window, _readings(taken)), (crossed, swapped, [_swapped()])):
            found += [one for reading in readings if ground and (one := _agreement(ground, reading, places))]
    return max(found, key=lambda one: one.sharpness, default=None)


def _readings(taken: Datum) -> list[_Reading]:
    def read_as(truth: Datum) -> Callable[[Floats], Floats]:
        return lambda places: to_wgs84(from_wgs84(places, taken), truth)

    def moved_on(datum: Datum) -> Callable[[Floats], Floats]:
        return lambda places: from_wgs84(places, datum)

    datums: tuple[Datum, ...] = ("wgs84", "gcj02", "bd09")
    others = [_Reading(truth, read_as(truth)) for truth in datums if truth != taken]
    return others if taken != "wgs84" else [*others, *(_Reading("twice", moved_on(datum)) for datum in datums[1:])]


def _swapped() -> _Reading:
    return _Reading("swapped", lambda places: places)


@dataclass(frozen=True)
class _Window:
    """A square of a layer: places along its lines, and places on the ground of its buildings."""

    along: Floats
    ground: Floats


def _windows(shapes: npt.NDArray[np.object_]) -> Iterator[_Window]:
    """Look at a layer in a few squares of it."""
    drawn = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    bounds = shapely.bounds(drawn)
    sound = np.isfinite(bounds).all(axis=1) & (np.abs(bounds) <= 180).all(axis=1)
    drawn, bounds = drawn[sound], bounds[sound]
    # The same layer is looked at in the same way every time.
    chance = np.random.default_rng(len(drawn))
    for centre in chance.permutation(len(drawn))[:WINDOWS]:
        middle = shapely.get_coordinates(drawn[centre])[0]
        half = WINDOW_M / METRES_PER_DEGREE
        inside = ((bounds[:, :2] <= middle + half) & (bounds[:, 2:] >= middle - half)).all(axis=1)
        chosen = np.flatnonzero(inside)
        if len(chosen) > MOST_FEATURES:
            chosen = chance.choice(chosen, MOST_FEATURES, replace=False)
        (west, south), (east, north) = middle - half, middle + half
        places = _along(drawn[chosen], (west, south, east, north), 2 * CELL_M)
        # Each cell once: a crooked corner with many vertices must not outweigh a straight wall.
        _, first = np.unique(np.floor(places * METRES_PER_DEGREE / CELL_M), axis=0, return_index=True)
        if len(first) > MOST_PLACES:
            first = chance.choice(first, MOST_PLACES, replace=False)
        if len(first) >= FEWEST_PLACES:
            ground = _on_ground(drawn[chosen])
            if len(ground) > MOST_PLACES:
                ground = chance.choice(ground, MOST_PLACES, replace=False)
            yield _Window(places[first], ground)


@dataclass(frozen=True)
class _Ground:
    """What is known around a window, drawn by kind on squares of `CELL_M`; the origin is the south-west corner."""

    origin: Floats
    metres: Floats
    drawn: Mapping[str, npt.NDArray[np.float32]]

    @classmethod
    def around(cls, window: _Window, known: Known) -> "_Ground | None":
        """Draw what is known; None where the window lies outside the world."""
        (west, south), (east, north) = window.along.min(axis=0), window.along.max(axis=0)
        if south < -85 or north > 85:
            return None
        metres = METRES_PER_DEGREE * np.array([np.cos(np.radians((south + north) / 2)), 1.0])
        reach = REACH_M / metres
        origin = np.array([west, south]) - reach
        box = (float(origin[0]), float(origin[1]), float(east + reach[0]), float(north + reach[1]))
        size = np.ceil((np.array(box[2:]) - origin) * metres / CELL_M).astype(int) + 1
        around = known(box)
        along = {kind: _along(shapes, box, CELL_M) for kind, shapes in around.items()}
        kinds = {kind: _draw(places, origin, metres, size, FADE) for kind, places in along.items() if len(places)}
        if "buildings" in kinds:
            some = around["buildings"][:: 1 + len(around["buildings"]) // MOST_FEATURES]
            kinds[GROUND] = _draw(_on_ground(some), origin, metres, size, ())
        if "streets" in kinds:
            kinds[MIDDLES] = _draw(along["streets"], origin, metres, size, ())
        return cls(origin, metres, kinds)

    def shares(self, kind: str, places: Floats, offsets: Offsets) -> Floats:
        """Say how much of the places lies along known lines, when they are moved by each offset (metres east, north)."""
        picture = self.drawn[kind]
        at = (places - self.origin) * self.metres
        cells = np.floor((at + np.asarray(offsets)[:, None, :]) / CELL_M).astype(np.int32)
        inside = ((cells >= 0) & (cells < picture.shape)).all(axis=2)
        cells[~inside] = 0
        weights = picture[cells[..., 0], cells[..., 1]]
        shares: Floats = (weights * inside).sum(axis=1, dtype=np.float64) / len(places)
        return shares


def _along(shapes: npt.NDArray[np.object_], box: Box, step_m: float) -> Floats:
    """Give places along the lines and borders of shapes inside a box, at most so far apart; points are places themselves."""
    lines = np.where(shapely.get_dimensions(shapes) == AREA, shapely.boundary(shapes), shapes)
    (west, south, east, north) = box
    # What reaches far beyond the box must not cost more than what is in it.
    far = ~shapely.contains(shapely.box(*box), lines)
    lines[far] = shapely.clip_by_rect(lines[far], west, south, east, north)
    places = shapely.get_coordinates(shapely.segmentize(lines, step_m / METRES_PER_DEGREE))
    return places[((places >= (west, south)) & (places <= (east, north))).all(axis=1)]


def _on_ground(shapes: npt.NDArray[np.object_]) -> Floats:
    """Give the places of a lattice that lie on the ground of buildings; larger polygons are left out."""
    step = CELL_M / METRES_PER_DEGREE
    areal = shapes[shapely.get_dimensions(shapes) == AREA]
    small = areal[shapely.is_valid(areal) & (shapely.area(areal) < GROUND_M2 / METRES_PER_DEGREE**2)]
    found = [np.empty((0, 2))]
    for shape, (west, south, east, north) in zip(small, shapely.bounds(small), strict=True):
        lattice = np.array(np.meshgrid(np.arange(west, east, step), np.arange(south, north, step))).reshape(2, -1).T
        found.append(lattice[shapely.contains_xy(shape, lattice)])
    return np.concatenate(found)


def _draw(
    places: Floats, origin: Floats, metres: Floats, size: npt.NDArray[np.int_], fade: Sequence[float]
) -> npt.NDArray[np.float32]:
    picture = np.zeros(size, dtype=np.float32)
    cells = np.floor((places - origin) * metres / CELL_M).astype(int)
    cells = cells[((cells >= 0) & (cells < size)).all(axis=1)]
    picture[cells[:, 0], cells[:, 1]] = 1.0
    reached = picture > 0
    for weight in fade:
        # Widened by a cell to every side, first across and then along.
        across = np.pad(reached, ((1, 1), (0, 0)))
        wide = across[:-2] | across[1:-1] | across[2:]
        along = np.pad(wide, ((0, 0), (1, 1)))
        wider = along[:, :-2] | along[:, 1:-1] | along[:, 2:]
        picture[wider & ~reached] = weight
        reached = wider
    return picture


def _agreement(ground: _Ground, reading: _Reading, window: _Window) -> Suspicion | None:
    """Tell whether a window, read so, falls together with what is known, and how far that is from where it says."""
    along, on_ground = reading.turn(window.along), reading.turn(window.ground)
    best: tuple[float, str, tuple[float, float]] | None = None
    for kind in ground.drawn:
        places = on_ground if kind == MIDDLES else along
        if len(places) < FEWEST_PLACES:
            continue
        chance, near = ground.shares(kind, places, AROUND), ground.shares(kind, places, NEAR)
        usual = float(chance.mean())
        if kind in (GROUND, MIDDLES):
            lift, place = usual - float(near.min()), int(near.argmin())
            told = lift >= CLEAR_LIFT and near.min() <= CLEAR * usual
        else:
            lift, place = float(near.max()) - usual, int(near.argmax())
            told = lift >= LIFT
        sharpness = lift / (float(chance.std()) + 1e-3)
        enough = CLEAR_SHARPNESS if kind in (GROUND, MIDDLES) else SHARPNESS
        if told and sharpness >= enough and (best is None or sharpness > best[0]):
            best = (sharpness, kind, NEAR[place])
            if reading.truth == AS_IT_IS:
                break
    if best is None:
        return None
    sharpness, kind, offset = best
    east_m, north_m = (along - window.along).mean(axis=0) * ground.metres + offset
    # The layer lies where it would have to be moved from.
    wind = WINDS[round(np.degrees(np.arctan2(-east_m, -north_m)) / 22.5) % 16]
    beside = {GROUND: "buildings", MIDDLES: "streets"}.get(kind, kind)
    return Suspicion(reading.truth, float(np.hypot(east_m, north_m)), wind, beside, sharpness)
