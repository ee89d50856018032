"""Programs that others wrote: GDAL (ogrinfo, ogr2ogr, pyogrio) and OWSLib read what the database holds."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pyogrio
import pytest
import shapely
from owslib.ogcapi.features import Features

from gridsvc.core.db import conninfo
from tests.app.ogc.conftest import Served
from tests.bench.locate import serving
from tests.town import BUILDINGS, GRIDS

TABLES = {
    "buildings": "select code, name, levels, households, st_asewkb(st_transform(geometry, {0})) from building order by 1",
    "grids": "select grid, name, version, kind, st_asewkb(st_transform(geometry, {0})) from grid_version order by 1",
}
COLUMNS = {"buildings": ["code", "name", "levels", "households"], "grids": ["code", "name", "version", "kind"]}


@pytest.fixture(scope="session")
def address(served: Served) -> Iterator[str]:
    """Serve the town by a process of its own, as in life."""
    with serving(served.url) as port:
        yield f"http://127.0.0.1:{port}/ogc"


@pytest.fixture
def gdal(served: Served) -> dict[str, str]:
    """Give GDAL the token as the password of Basic, as a GIS does."""
    options = {"GDAL_HTTP_USERPWD": f"gis:{served.service.tokens['viewer']}", "GDAL_HTTP_AUTH": "BASIC"}
    pyogrio.set_gdal_config_options(options)
    return {**os.environ, **options, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def stored(served: Served, name: str, srid: int) -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo(served.url)) as connection:
        return connection.execute(TABLES[name].format(srid).encode()).fetchall()


@pytest.mark.parametrize("name", ["buildings", "grids"])
@pytest.mark.parametrize("srid", [4326, 3857, 4549])
def test_gdal_reads_a_whole_collection_in_three_systems_as_it_is_stored(
    served: Served, address: str, gdal: dict[str, str], name: str, srid: int
) -> None:
    assert gdal
    read = pyogrio.read_dataframe(f"OAPIF:{address}", layer=name, PAGE_SIZE=2, CRS=f"EPSG:{srid}").sort_values("code")
    rows = stored(served, name, srid)
    assert len(read) == len(rows) == {"buildings": len(BUILDINGS), "grids": len(GRIDS)}[name]
    for found, row in zip(read.to_dict("records"), rows, strict=True):
        assert tuple(found[column] for column in COLUMNS[name]) == row[:-1]
        # GDAL gives every system with x first; stored are 7 decimals of a degree, sent are millimetres.
        apart = shapely.hausdorff_distance(found["geometry"], shapely.from_wkb(bytes(row[-1])))
        assert apart <= (0 if srid == 4326 else 0.001)


def test_ogr2ogr_copies_a_collection_row_by_row(
    served: Served, address: str, gdal: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "buildings.geojson"
    ogr2ogr("-f", "GeoJSON", "-lco", "COORDINATE_PRECISION=9", str(out), f"OAPIF:{address}", "buildings", env=gdal)
    copied = {one["properties"]["code"]: one for one in json.loads(out.read_text(encoding="utf-8"))["features"]}
    rows = stored(served, "buildings", 4326)
    assert sorted(copied) == [row[0] for row in rows]
    for code, name, levels, households, geometry in rows:
        properties = copied[code]["properties"]
        assert (properties["name"], properties["levels"], properties["households"]) == (name, levels, households)
        assert shapely.geometry.shape(copied[code]["geometry"]).equals(shapely.from_wkb(bytes(geometry)))


def test_gdal_hands_its_filter_over_as_cql2(address: str, gdal: dict[str, str], tmp_path: Path) -> None:
    assert gdal
    where = "households > 70 AND name LIKE '楼%'"
    read = pyogrio.read_dataframe(f"OAPIF:{address}", layer="buildings", where=where)
    assert sorted(read["code"]) == ["b1", "b2", "b4"]
    out = tmp_path / "few.geojson"
    ogr2ogr(
        "-where", "households > 70 AND levels = 6", "-f", "GeoJSON", str(out), f"OAPIF:{address}", "buildings", env=gdal
    )
    assert len(json.loads(out.read_text(encoding="utf-8"))["features"]) == 3
    boxed = pyogrio.read_dataframe(f"OAPIF:{address}", layer="buildings", bbox=(118.780, 32.041, 118.7805, 32.0415))
    assert list(boxed["code"]) == ["b1"]


def test_ogrinfo_lists_every_collection_with_its_title(address: str, gdal: dict[str, str]) -> None:
    said = subprocess.run(
        ["ogrinfo", "-ro", f"OAPIF:{address}"], env=gdal, capture_output=True, text=True, check=True, timeout=120
    ).stdout
    for title in ("buildings", "grids", "incidents", "routes"):
        assert title in said


def test_owslib_finds_its_way(served: Served, address: str) -> None:
    session = Features(address, headers={"Authorization": f"Bearer {served.service.tokens['viewer']}"})
    assert session.conformance()["conformsTo"]
    assert session.api()["openapi"].startswith("3.0")
    assert {"grids", "buildings"} <= set(session.feature_collections())
    assert session.collection("grids")["id"] == "grids"
    assert session.collection_queryables("grids")["properties"]["kind"]["type"] == "string"
    found = session.collection_items("grids", limit=2, bbox=[118.0, 32.0, 119.0, 33.0])
    assert found["numberReturned"] == 2
    some = session.collection_items("grids", filter="kind = 'dedicated'")
    assert [one["properties"]["kind"] for one in some["features"]] == ["dedicated"]
    key = found["features"][0]["id"]
    assert session.collection_item("grids", key)["id"] == key


@pytest.mark.parametrize("size", [100_001, 10_000_000])
def test_a_query_of_megabytes_is_refused_before_it_is_read(served: Served, address: str, size: int) -> None:
    host, port = address.removeprefix("http://").removesuffix("/ogc").split(":")
    token = served.service.tokens["viewer"]
    head = b"GET /ogc/collections/grids/items?filter=" + b"(" * size
    rest = f" HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n".encode()
    with socket.create_connection((host, int(port)), timeout=30) as line:
        line.sendall(head)
        began = time.perf_counter()
        line.sendall(rest)
        status = line.recv(100)
        taken = time.perf_counter() - began
    assert status.startswith(b"HTTP/1.1 4")
    assert taken < 1  # 50 ms are promised; a busy machine gets some more


def ogr2ogr(*arguments: str, env: dict[str, str]) -> None:
    assert shutil.which("ogr2ogr"), "gdal-bin is not installed: see docker/apt-packages.txt"
    subprocess.run(["ogr2ogr", *arguments], env=env, check=True, timeout=120, capture_output=True)
