"""Streets, buildings and the catalogue in, a month of invented incidents out: June 2026, in the rhythm of working days."""

import json
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from maker.ground import from_metres, to_metres
from maker.phrases import CLOSINGS, OPENINGS, OUTSIDE, PHRASES, WHERE
from maker.things import Kerb

COUNT = 268
COLUMNS = ["class", "condition", "status", "lon", "lat", "accuracy_m", "text", "source", "reported_at", "closed_at"]
SHANGHAI = timezone(timedelta(hours=8))
FIRST_DAY, DAYS = date(2026, 6, 1), 30
NOW = datetime(2026, 6, 30, 18, 0, tzinfo=SHANGHAI)
HOLIDAY = date(2026, 6, 19)
"""The Dragon Boat Festival of 2026."""
QUIET_DAY = 0.35
"""A weekend day or holiday brings so much of a working day's reports."""
HOUR_CHANCES = np.array([0, 0, 0, 0, 0, 0.5, 2, 5, 9, 11, 10, 7, 4, 5, 9, 10, 9, 7, 5, 4, 3, 2, 1, 0.5])
SOURCES = {"worker": 0.46, "patrol": 0.17, "public": 0.19, "hotline": 0.12, "dispatcher": 0.06}
ACCURACY_M = {"worker": (4, 15), "patrol": (3, 12), "public": (8, 45), "hotline": (30, 80), "dispatcher": (20, 60)}

# Age in days below which the shares of the states hold.
STATUS_BY_AGE: list[tuple[float, dict[str, float]]] = [
    (0.4, {"reported": 0.45, "filed": 0.25, "dispatched": 0.2, "handling": 0.1}),
    (1.5, {"filed": 0.15, "dispatched": 0.3, "handling": 0.3, "feedback": 0.1, "closed": 0.15}),
    (4, {"dispatched": 0.1, "handling": 0.2, "feedback": 0.15, "closed": 0.5, "rejected": 0.05}),
    (10, {"handling": 0.1, "feedback": 0.05, "closed": 0.8, "rejected": 0.05}),
    (99, {"handling": 0.01, "closed": 0.94, "rejected": 0.05}),
]
HOURS = {"urgent_hour": 1, "working_hour": 1.5, "urgent_day": 24, "working_day": 24}
BESIDE_M = {"road": 1.5, "kerb": 5.0}
OUTSIDE_PLACES = [(118.7665, 32.0352), (118.7990, 32.0530)]
"""Two reports lie outside every community."""


def report(kerb: Kerb, buildings: gpd.GeoDataFrame, catalogue: Path, rng: np.random.Generator) -> pd.DataFrame:
    """Return the incidents in order of time."""
    limits = {
        (kind["class"], condition["code"]): condition["limit"] * HOURS[condition["unit"]]
        for kind in json.loads(catalogue.read_text())["classes"]
        for condition in kind["conditions"]
    }
    keys = list(PHRASES)
    often = np.array([PHRASES[key][0] for key in keys], dtype=float)
    homes = to_metres(buildings.geometry[buildings.households > 0].to_numpy())
    rows = []
    for number, reported_at in enumerate(_times(rng)):
        key = keys[int(rng.choice(len(keys), p=often / often.sum()))]
        source = str(rng.choice(list(SOURCES), p=list(SOURCES.values())))
        point, place = _place(PHRASES[key][1], kerb, homes, rng)
        said = [rng.choice(OPENINGS[source]), place, rng.choice(PHRASES[key][2]), rng.choice(CLOSINGS[source])]
        text = "".join(map(str, said))
        if number in {COUNT // 4, COUNT - 3}:
            key = ("matter:06012", "02")
            point, text = shapely.Point(OUTSIDE_PLACES[number > COUNT // 2]), OUTSIDE
        status, closed_at = _fate(reported_at, limits[key], rng)
        accuracy_m = int(rng.integers(*ACCURACY_M[source]))
        ended = closed_at.isoformat() if closed_at else ""
        rows.append((*key, status, point.x, point.y, accuracy_m, text, source, reported_at.isoformat(), ended))
    return pd.DataFrame(rows, columns=COLUMNS)


def _times(rng: np.random.Generator) -> list[datetime]:
    """Draw the moments of the reports, none after `NOW`."""
    days = [FIRST_DAY + timedelta(days=n) for n in range(DAYS)]
    busy = np.array([QUIET_DAY if day.weekday() > 4 or day == HOLIDAY else 1.0 for day in days])
    times: list[datetime] = []
    while len(times) < COUNT:
        day = days[int(rng.choice(DAYS, p=busy / busy.sum()))]
        hour = int(rng.choice(24, p=HOUR_CHANCES / HOUR_CHANCES.sum()))
        minute, second = (int(n) for n in rng.integers(0, 60, 2))
        moment = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=SHANGHAI)
        if moment < NOW - timedelta(minutes=3):
            times.append(moment)
    return sorted(times)


def _place(where: str, kerb: Kerb, homes: np.ndarray, rng: np.random.Generator) -> tuple[shapely.Point, str]:
    """Choose a place on the road, at the kerb or by the wall of a home, and name it after its street."""
    if where == "wall":
        point, near_m = _by_a_wall(kerb, homes, rng)
        street = str(kerb.names[int(np.argmin(shapely.distance(kerb.lines, near_m)))])
    else:
        point, street = kerb.place(rng, BESIDE_M[where])
    return point, street + str(rng.choice(WHERE[where]))


def _by_a_wall(kerb: Kerb, homes: np.ndarray, rng: np.random.Generator) -> tuple[shapely.Point, shapely.Point]:
    """Choose a point 2 to 4 m outside the wall of a home; return it in degrees and in metres."""
    while True:
        wall = homes[int(rng.integers(len(homes)))].buffer(float(rng.uniform(2, 4))).exterior
        metres = wall.interpolate(float(rng.uniform()), normalized=True)
        point = from_metres(metres)
        if kerb.free(point):
            return point, metres


def _fate(reported_at: datetime, limit_h: float, rng: np.random.Generator) -> tuple[str, datetime | None]:
    """Choose a state that suits the age, and when it ended; one in nine takes longer than its limit."""
    age = NOW - reported_at
    shares = next(shares for days, shares in STATUS_BY_AGE if age < timedelta(days=days))
    status = str(rng.choice(list(shares), p=list(shares.values())))
    late = bool(rng.uniform() < 1 / 9)
    share = float(rng.uniform(1.1, 1.8) if late else rng.uniform(0.2, 0.9))
    if status == "rejected":
        return status, reported_at + timedelta(minutes=int(rng.integers(5, 28)))
    if status != "closed":
        return status, None
    closed_at = _in_office_hours(reported_at + timedelta(minutes=round(limit_h * share * 60)))
    return ("closed", closed_at) if closed_at < NOW else ("handling", None)


def _in_office_hours(moment: datetime) -> datetime:
    """Put a moment outside 8 to 18 o'clock, or on a weekend, into the next working morning."""
    opening, closing, saturday = 8, 18, 5
    while not (opening <= moment.hour < closing and moment.weekday() < saturday and moment.date() != HOLIDAY):
        step = timedelta(days=1) if moment.hour >= closing or moment.weekday() >= saturday else timedelta()
        morning = moment.replace(hour=opening, minute=10 + moment.minute // 2) + step
        moment = morning if morning > moment else morning + timedelta(days=1)
    return moment
