"""`GET /search` over HTTP on loopback, over 400,000 addresses, by class of question, beside what is promised."""

import http.client
import json
import statistics
import time
from collections.abc import Callable
from urllib.parse import urlencode

import numpy as np
import psycopg
from pypinyin import lazy_pinyin

from gridsvc.app.console import say
from gridsvc.core.db import conninfo
from tests.bench.locate import serving
from tests.bench.measure import Figure

STREETS, HOUSES = 2_000, 200
QUESTIONS = 200
SEED = 20261125
WEST, SOUTH, APART = 117.0, 31.0, 0.0005
PROMISED_MS = {"two characters": 100.0}
OTHERS_PROMISED_MS = 15.0
WORDS = "东西南北中山河江湖海长安平和永定新光华文昌龙凤金银玉石青白红绿春秋天明清泉松柏竹梅兰桂花园林云水桥门塔寺楼台学府书院仁义礼信福寿康宁丰裕"
KINDS = ("路", "街", "大道", "巷")

HOUSES_OF_STREETS = """
    insert into building (code, name, number, address, geometry)
    select format('n%%s-%%s', s.number, h), case when h %% 25 = 0 then s.name || '大厦' end, h || '号', s.name || h || '号',
           st_multi(st_makeenvelope(s.lon + h * 0.0002, s.lat, s.lon + h * 0.0002 + 0.0001, s.lat + 0.0001, 4326))
    from unnest(%(names)s::text[], %(lons)s::float8[], %(lats)s::float8[]) with ordinality s (name, lon, lat, number)
    cross join generate_series(1, %(houses)s::integer) h"""


def measure(url: str, token: str) -> list[Figure]:
    """Fill the database, ask each class of question at random places, and give the 95th percentile of each."""
    rng = np.random.default_rng(SEED)
    names = street_names(rng)
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        build(connection, names, rng)
    figures = []
    with serving(url) as port:
        client = http.client.HTTPConnection("127.0.0.1", port)
        for work, asked in questions(names, rng).items():
            taken = [ask(client, token, one) for one in asked]
            promised = PROMISED_MS.get(work, OTHERS_PROMISED_MS)
            p95 = statistics.quantiles(taken[20:], n=20)[-1]
            figures.append(Figure(f"search, {work}, p95", p95, "promised", promised, 1.0))
    return figures


def street_names(rng: np.random.Generator) -> list[str]:
    """Make up so many different names of two or three characters and a kind of street."""
    names: dict[str, None] = {}
    while len(names) < STREETS:
        words = "".join(rng.choice(list(WORDS), rng.integers(2, 4)))
        names[words + str(rng.choice(KINDS, p=[0.6, 0.15, 0.1, 0.15]))] = None
    return list(names)


def build(connection: psycopg.Connection[tuple[object, ...]], names: list[str], rng: np.random.Generator) -> None:
    """Write the houses of every street, side by side along it, and tell how long that took."""
    lons = (WEST + rng.uniform(0, 1, len(names))).round(7).tolist()
    lats = (SOUTH + rng.uniform(0, 1, len(names))).round(7).tolist()
    began = time.perf_counter()
    connection.execute(HOUSES_OF_STREETS, {"names": names, "lons": lons, "lats": lats, "houses": HOUSES})
    say(f"{STREETS * HOUSES:,} houses written, and findable, in {time.perf_counter() - began:.0f} s")
    connection.execute("vacuum analyze")


def questions(names: list[str], rng: np.random.Generator) -> dict[str, list[dict[str, object]]]:
    """Write the questions of each class: half of them at a place, as a map asks."""
    syllables = [lazy_pinyin(name) for name in names]
    readings = ["".join(of_one) for of_one in syllables]
    classes: dict[str, Callable[[int], str]] = {
        "a street": lambda n: names[n],
        "a street and number": lambda n: f"{names[n]}{rng.integers(1, HOUSES + 1)}号",
        "three characters": lambda n: names[n][:3],
        "three characters inside": lambda n: names[n][-3:],
        "two characters": lambda n: names[n][:2],
        "two characters inside": lambda n: names[n][1:3],
        "pinyin": lambda n: readings[n],
        "pinyin, half typed": lambda n: readings[n][: max(3, len(readings[n]) // 2)],
        "initials of three": lambda n: "".join(one[0] for one in syllables[n])[:3],
        "a typo": lambda n: readings[n][:4] + readings[n][5:],
        "a wrong character": lambda n: names[n][:1] + "锅" + names[n][2:],
        "nothing like it": lambda n: f"丏丐{n}丑丒",
    }
    return {
        work: [
            {"q": write(n)} | ({"lon": WEST + rng.uniform(0, 1), "lat": SOUTH + rng.uniform(0, 1)} if n % 2 else {})
            for n in rng.integers(0, len(names), QUESTIONS)
        ]
        for work, write in classes.items()
    }


def ask(client: http.client.HTTPConnection, token: str, one: dict[str, object]) -> float:
    """Ask once; answer the milliseconds until the whole answer was read."""
    began = time.perf_counter()
    client.request("GET", f"/api/v1/search?{urlencode(one)}", headers={"Authorization": f"Bearer {token}"})
    answer = client.getresponse()
    body = answer.read()
    taken_ms = (time.perf_counter() - began) * 1000
    assert answer.status == 200, body
    json.loads(body)
    return taken_ms
