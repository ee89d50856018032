"""`gridsvc import` as a person uses it: what would change, what is wrong with boundaries, and where that is written."""

import json
from pathlib import Path
from typing import Any

import pytest
import shapely
from sqlalchemy import text

from gridsvc.core.db import open_engine
from gridsvc.core.settings import shipped_data
from gridsvc.exchange.placing.datums import from_wgs84
from tests.app.test_commands import run
from tests.conftest import Town, copy_database
from tests.exchange.files import feature, geojson
from tests.town import JIA_1, STREET, YI, YI_1, YI_2, rectangle


def scalar(url: str, statement: str) -> Any:
    engine = open_engine(url)
    with engine.connect() as connection:
        found = connection.scalar(text(statement))
    engine.dispose()
    return found


def test_a_dry_run_says_what_would_change_and_maps_columns(town: Town, tmp_path: Path) -> None:
    url = copy_database(town.url)
    path = geojson(
        tmp_path / "b.geojson",
        feature(rectangle(0.2, 1.2, 0.1, 0.1), BSM="b1", MC="改名"),
        feature(rectangle(0.4, 1.4, 0.05, 0.05), BSM="n1", MC="新楼"),
    )
    words = ("import", "buildings", str(path), "--map", "BSM=code", "--map", "MC=name")
    dry = run(*words, "--dry-run", GRIDSVC_DATABASE_URL=url)
    assert dry.returncode == 0, dry.stderr
    for line in ("new: 1 (n1)", "changed: 1 (b1)", "unchanged: 0", "of all buildings held: 3 (b2, b3, b4)"):
        assert line in dry.stderr
    assert scalar(url, "select count(*) from building") == 4
    wrong = run("import", "buildings", str(path), "--map", "XX=code", GRIDSVC_DATABASE_URL=url)
    assert (wrong.returncode, "has no column 'XX'" in wrong.stderr) == (1, True), wrong.stderr


def test_a_dry_run_is_proved_to_its_end(town: Town, tmp_path: Path) -> None:
    # The outline of a street is held against its communities by the database alone, when the transaction ends.
    url = copy_database(town.url)
    path = geojson(tmp_path / "d.geojson", feature(rectangle(0, 0, 4, 2), code=STREET, name="示例街道", level="street"))
    for words in (("--dry-run",), ()):
        refused = run("import", "divisions", str(path), *words, GRIDSVC_DATABASE_URL=url)
        assert refused.returncode == 1
        assert "do not fill it exactly" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_a_layer_with_faults_is_reported_in_full_without_importing(town: Town, tmp_path: Path) -> None:
    url = copy_database(town.url)
    faults = tmp_path / "faults.geojson"
    bow_tie = shapely.Polygon([(118.78, 32.041), (118.781, 32.042), (118.781, 32.041), (118.78, 32.042)])
    path = geojson(
        tmp_path / "g.geojson",
        feature(bow_tie, code=JIA_1, name="甲一网格"),
        feature(rectangle(2, 1, 1.25, 1), code=YI_1, name="乙一网格"),
    )
    refused = run("import", "grids", str(path), "--dry-run", "--faults", str(faults), GRIDSVC_DATABASE_URL=url)
    assert refused.returncode == 1
    assert "row 1: broken geometry" in refused.stderr
    assert YI_2 in refused.stderr
    found = json.loads(faults.read_text(encoding="utf-8"))["features"]
    assert {one["properties"]["kind"] for one in found} >= {"invalid", "overlap"}
    (overlap,) = [one for one in found if one["properties"]["kind"] == "overlap"]
    assert overlap["properties"]["codes"] == [YI_1, YI_2]
    assert overlap["properties"]["area_m2"] == pytest.approx(2619, rel=0.01)
    assert overlap["geometry"]["type"] == "Polygon"


def test_communities_and_their_grids_come_in_together_from_the_shell(town: Town, tmp_path: Path) -> None:
    url = copy_database(town.url)
    communities = geojson(tmp_path / "c.geojson", feature(rectangle(2, 0, 2, 2), code=YI, name="乙社区"))
    # The southern grid shares the vertex at which the border of the northern ones begins.
    south = shapely.union(rectangle(2, 0, 0.45, 1), rectangle(2.45, 0, 1.55, 1))
    grids = geojson(
        tmp_path / "g.geojson",
        feature(south, code=f"{YI}003", name="乙三网格"),
        feature(rectangle(2, 1, 0.45, 1), code=YI_1, name="乙一网格"),
        feature(rectangle(2.45, 1, 1.55, 1), code=YI_2, name="乙二网格"),
    )
    alone = run("import", "communities", str(communities), GRIDSVC_DATABASE_URL=url)
    assert (alone.returncode, "no partition of community" in alone.stderr) == (1, True), alone.stderr
    faults = tmp_path / "faults.geojson"
    words = ("import", "grids", str(grids), "--communities", str(communities), "--from", "2026-06-01T00:00:00+08:00")
    both = run(*words, "--faults", str(faults), GRIDSVC_DATABASE_URL=url)
    assert both.returncode == 0, both.stderr
    assert "→ communities: 1 rows; 0 new, 1 changed" in both.stderr
    assert "→ grids: 3 rows; 1 new, 2 changed" in both.stderr
    (cut,) = json.loads(faults.read_text(encoding="utf-8"))["features"]
    assert (cut["properties"]["kind"], cut["properties"]["severity"]) == ("cut_building", "warning")
    assert scalar(url, "select count(*) from community_version where lower(valid) = '2026-06-01T00:00:00+08:00'") == 1
    assert scalar(url, "select count(distinct at) from lineage") == 1


def test_two_files_of_grids_do_not_share_one_of_communities() -> None:
    refused = run("import", "grids", "a.geojson", "b.geojson", "--communities", "c.geojson")
    assert (refused.returncode, "the grids are one file" in refused.stderr) == (1, True)


def test_a_file_in_another_datum_is_refused_from_the_shell_until_it_is_trusted(town: Town, tmp_path: Path) -> None:
    url = copy_database(town.url)
    streets = shipped_data() / "xinjiekou" / "streets.geojson"
    lamps = json.loads((shipped_data() / "xinjiekou" / "assets.geojson").read_text(encoding="utf-8"))["features"]
    for lamp in lamps:
        (lamp["geometry"]["coordinates"],) = from_wgs84([lamp["geometry"]["coordinates"]], "gcj02").tolist()
    shifted = geojson(tmp_path / "lamps.geojson", *lamps)
    assert run("import", "streets", str(streets), GRIDSVC_DATABASE_URL=url).returncode == 0
    for words, code, said in (
        ((), 1, "Say --crs gcj02, or --trust-crs"),
        (("--crs", "gcj02", "--dry-run"), 0, "new: 250"),
        (("--trust-crs",), 0, "250 new"),
    ):
        done = run("import", "assets", str(shifted), *words, GRIDSVC_DATABASE_URL=url)
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr
