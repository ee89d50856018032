"""The hand-written part of the town: real divisions, and where invented communities and dedicated grids lie."""

from dataclasses import dataclass
from itertools import pairwise

# National Bureau of Statistics, 2023 edition (state 2023-06-30).
DIVISIONS = [
    ("320000000000", "江苏省", "province", ""),
    ("320100000000", "南京市", "city", "320000000000"),
    ("320102000000", "玄武区", "county", "320100000000"),
    ("320104000000", "秦淮区", "county", "320100000000"),
    ("320106000000", "鼓楼区", "county", "320100000000"),
    ("320102002000", "梅园新村街道", "street", "320102000000"),
    ("320102003000", "新街口街道", "street", "320102000000"),
    ("320104006000", "五老村街道", "street", "320104000000"),
    ("320104007000", "洪武路街道", "street", "320104000000"),
    ("320104012000", "朝天宫街道", "street", "320104000000"),
    ("320106002000", "华侨路街道", "street", "320106000000"),
]

# The three districts meet at 新街口; 中山路, 汉中路 and 中山东路 divide them (checked once against the national
# platform's district boundaries). Degrees, longitude first.
MEETING_LON = 118.7789
SOUTH_LINE = [(118.7560, 32.0451), (118.7636, 32.0446), (118.7789, 32.0438), (118.7900, 32.0433), (118.8000, 32.0424)]


def district_of(lon: float, lat: float) -> str:
    """Return the district of a place in the town."""
    if lat < _line_lat(lon):
        return "320104"
    return "320106" if lon < MEETING_LON else "320102"


def _line_lat(lon: float) -> float:
    """Return the latitude at which the line between north and south crosses a longitude."""
    for (west, lat), (east, next_lat) in pairwise(SOUTH_LINE):
        if west <= lon <= east:
            return lat + (next_lat - lat) * (lon - west) / (east - west)
    raise ValueError(f"longitude {lon} is outside the town")


@dataclass(frozen=True)
class CommunitySeed:
    """Where an invented community begins to grow, and the real street (街道) it is put under."""

    name: str
    street: str
    lon: float
    lat: float


COMMUNITIES = [
    CommunitySeed("示例·豆菜桥社区", "320106002000", 118.7765, 32.0485),
    CommunitySeed("示例·网巾市社区", "320102003000", 118.7815, 32.0460),
    CommunitySeed("示例·东箭道社区", "320102002000", 118.7910, 32.0475),
    CommunitySeed("示例·石鼓路社区", "320104012000", 118.7725, 32.0405),
    CommunitySeed("示例·户部街社区", "320104007000", 118.7840, 32.0385),
    CommunitySeed("示例·科巷社区", "320104006000", 118.7900, 32.0405),
    CommunitySeed("示例·二条巷社区", "320104006000", 118.7950, 32.0385),
]

# A dedicated grid (专属网格) around a real landmark: name, and a point in each of the blocks it takes up.
DEDICATED = {
    "五台山体育中心": [(118.7677, 32.0507)],
    "金陵中学": [(118.7772, 32.0508)],
    "德基广场": [(118.7797, 32.0465)],
    "新街口百货": [(118.7795, 32.0420)],
    "万达广场": [(118.7815, 32.0402), (118.7817, 32.0410)],
    "金陵饭店": [(118.7778, 32.0450)],
    "总统府": [(118.7923, 32.0463)],
    "南京图书馆": [(118.7905, 32.0441)],
    "江苏省中医院": [(118.7702, 32.0438)],
    "朝天宫": [(118.7701, 32.0364)],
}

# Lanes drawn by hand, degrees: where the extract has no street to divide a large block, or to close it to the west.
LANES = [
    [(118.7710, 32.0471), (118.7752, 32.0469)],
    [(118.7919, 32.0432), (118.7911, 32.0410)],
    [(118.7600, 32.0432), (118.7638, 32.0424)],
]
