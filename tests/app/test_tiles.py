"""Tiles: what is in the database is in the tile, under the layer's own name, and nothing else is."""

import mapbox_vector_tile
import pytest

from gridsvc.app.tiles import LAYERS
from tests.conftest import Service
from tests.town import GRIDS, JIA_1, RUBBISH, spot

# The tile of zoom 15 that holds the whole town.
Z, X, Y = 15, 27195, 13302
TILE = f"{Z}/{X}/{Y}"


def tile(service: Service, layer: str, where: str = TILE) -> dict[str, object]:
    answer = service.client.get(f"/tiles/{layer}/{where}.mvt", headers=service.as_("viewer"))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    decoded: dict[str, dict[str, object]] = mapbox_vector_tile.decode(answer.content)
    assert list(decoded) == [layer]
    return decoded[layer]


def properties(layer: dict[str, object]) -> list[dict[str, object]]:
    return [feature["properties"] for feature in layer["features"]]  # type: ignore[attr-defined]


def test_the_grids_of_a_tile_are_those_of_the_database(service: Service) -> None:
    found = {str(one["code"]): one for one in properties(tile(service, "grids"))}
    assert sorted(found) == sorted(GRIDS)
    assert found[JIA_1] == {"code": JIA_1, "name": "甲一网格", "kind": "residential", "open_incidents": 0}


def test_a_new_report_is_in_the_next_tile_and_tints_its_grid(service: Service) -> None:
    lon, lat = spot(0.5, 1.5)
    given = {"class": RUBBISH, "condition": "01", "place": {"lon": lon, "lat": lat}, "source": "worker"}
    made = service.client.post("/api/v1/incidents", json=given, headers=service.as_("worker")).json()
    (incident,) = properties(tile(service, "incidents"))
    assert incident == {
        "id": made["id"],
        "number": made["number"],
        "class": RUBBISH,
        "status": "reported",
        "source": "worker",
    }
    grids = {one["code"]: one["open_incidents"] for one in properties(tile(service, "grids"))}
    assert grids[JIA_1] == 1


def test_a_grid_lies_in_the_tile_where_the_map_puts_it(service: Service) -> None:
    layer = tile(service, "grids")
    (jia,) = [one for one in layer["features"] if one["properties"]["code"] == JIA_1]  # type: ignore[attr-defined]
    xs = [x for x, _ in jia["geometry"]["coordinates"][0]]

    # Web Mercator: the tile is 360/2^15 degrees wide, 4096 units across.
    def unit(lon: float) -> float:
        return float(((lon + 180) / 360 * 2**Z - X) * 4096)

    assert min(xs) == pytest.approx(unit(118.780), abs=1)
    assert max(xs) == pytest.approx(unit(118.781), abs=1)


@pytest.mark.parametrize("layer", sorted(LAYERS))
def test_an_empty_tile_is_told_as_such(service: Service, layer: str) -> None:
    assert service.client.get(f"/tiles/{layer}/18/0/0.mvt", headers=service.as_("viewer")).status_code == 204


@pytest.mark.parametrize("where", ["99/0/0", "-1/0/0", "2/4/0", "2/0/4", "2/-1/0", "23/0/0", "1/x/0"])
def test_a_tile_that_is_not_on_the_map_is_refused(service: Service, where: str) -> None:
    answer = service.client.get(f"/tiles/grids/{where}.mvt", headers=service.as_("viewer"))
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_tilejson_says_where_a_layer_lies(service: Service) -> None:
    described = service.client.get("/tiles/grids.json", headers=service.as_("viewer")).json()
    assert described["bounds"] == pytest.approx([118.78, 32.04, 118.784, 32.042])
    assert described["vector_layers"][0]["id"] == "grids"
    assert described["tiles"][0].endswith("/tiles/grids/{z}/{x}/{y}.mvt")
    assert service.client.get("/tiles/residents.json", headers=service.as_("viewer")).status_code == 404
