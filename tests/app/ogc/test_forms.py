"""The other forms of an answer: CSV, FlatGeobuf, long pages in parts, and pages for people."""

import csv
import html
import io
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyogrio
import pytest

from gridsvc.app.ogc import items
from gridsvc.app.ogc.collections import COLLECTIONS
from gridsvc.app.ogc.pages import CHINESE
from tests.app.ogc.conftest import Get, Served
from tests.town import BUILDINGS, JIA_1


def features(get: Get, name: str, **query: object) -> dict[str, dict[str, Any]]:
    return {one["id"]: one["properties"] for one in get(f"/collections/{name}/items", **query).json()["features"]}


@pytest.mark.parametrize("name", COLLECTIONS)
def test_csv_says_what_geojson_says(get: Get, name: str) -> None:
    answer = get(f"/collections/{name}/items", f="csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    expected = features(get, name)
    assert [row["id"] for row in rows] == list(expected)
    for row in rows:
        for column, value in expected[row["id"]].items():
            said = row[column]
            if value is None:
                assert said == ""
            elif isinstance(value, bool):
                assert said == str(value).lower()
            elif isinstance(value, int | float):
                assert float(said) == value
            elif column.endswith(("_at", "_from", "_to")):
                assert datetime.fromisoformat(said) == datetime.fromisoformat(value)
            else:
                assert said == value


def test_a_spreadsheet_runs_nothing_from_a_csv(get: Get, served: Served) -> None:
    with served.service.engine.begin() as connection:
        connection.exec_driver_sql("update asset set name = '=1+1\"x' where code = 'a1'")
    (row,) = csv.DictReader(io.StringIO(get("/collections/assets/items", f="csv").text))
    assert row["name"] == "'=1+1\"x"


@pytest.mark.parametrize("name", COLLECTIONS)
def test_flatgeobuf_says_what_geojson_says(get: Get, name: str, tmp_path: Path) -> None:
    answer = get(f"/collections/{name}/items", f="flatgeobuf")
    assert answer.headers["content-type"] == "application/flatgeobuf"
    file = tmp_path / "a.fgb"
    file.write_bytes(answer.content)
    read = pyogrio.read_dataframe(file)
    assert read.crs == "EPSG:4326"
    expected = features(get, name)
    assert list(read["id"].astype(str)) == list(expected)
    for row, properties in zip(read.to_dict("records"), expected.values(), strict=True):
        for column, value in properties.items():
            if (isinstance(value, str) and not column.endswith(("_at", "_from", "_to"))) or isinstance(
                value, int | float
            ):
                assert row[column] == value


def test_an_empty_answer_is_whole_in_every_form(get: Get, tmp_path: Path) -> None:
    file = tmp_path / "none.fgb"
    file.write_bytes(get("/collections/grids/items", f="flatgeobuf", filter="false").content)
    assert len(pyogrio.read_dataframe(file)) == 0
    assert get("/collections/grids/items", filter="false").json()["features"] == []
    assert len(get("/collections/grids/items", filter="false", f="csv").text.splitlines()) == 1


def test_forms_without_room_for_links_have_them_in_a_header(get: Get) -> None:
    for form in ("csv", "flatgeobuf"):
        link = get("/collections/buildings/items", f=form, limit=1).headers["link"]
        assert 'rel="next"' in link
        assert f"f={form}" in link
        assert 'rel="next"' not in get("/collections/buildings/items", f=form).headers["link"]


@pytest.mark.parametrize("form", ["json", "csv"])
@pytest.mark.parametrize("query", [{}, {"sortby": "-households"}, {"datetime": "2026-01-01T00:00:00Z/.."}])
def test_a_long_page_in_parts_is_the_page(
    get: Get, monkeypatch: pytest.MonkeyPatch, form: str, query: dict[str, str]
) -> None:
    def page() -> Any:
        answer = get("/collections/buildings/items", f=form, limit=3, **query)
        return answer.text if form == "csv" else answer.json()

    def following(page: Any) -> str:
        (link,) = [one["href"] for one in page["links"] if one["rel"] == "next"]
        return str(link).split("cursor=")[1]

    whole = page()
    monkeypatch.setattr(items, "PART", 1)
    parts = page()
    if form == "csv":
        assert parts == whole
    else:
        assert [one["id"] for one in parts["features"]] == [one["id"] for one in whole["features"]]
        assert parts["numberReturned"] == whole["numberReturned"] == 3
        assert following(parts) == following(whole)


ROOT = Path(__file__).resolve().parents[3]

PATHS = [
    "/",
    "/conformance",
    "/api",
    "/collections",
    "/collections/grids",
    "/collections/grids/queryables",
    "/collections/grids/items",
    f"/collections/grids/items/{JIA_1}",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_browser_gets_a_page_in_its_language_that_loads_only_from_here(get: Get, path: str) -> None:
    chinese = get(path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert chinese.headers["content-type"] == "text/html; charset=utf-8"
    assert '<html lang="zh-CN">' in chinese.text
    english = get(path, headers={"Accept": "text/html", "Accept-Language": "en-GB,en;q=0.9"})
    assert '<html lang="en">' in english.text
    assert get(path, f="html", lang="en").text == english.text
    for part in chinese.text.split('src="')[1:] + chinese.text.split('href="')[1:]:
        assert part.startswith(("http://testserver/", '#content"'))
    assert "<script>" not in chinese.text  # the policy of the pages lets no inline script run


def test_what_people_wrote_is_text_on_a_page_and_never_a_part_of_it(get: Get) -> None:
    page = get("/collections/incidents/items", f="html").text
    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "\\u003cscript>alert(1)" in page


def test_a_page_leads_to_the_next_and_to_each_feature(get: Get) -> None:
    page = get("/collections/buildings/items", f="html", limit=1).text
    assert 'rel="next"' in page
    assert "/ogc/collections/buildings/items/b1?f=html" in page


def test_a_page_speaks_the_reader_s_language_and_tells_the_office_s_time(get: Get) -> None:
    chinese = get("/collections/grids/items", f="html", lang="zh").text
    assert "<td>居住网格</td>" in chinese
    assert "<td>2026-01-01 08:00</td>" in chinese
    assert "<td>residential</td>" in get("/collections/grids/items", f="html", lang="en").text
    assert "<td>否</td>" in get("/collections/streets/items", f="html", lang="zh").text


def test_the_mark_of_the_pages_is_that_of_the_service(get: Get) -> None:
    assert get("/assets/mark.svg").content == (ROOT / "maps" / "src" / "mark.svg").read_bytes()
    assert '<link rel="icon" href="http://testserver/ogc/assets/mark.svg"' in get("/", f="html").text


def test_the_link_to_what_the_map_shows_is_one_that_is_answered(get: Get) -> None:
    page = get("/collections/buildings/items", f="html", lang="en", limit=3).text
    (href,) = re.findall(r'id="in-view" href="([^"]+)"', page)
    assert get(html.unescape(href)).text.count("<tr>") == 4


def test_what_the_pages_say_in_chinese_is_all_that_links_are_called(get: Get) -> None:
    titles = {one["title"] for path in ("/", "/collections/grids") for one in get(path).json()["links"]}
    titles |= {of["get"]["summary"] for path, of in get("/api").json()["paths"].items() if path.count("/") == 1}
    assert [one for one in titles if one not in CHINESE and "瓦片" not in one] == []


def test_the_script_and_style_of_the_pages_are_served(get: Get) -> None:
    for name in ("map.js", "language.js", "page.css", "leaflet.js", "leaflet.css", "mark.svg"):
        assert get(f"/assets/{name}").content
    assert get("/assets/mark.svg").headers["content-type"] == "image/svg+xml"
    get("/assets/pages.py", 404)
    get("/assets/..%2Fpages.py", 404)


def test_numbers_of_the_town_stay(get: Get) -> None:
    assert len(features(get, "buildings", datetime=datetime.now(UTC).isoformat())) == len(BUILDINGS)
