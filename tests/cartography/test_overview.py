"""The overview page: what it shows, in which words, how large it gets, and that no name becomes markup."""

import json
import re
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any, get_args

import geopandas as gpd
import pytest
import shapely
from playwright.sync_api import Browser, Page

from gridsvc.cartography.colours import OPEN_TINTS, STATES, Language, state_of, tint, tint_steps
from gridsvc.cartography.drawings import LAYERS
from gridsvc.cartography.features import compact_features, fold
from gridsvc.cartography.overview import LIMIT, Town, draw_overview
from gridsvc.cartography.vetting import PageReader
from gridsvc.cartography.words import KINDS, STREET_KINDS, WORDS
from gridsvc.core.errors import Invalid

LANGUAGES: tuple[Language, ...] = get_args(Language)
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>",
    "\"quoted\" 'and' `${alert(1)}`",
    "line\u2028and\u2029paragraph",
    "{{ 7 * 7 }} {% raise %} {# gone",
    "&lt;b&gt; \\u003c \\",
)


def block(page: str, layer: str) -> dict[str, Any]:
    found = re.search(rf'<script type="application/json" id="data-{layer}">(.*?)</script>', page, re.DOTALL)
    assert found
    loaded: dict[str, Any] = json.loads(found[1])
    return loaded


def rows(page: str, layer: str) -> list[dict[str, Any]]:
    data = block(page, layer)["data"]
    return [dict(zip(data["columns"], row[1:], strict=True)) for row in data["rows"]]


def repeated(source: gpd.GeoDataFrame, count: int) -> gpd.GeoDataFrame:
    return source.iloc[[place % len(source) for place in range(count)]].reset_index(drop=True)


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_layer_has_its_features_and_its_facts(town: Town) -> None:
    page = draw_overview(town, "zh")
    assert {layer: len(rows(page, layer)) for layer in LAYERS} == {
        "grids": 4,
        "streets": 2,
        "buildings": 3,
        "communities": 2,
        "routes": 1,
        "incidents": 11,
    }
    grid = rows(page, "grids")[3]
    assert grid["kind"] == "专属网格"
    assert grid["open_incidents"] == 12
    assert grid["fill"] == tint(12)
    assert rows(page, "grids")[2]["responsible"] == "空缺"
    assert "香铺营街道一张图" in page
    assert "2026-07-01 09:30 CST" in page
    assert "© OpenStreetMap contributors (ODbL)" in page


def test_an_incident_is_shown_by_letter_as_well_as_by_colour(town: Town) -> None:
    discs = block(draw_overview(town, "zh"), "incidents")["drawing"]["states"]
    assert [discs[state.code][0] for state in STATES] == list("报核立派处挂馈实结退并")
    discs = block(draw_overview(town, "en"), "incidents")["drawing"]["states"]
    assert [discs[state.code][0] for state in STATES] == list("RVFDHSBKCXM")


def test_a_state_nobody_knows_is_still_on_the_map(town: Town) -> None:
    town.incidents["status"] = "lost"
    incident = rows(draw_overview(town, "en"), "incidents")[0]
    assert (incident["state"], incident["status"]) == ("", "lost")


@pytest.mark.parametrize("ours", [WORDS, KINDS])
def test_both_languages_are_complete(ours: dict[Language, dict[str, str]]) -> None:
    assert ours["zh"].keys() == ours["en"].keys()
    assert all(ours[language].values() for language in LANGUAGES)
    assert STREET_KINDS["zh"]["primary"] == "主干路"


def test_an_english_page_has_no_chinese_but_the_names(town: Town, empty_town: Town) -> None:
    page = draw_overview(replace(empty_town, title="Xinjiekou"), "en")
    text = re.sub(r"<(style|script)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search(r"[\u4e00-\u9fff]", text)
    assert '<html lang="en">' in page
    assert '<html lang="zh-CN">' in draw_overview(town, "zh")


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_town_still_makes_a_page(empty_town: Town, language: Language) -> None:
    page = draw_overview(empty_town, language)
    assert all(rows(page, layer) == [] for layer in LAYERS)


def test_a_town_without_a_single_column_still_makes_a_page(town: Town) -> None:
    nothing = gpd.GeoDataFrame()
    bare = replace(town, **dict.fromkeys(LAYERS, nothing))
    assert draw_overview(bare, "zh").startswith("<!DOCTYPE html>")


def test_missing_values_are_left_out_and_missing_shapes_too(town: Town) -> None:
    town.buildings["households"] = [None, 12, float("nan")]
    town.buildings.loc[0, "geometry"] = None
    drawn = rows(draw_overview(town, "zh"), "buildings")
    assert [(row["name"], row["households"]) for row in drawn] == [(None, 12), ("一中", None)]


def test_a_town_without_a_single_shape_still_makes_a_page(town: Town) -> None:
    town.grids["geometry"] = town.communities["geometry"] = None
    assert rows(draw_overview(town, "zh"), "grids") == []


def test_the_name_of_a_community_in_two_parts_stands_in_one_of_them(town: Town) -> None:
    parts = shapely.MultiPolygon([shapely.box(0, 0, 1, 10), shapely.box(0, 99, 1, 100)])
    community = town.communities.iloc[:1].set_geometry([parts], crs=4326)
    _, longitude, latitude, angle = rows(draw_overview(replace(town, communities=community), "zh"), "communities")[0][
        "label"
    ]
    assert parts.contains(shapely.Point(longitude, latitude))
    assert angle == 0


@pytest.mark.parametrize(("east", "north", "angle"), [(1, 0, 0), (-1, 0, 0), (0, 1, -90), (1, 1, -45), (1, -1, 45)])
def test_a_street_name_runs_along_its_street_and_never_upside_down(
    town: Town, east: float, north: float, angle: int
) -> None:
    line = shapely.LineString([(0, 0), (east / 100, north / 100)])
    street = town.streets.iloc[:1].set_geometry([line], crs=4326)
    assert rows(draw_overview(replace(town, streets=street), "zh"), "streets")[0]["label"][3] == angle


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_text(town: Town, name: str) -> None:
    for layer in LAYERS:
        getattr(town, layer)["number" if layer == "incidents" else "name"] = name
    town.incidents["class_name"] = town.incidents["status"] = name
    town.grids["responsible"] = name
    page = draw_overview(replace(town, title=name, attribution=name), "zh")
    assert rows(page, "grids")[0]["name"] == name
    assert rows(page, "incidents")[0]["status"] == name
    friendly = draw_overview(town, "zh")
    assert len(PageReader(page).scripts) == len(PageReader(friendly).scripts)
    assert "alert(1)" not in "".join(PageReader(page).scripts)
    assert not re.search(r"<img|onerror=alert\(1\)>", page)


def test_data_is_not_changed_by_drawing(town: Town) -> None:
    before = {layer: getattr(town, layer).copy() for layer in LAYERS}
    draw_overview(town, "zh")
    assert all(before[layer].equals(getattr(town, layer)) for layer in LAYERS)


def test_the_same_town_gives_the_same_bytes(town: Town) -> None:
    assert draw_overview(town, "zh") == draw_overview(town, "zh")


def test_another_crs_is_refused(town: Town) -> None:
    with pytest.raises(Invalid, match="EPSG:4326"):
        draw_overview(replace(town, grids=town.grids.to_crs(4549)), "zh")


def test_folding_loses_nothing_that_rounding_kept() -> None:
    steps = fold(shapely.get_coordinates(shapely.LineString([(118.7624121, 32.0347), (118.762, 32.04), (-0.5, -1)])))
    assert steps.tolist() == [118762412, 32034700, -412, 5300, -119262000, -33040000]


def test_holes_and_parts_survive_folding() -> None:
    plain, hole = shapely.box(0, 0, 1, 1), shapely.box(6, 6, 7, 7)
    holed = shapely.Polygon(shapely.box(5, 5, 9, 9).exterior, [hole.exterior])
    both = gpd.GeoDataFrame({"name": ["x"]}, geometry=[shapely.MultiPolygon([plain, holed])], crs=4326)
    folded = json.loads(compact_features(both, lambda _, row: row))["rows"][0][0]
    assert folded[0] == 2
    assert [len(rings) for rings in folded[1:]] == [1, 2]


def test_the_sample_town_fits_in_700_kilobytes(town: Town) -> None:
    # Nine vertices are more than the sample's footprints have on average.
    centres = [shapely.Point(118.77 + place % 40 / 1000, 32.03 + place / 40_000) for place in range(1277)]
    footprints = [centre.buffer(0.000314, quad_segs=2) for centre in centres]
    streets = [shapely.LineString(shape.exterior.coords) for shape in footprints[:384]]
    town = replace(
        town,
        grids=repeated(town.grids, 40).set_geometry([centre.buffer(0.001, quad_segs=16) for centre in centres[:40]]),
        buildings=repeated(town.buildings, 1277).set_geometry(footprints).assign(code="3201020020010010012345"),
        streets=repeated(town.streets, 384).set_geometry(streets),
        incidents=repeated(town.incidents, 300),
    )
    assert len(draw_overview(town, "zh").encode()) <= 700_000


@pytest.mark.parametrize(("language", "said"), [("zh", "楼栋共 5,001 个"), ("en", "Buildings: 5,001")])
def test_a_layer_too_large_is_left_out_and_the_page_says_so(town: Town, language: Language, said: str) -> None:
    many = draw_overview(replace(town, buildings=repeated(town.buildings, LIMIT + 1)), language)
    assert said in many
    assert escape(WORDS[language]["see_grids"]) in many
    assert "data-buildings" not in many
    assert "notices" not in draw_overview(town, language).split("<aside>")[1]


def test_the_tint_only_darkens_and_its_legend_covers_every_count() -> None:
    shades = [luminance(colour) for _, colour in OPEN_TINTS]
    assert shades == sorted(shades, reverse=True)
    assert [tint(count) for count in (0, 1, 2, 3, 10, 11, 500)] == [
        OPEN_TINTS[step][1] for step in (0, 1, 1, 2, 3, 4, 4)
    ]
    assert [counts for counts, _ in tint_steps()] == ["0", "1–2", "3–5", "6–10", "≥ 11"]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.code)
def test_a_letter_is_legible_on_its_disc(state: Any) -> None:
    dark, light = sorted([luminance(state.disc), luminance(state.ink)])
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_states_differ_in_letter_and_colour() -> None:
    for language in LANGUAGES:
        assert len({state.letter[language] for state in STATES}) == len(STATES)
    assert len({(state.disc, state.ink) for state in STATES}) == len(STATES)
    assert state_of("closed").is_open is False


@pytest.fixture
def page(browser: Browser) -> Any:
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    yield page
    page.close()


def open_page(page: Page, town: Town, folder: Path, language: Language = "zh") -> tuple[list[str], list[str]]:
    """Open the town's page from a file; return the lists that fill with further requests and with faults."""
    file = folder / "overview.html"
    file.write_text(draw_overview(town, language), "utf-8")
    requests: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(file.as_uri(), wait_until="load")
    assert requests == [file.as_uri()]
    requests.clear()
    return requests, faults


@pytest.mark.browser
def test_the_page_opens_from_a_file_without_any_request(page: Page, town: Town, tmp_path: Path) -> None:
    requests, faults = open_page(page, town, tmp_path)
    # Opening everything must not ask for anything either.
    for selector in (".incident", ".leaflet-control-zoom-in", ".leaflet-control-layers-selector"):
        page.locator(selector).first.click()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("performance.getEntriesByType('resource')") == []
    assert (requests, faults) == ([], [])


@pytest.mark.browser
def test_every_feature_is_really_drawn(page: Page, town: Town, tmp_path: Path) -> None:
    open_page(page, town, tmp_path)
    drawn = page.evaluate(
        """() => Object.fromEntries(["grids", "streets", "buildings", "communities", "routes"].map((layer) =>
             [layer, [...document.querySelectorAll(`.leaflet-${layer}-pane path`)].filter(
               (path) => path.getTotalLength() > 20).length]))"""
    )
    assert drawn == {"grids": 4, "streets": 2, "buildings": 3, "communities": 2, "routes": 1}
    assert page.locator(".incident .disc").all_inner_texts() == list("报核立派处挂馈实结退并")


@pytest.mark.browser
@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_legend_and_layer_control_are_visible(
    page: Page, town: Town, tmp_path: Path, language: Language
) -> None:
    open_page(page, town, tmp_path, language)
    for name in [*town.grids["name"], *town.communities["name"]]:
        assert page.locator(".label", has_text=name).locator("span").is_visible()
    control = page.locator(".leaflet-control-layers").inner_text()
    assert [line.strip() for line in control.split("\n") if line.strip()] == [
        WORDS[language][layer] for layer in LAYERS
    ]
    for part in (".legend", "svg.north", ".leaflet-control-scale", ".attribution", ".title"):
        assert page.locator(part).is_visible()


@pytest.mark.browser
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_shown_as_written(page: Page, town: Town, tmp_path: Path, name: str) -> None:
    town.grids["name"] = town.grids["responsible"] = town.incidents["number"] = town.buildings["name"] = name
    requests, faults = open_page(page, replace(town, title=name), tmp_path)
    page.locator(".incident").first.click()
    assert page.locator(".facts h3").text_content() == name
    assert page.locator("h1").text_content() == name
    assert page.locator(".grids-label span").first.text_content() == name
    assert (requests, faults) == ([], [])


@pytest.mark.browser
def test_an_empty_page_opens_too(page: Page, empty_town: Town, tmp_path: Path) -> None:
    assert open_page(page, empty_town, tmp_path) == ([], [])


@pytest.mark.browser
def test_a_single_spot_is_not_zoomed_into_without_end(page: Page, empty_town: Town, town: Town, tmp_path: Path) -> None:
    assert open_page(page, replace(empty_town, incidents=town.incidents.iloc[:1]), tmp_path) == ([], [])
    assert page.evaluate("map_page.getZoom()") == 19
    assert page.locator(".incident .disc").is_visible()


@pytest.mark.browser
def test_paper_keeps_the_town_in_sight_and_drops_the_buttons(page: Page, town: Town, tmp_path: Path) -> None:
    open_page(page, town, tmp_path)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 900, "height": 600})
    page.wait_for_function("() => map_page.getSize().x < 700")
    assert not page.locator(".leaflet-control-zoom").is_visible()
    inside = page.locator("#map_page").bounding_box()
    assert inside
    for label in page.locator(".grids-label span").all():
        box = label.bounding_box()
        assert box
        assert inside["x"] <= box["x"] <= inside["x"] + inside["width"]
