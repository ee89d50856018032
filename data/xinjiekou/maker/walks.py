"""Streets and grids in, one patrol route per grid out: a walk along real streets in and around the grid."""

import heapq
import json
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

import geopandas as gpd
import numpy as np
import shapely

from maker.ground import Floats, in_metres, to_degrees, to_units
from maker.territory import Territory

Node = tuple[float, float]
Roads = dict[Node, dict[Node, float]]

REACHES_M = (15, 60, 150, 300)
"""A piece of street belongs to a grid if it lies in it or so near; the next reach is tried where the walk is short."""
SHORTEST_WALK_M = 500
LONGEST_WALK_M = 3000
LONGEST_SEGMENT_UNITS = 5000
"""Straight streets are cut into pieces of about 50 m, so that a walk may stay near its grid."""
STOPS = 6
"""At most so many places are visited; fewer where the walk would be longer than the longest."""


def plan_walks(streets: gpd.GeoDataFrame, territory: Territory) -> gpd.GeoDataFrame:
    """Return the routes: `code`, `name`, `grid`, `checkpoints` and a LineString of street segments, EPSG:4326."""
    walkable = streets[~streets.tunnel & (streets.layer >= 0)]
    segments = _segments(walkable)
    names = shapely.STRtree(to_units(walkable.geometry.to_numpy())), walkable.name.to_numpy()
    segments_m = in_metres(segments)
    lengths_m = shapely.length(segments_m)
    rows, lines = [], []
    for grid in territory.grids.itertuples():
        area = in_metres(to_units(grid.geometry))
        for reach_m in REACHES_M:
            near = shapely.within(segments_m, area.buffer(reach_m))
            walk, stops = _walk(_largest_part(_roads(segments[near], lengths_m[near])))
            line = shapely.LineString(walk) if walk else shapely.LineString()
            if in_metres(line).length >= SHORTEST_WALK_M:
                break
        rows.append(_row(grid, stops, *names))
        lines.append(to_degrees(line))
    return gpd.GeoDataFrame(rows, geometry=lines, crs="EPSG:4326")


def _row(grid: object, stops: list[Node], tree: shapely.STRtree, names: np.ndarray) -> dict[str, object]:
    """Describe a route; a checkpoint is named after the streets that meet there."""
    checkpoints = []
    for number, (x, y) in enumerate(stops, start=1):
        here = {name for name in names[tree.query(shapely.Point(x, y), predicate="dwithin", distance=2)] if name}
        label = "与".join(sorted(here)[:2]) or "巷口"
        checkpoints.append({"name": f"{number} {label}", "lon": round(x / 1e7, 7), "lat": round(y / 1e7, 7)})
    return {
        "code": f"R{grid.code}",  # type: ignore[attr-defined]
        "name": f"{grid.name}巡查路线",  # type: ignore[attr-defined]
        "grid": grid.code,  # type: ignore[attr-defined]
        "checkpoints": json.dumps(checkpoints, ensure_ascii=False),
    }


def _segments(streets: gpd.GeoDataFrame) -> np.ndarray:
    """Node the streets on whole units and cut them into straight segments."""
    noded = shapely.union_all(to_units(streets.geometry.to_numpy()), grid_size=1)
    short = to_units(to_degrees(shapely.segmentize(noded, LONGEST_SEGMENT_UNITS)))
    ends = [pair for line in shapely.get_parts(short) for pair in pairwise(line.coords)]
    return shapely.linestrings(ends)


def _roads(segments: Iterable[shapely.LineString], lengths_m: Floats) -> Roads:
    """Make a graph of segments: metres between neighbouring nodes."""
    roads: Roads = defaultdict(dict)
    for segment, length_m in zip(segments, lengths_m, strict=True):
        one, other = segment.coords
        roads[one][other] = roads[other][one] = float(length_m)
    return roads


def _largest_part(roads: Roads) -> Roads:
    """Keep the connected part with the most metres."""
    parts: list[tuple[float, list[Node]]] = []
    seen: set[Node] = set()
    for start in sorted(roads):
        if start not in seen:
            nodes = sorted(_distances_m(roads, start)[0])
            seen.update(nodes)
            parts.append((sum(sum(roads[node].values()) for node in nodes), nodes))
    return {node: roads[node] for node in max(parts)[1]} if parts else {}


def _walk(roads: Roads) -> tuple[list[Node], list[Node]]:
    """Walk past places far from each other, always the nearest next; return the path and the places."""
    if not roads:
        return [], []
    for count in range(STOPS, 1, -1):
        stops = _far_apart(roads, count)
        walk, length_m = _through(roads, stops)
        if length_m <= LONGEST_WALK_M:
            break
    return walk, stops


def _far_apart(roads: Roads, count: int) -> list[Node]:
    """Choose places one after the other, each as far as can be from those before; then order them by the nearest next."""
    chosen = [min(roads)]
    nearest_m = _distances_m(roads, chosen[0])[0]
    while len(chosen) < count:
        farthest = max(sorted(roads), key=lambda node: nearest_m[node])
        if nearest_m[farthest] == 0:
            break
        chosen.append(farthest)
        reach_m = _distances_m(roads, farthest)[0]
        nearest_m = {node: min(nearest_m[node], reach_m[node]) for node in roads}
    ordered = [chosen.pop(0)]
    while chosen:
        reach_m = _distances_m(roads, ordered[-1])[0]
        ordered.append(chosen.pop(int(np.argmin([reach_m[node] for node in chosen]))))
    return ordered


def _through(roads: Roads, stops: list[Node]) -> tuple[list[Node], float]:
    """Walk the shortest way through the stops in their order."""
    walk, total_m = [stops[0]], 0.0
    for here, there in pairwise(stops):
        reach_m, before = _distances_m(roads, here)
        leg = [there]
        while leg[-1] != here:
            leg.append(before[leg[-1]])
        walk += leg[-2::-1]
        total_m += reach_m[there]
    return walk, total_m


def _distances_m(roads: Roads, start: Node) -> tuple[dict[Node, float], dict[Node, Node]]:
    """Return the metres from the start to every node it reaches, and the node before each on the way (Dijkstra)."""
    reach_m, before = {start: 0.0}, {}
    queue = [(0.0, start)]
    while queue:
        so_far_m, node = heapq.heappop(queue)
        if so_far_m > reach_m[node]:
            continue
        for other, step_m in roads[node].items():
            if so_far_m + step_m < reach_m.get(other, np.inf):
                reach_m[other], before[other] = so_far_m + step_m, node
                heapq.heappush(queue, (reach_m[other], other))
    return reach_m, before
