"""A page that opens without a network, or is not written at all."""

import hashlib
from pathlib import Path

import folium
import pytest
from branca.element import Element
from folium.plugins import Fullscreen

from gridsvc.cartography.offline import BrokenVendor, OfflineMap, UnknownLink, Vendored, read_manifest, read_vendored
from gridsvc.cartography.vetting import NotOffline, PageReader, assert_offline, content_policy
from gridsvc.core.errors import Unavailable

LINK = "https://somewhere.example/lib.js"
CODE = b"let braces = '{{ 7 * 7 }}';\r\nlet away = 'x';\n"


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    (tmp_path / "lib.js").write_bytes(CODE)
    return tmp_path


def manifest(sha256: str = hashlib.sha256(CODE).hexdigest(), **replace: str) -> dict[str, Vendored]:
    return {LINK: Vendored("lib", "1.0.0", "dist/lib.js", "lib.js", sha256, replace)}


def test_a_known_link_is_read_and_trimmed_as_the_manifest_says(vendor: Path) -> None:
    text = read_vendored(LINK, manifest(away="home"), vendor)
    assert text == "let braces = '{{ 7 * 7 }}';\nlet home = 'x';\n"


def test_an_unknown_link_is_refused_by_name(vendor: Path) -> None:
    with pytest.raises(UnknownLink, match=r"other\.js"):
        read_vendored("https://somewhere.example/other.js", manifest(), vendor)
    assert issubclass(UnknownLink, Unavailable)


def test_a_changed_file_is_refused(vendor: Path) -> None:
    with pytest.raises(BrokenVendor, match=r"not lib 1\.0\.0.*make setup"):
        read_vendored(LINK, manifest(sha256="0" * 64), vendor)


def test_a_missing_file_names_the_mend(tmp_path: Path) -> None:
    with pytest.raises(BrokenVendor, match="make setup"):
        read_vendored(LINK, manifest(), tmp_path)


def test_a_replacement_that_finds_nothing_is_refused(vendor: Path) -> None:
    with pytest.raises(BrokenVendor, match="nowhere"):
        read_vendored(LINK, manifest(nowhere="x"), vendor)


def test_every_line_of_the_manifest_is_vendored_and_proven() -> None:
    assert all(read_vendored(link, read_manifest()) for link in read_manifest())


def test_a_map_without_anything_is_written_with_leaflet_inside() -> None:
    page = OfflineMap(title="地图").page()
    assert "Leaflet 1.9.4" in page
    assert "cdn.jsdelivr.net" not in page


def test_a_plugin_that_nobody_vendored_stops_the_page() -> None:
    page = OfflineMap(title="地图")
    Fullscreen().add_to(page)  # type: ignore[no-untyped-call]
    with pytest.raises(UnknownLink, match="fullscreen"):
        page.page()


def test_a_page_saved_by_folium_itself_is_vetted_too(tmp_path: Path) -> None:
    page = OfflineMap(title="地图")
    folium.TileLayer("https://tiles.example/{z}/{x}/{y}.png", attr="x").add_to(page)
    target = tmp_path / "page.html"
    with pytest.raises(NotOffline, match=r"tiles\.example"):
        page.save(str(target))
    assert not target.exists()


def test_a_link_written_by_hand_stops_the_page() -> None:
    page = OfflineMap(title="地图")
    page.figure.html.add_child(Element('<img src="logo.png">'))
    with pytest.raises(NotOffline, match=r"logo\.png"):
        page.page()


def test_a_title_is_text_whatever_it_looks_like() -> None:
    page = OfflineMap(title="</title><script>alert(1)</script>{{ 7 * 7 }}").page()
    assert "<script>alert(1)" not in page
    assert "{{ 7 * 7 }}" in page


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://x.example/a.js"></script>',
        '<script src="a.js"></script>',
        "<script src='//x.example/a.js'></script>",
        '<link rel="stylesheet" href="a.css">',
        '<a href="https://x.example">x</a>',
        '<img src=" HTTPS://x.example/a.png">',
        '<img srcset="a.png 2x">',
        '<svg><image xlink:href="a.svg"/></svg>',
        '<iframe srcdoc="&lt;img src=a.png&gt;"></iframe>',
        '<iframe src="data:text/html,x"></iframe>',
        '<object data="a.swf"></object>',
        '<form action="/save"></form>',
        '<base href="#">',
        '<meta http-equiv="refresh" content="0; url=x">',
        '<p style="background: url(a.png)">x</p>',
        "<style>p { background: url('a.png') }</style>",
        '<style>@import "a.css";</style>',
        "<script>fetch(place)</script>",
        "<script>new XMLHttpRequest()</script>",
        "<script>new WebSocket(place)</script>",
        "<script>import('a.js')</script>",
        "<script>navigator.sendBeacon (place)</script>",
        "<script>$.getJSON(place)</script>",
        "<script>let a = 'https://x.example'</script>",
        '<script type="module">let a = "//x.example/a"</script>',
        "<script>let a = `wss://x.example`</script>",
        "<script>//# sourceMappingURL=a.js.map</script>",
        '<p onclick="fetch(place)">x</p>',
    ],
)
def test_whatever_would_reach_outside_is_found(html: str) -> None:
    with pytest.raises(NotOffline, match="reach outside"):
        assert_offline(html)


@pytest.mark.parametrize(
    "html",
    [
        '<a href="#top">x</a><use xlink:href="#shape"/>',
        '<img src="data:image/png;base64,AAAA"><link rel="icon" href="data:,">',
        "<style>p { background: url(data:image/png;base64,AAAA); fill: url('#grey') }</style>",
        "<p>see https://x.example, url(a.png), fetch(this)</p>",
        '<script type="application/json">["https://x.example", "fetch(1)"]</script>',
        "<script>element('http://www.w3.org/2000/svg'); // see https://x.example\n</script>",
    ],
)
def test_text_data_and_what_the_page_carries_are_left_alone(html: str) -> None:
    assert_offline(html)


def test_the_policy_allows_exactly_the_scripts_of_the_page() -> None:
    html = '<script>let a = 1</script><script type="application/json">1</script>'
    digest = "sha256-LAfYd7pbFUgwfQu8b4q135PeTG2z+/coPEUYCd74eCQ="
    assert PageReader(html).scripts == ["let a = 1"]
    assert content_policy(html).count("sha256-") == 1
    assert f"'{digest}'" in content_policy(html)
    assert "default-src 'none'" in content_policy(html)
