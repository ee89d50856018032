"""What comes in, as the standard wants it taken: never as a pattern, a format, an entity or more than it seems."""

import string
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import text

from gridsvc.core.db import transaction
from gridsvc.core.errors import Invalid
from gridsvc.core.settings import Settings
from gridsvc.exchange.formats import packed
from gridsvc.exchange.formats.reading import read_file
from gridsvc.exchange.layers import LAYERS
from tests.conftest import Service

PATTERNS = ["(a+)+$", "[", "(?<=", "a{99999}", ".*", "\\", "%", "_", "*", "^", "$(id)"]
FORMATS = ["{0}", "{self.__class__}", "%s%s%n", "{{7*7}}", "${7*7}", "{x!r:>99999}"]


@pytest.mark.parametrize("sent", [*PATTERNS, *FORMATS])
@pytest.mark.parametrize(
    "path",
    ["/api/v1/grids?q={}", "/api/v1/search?q={}", "/api/v1/grids/{}", "/ogc/collections/grids/items?filter=name='{}'"],
)
def test_no_text_becomes_a_pattern_or_a_format(service: Service, path: str, sent: str) -> None:
    quoted = "".join(one if one in string.ascii_letters + string.digits else f"%{ord(one):02X}" for one in sent)
    answer = service.client.get(path.replace("{}", quoted), headers=service.as_("viewer"))
    # A backslash escapes the quote that ends a text of CQL2: that is no filter, and is refused as such.
    assert answer.status_code in ((400,) if sent == "\\" and "filter" in path else (200, 404)), answer.text
    # Nothing is called so: as a pattern `.*` or `%` would find everything.
    if answer.status_code == 200:
        told = answer.json()
        assert told.get("items", told.get("features")) == [], told
    else:
        assert "49" not in answer.json()["detail"].replace(sent, "")
        assert "class 'str'" not in answer.text


def test_an_entity_of_another_file_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret of this machine")
    file = tmp_path / "town.osm"
    file.write_text(
        f'<?xml version="1.0"?><!DOCTYPE osm [<!ENTITY outside SYSTEM "file://{secret}">]>'
        '<osm version="0.6"><node id="1" lat="32.04" lon="118.78"/><node id="2" lat="32.05" lon="118.79"/>'
        '<way id="9"><nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/><tag k="name" v="x&outside;y"/></way></osm>'
    )
    told = read_or_refuse(file)
    assert "secret of this machine" not in told


def read_or_refuse(file: Path) -> str:
    """Read streets, and tell all that was read, or why not."""
    try:
        return str(read_file(file, LAYERS["streets"], "auto").frame.to_csv())
    except Invalid as refusal:
        return str(refusal)


def test_an_entity_that_grows_is_not_followed(tmp_path: Path) -> None:
    file = tmp_path / "town.osm"
    entities = '<!ENTITY a0 "lol">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    file.write_text(
        f'<?xml version="1.0"?><!DOCTYPE osm [{entities}]><osm version="0.6"><node id="1" lat="32" lon="118">'
        '<tag k="name" v="&a11;"/></node></osm>'
    )
    with pytest.raises(Invalid):
        read_file(file, LAYERS["streets"], "auto")


@pytest.mark.parametrize("name", ["bomb.zip", "bomb.xlsx"])
def test_a_file_that_unpacks_to_too_much_is_refused_unread(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "settings", lambda: Settings(upload_mb=1))
    file = tmp_path / name
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(5):
            archive.writestr(f"{number}.dbf", b"\0" * (1 << 20))
    assert file.stat().st_size < 20_000
    with pytest.raises(Invalid, match=f"{name} unpacks to 5 MB; at most 4 MB"):
        read_file(file, LAYERS["buildings"], "auto")
    file.write_bytes(b"PK no archive")
    with pytest.raises(Invalid, match=f"{name} cannot be unpacked"):
        read_file(file, LAYERS["buildings"], "auto")


def test_folders_are_not_listed_and_nothing_beside_the_pages_is_told(service: Service) -> None:
    for path in (
        "/ogc/assets/",
        "/assets/",
        "/assets",
        "/static/",
        "/.git/config",
        "/pyproject.toml",
        "/../secret.key",
    ):
        answer = service.client.get(path, headers=service.as_("admin"))
        assert answer.status_code in (400, 404, 405), (path, answer.status_code)
        assert "<li>" not in answer.text
        assert "Index of" not in answer.text


def test_a_parameter_that_is_given_twice_is_refused(service: Service) -> None:
    for path in (
        "/api/v1/grids?limit=1&limit=2",
        "/api/v1/incidents?a=1&limit=1&a=2",
        "/api/v1/locate?lon=1&lat=2&lon=3",
    ):
        answer = service.client.get(path, headers=service.as_("viewer"))
        assert answer.status_code == 422
        assert "is given twice" in answer.json()["detail"]
    # Where it is a list it may be.
    answer = service.client.get("/api/v1/search?q=%E7%94%B2&kind=grid&kind=community", headers=service.as_("viewer"))
    assert answer.status_code == 200


def test_what_people_wrote_is_no_template_on_a_page(service: Service) -> None:
    hostile = "{{7*7}}${7*7}{%if 1%}49{%endif%}#{7*7}<%=7*7%>"
    with transaction(service.engine) as session:
        session.execute(text("update building set name = :name where code = 'b1'"), {"name": hostile})
    page = service.client.get("/ogc/collections/buildings/items?f=html", headers=service.as_("viewer")).text
    assert "{{7*7}}${7*7}{%if 1%}49{%endif%}#{7*7}&lt;%=7*7%&gt;" in page
