"""Pages that open from a file without a network: a folium map in, one HTML text with everything inlined out.

folium writes links to public hosts into the pages it makes. Here every such link is replaced by the content of a file
that the build copied from an npm package (`maps/vendor.mjs`), found and proven by `manifest.json`.
"""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import folium
from branca.element import CssLink, Element, Figure, JavascriptLink
from folium.template import Template

from gridsvc.cartography.vetting import assert_offline, content_policy
from gridsvc.core.errors import Unavailable

HERE = Path(__file__).resolve().parent
VENDOR = HERE / "vendor"
LEAFLET = "https://cdn.jsdelivr.net/npm/leaflet@1.9.3/dist/leaflet"
"""The link as folium writes it; the manifest says which file stands in for it."""


class UnknownLink(Unavailable):
    """A page asks for a script or style that the manifest does not know."""


class BrokenVendor(Unavailable):
    """A vendored file is missing, or is not the one that the manifest describes."""


@dataclass(frozen=True)
class Vendored:
    """One line of the manifest: where a file comes from, what it is called here, and how it is proven.

    `replace` cuts what a page cannot use: pictures of controls we draw otherwise, source maps, links to the outside.
    """

    package: str
    version: str
    file: str
    name: str
    sha256: str
    replace: Mapping[str, str] = field(default_factory=dict)


@lru_cache(maxsize=1)
def read_manifest() -> Mapping[str, Vendored]:
    """Read the manifest once per process: upstream link → vendored file."""
    lines = json.loads((HERE / "manifest.json").read_text("utf-8"))
    return {link: Vendored(**line) for link, line in lines.items()}


def read_vendored(link: str, manifest: Mapping[str, Vendored], folder: Path = VENDOR) -> str:
    """Return the text that stands in for `link`, proven by its hash.

    Raises `UnknownLink` for a link that is not in the manifest, `BrokenVendor` for a missing or changed file.
    """
    entry = manifest.get(link)
    if entry is None:
        raise UnknownLink(f"The page needs {link}, which is not vendored: add it to cartography/manifest.json.")
    try:
        content = (folder / entry.name).read_bytes()
    except OSError as fault:
        raise BrokenVendor(f"{entry.name} is missing from cartography/vendor: run `make setup`.") from fault
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise BrokenVendor(f"{entry.name} is not {entry.package} {entry.version}: run `make setup`.")
    # Browsers hash scripts after turning line ends into \n, and so must the page's policy.
    text = content.decode("utf-8").replace("\r\n", "\n")
    for old, new in entry.replace.items():
        if old not in text:
            raise BrokenVendor(f"{entry.name} has no {old!r} to replace: correct cartography/manifest.json.")
        text = text.replace(old, new)
    return text


class Inlined(Element):
    """A script or style within the page; the text is a value, never a template, so its braces stay braces."""

    _template = Template("<{{ this.tag }}>{{ this.text }}</{{ this.tag }}>")

    def __init__(self, tag: str, text: str) -> None:
        super().__init__()
        self.tag = tag
        self.text = text


class DataBlock(Element):
    """Data within the page, as a script that never runs; `text` is JSON whose `<` are escaped."""

    _template = Template('<script type="application/json" id="{{ this.block }}">{{ this.text }}</script>')

    def __init__(self, block: str, text: str) -> None:
        super().__init__()
        self.block = block
        self.text = text


class Fragment(Element):
    """Finished HTML within the page; a value as well, because branca would read braces in it as a template."""

    _template = Template("{{ this.html }}")

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.html = markup


class OfflineFigure(Figure):
    """The page around a map: it inlines what the map links to, and is vetted whenever it is written."""

    _template = Template(
        '<!DOCTYPE html>\n<html lang="{{ this.language }}">\n<head>\n<meta charset="utf-8">\n'
        '<title>{{ this.title | e }}</title>\n<link rel="icon" href="data:,">\n'
        "{{ this.header.render(**kwargs) }}\n</head>\n<body>\n{{ this.html.render(**kwargs) }}\n"
        "<script>\n{{ this.script.render(**kwargs) }}\n</script>\n</body>\n</html>\n"
    )

    def __init__(self, title: str, language: str) -> None:
        super().__init__(title=title)
        self.language = language
        self.header._children.clear()  # the character set stands in the template, where it must come first

    def render(self, **kwargs: Any) -> str:
        """Write the page; raises `UnknownLink`, `BrokenVendor` or `NotOffline` instead of writing one that asks."""
        # Plugins name their links only while they render, so everything renders before anything is inlined.
        for child in self._children.values():
            child.render(**kwargs)
        self._inline_links()
        page = str(self._template.render(this=self, kwargs=kwargs))
        assert_offline(page)
        policy = content_policy(page)
        charset = '<meta charset="utf-8">'
        return page.replace(charset, f'{charset}\n<meta http-equiv="Content-Security-Policy" content="{policy}">', 1)

    def _inline_links(self) -> None:
        # What is vendored comes first, so that a page's own rules win over a library's.
        links: dict[str, Element] = {
            name: Inlined(
                "script" if isinstance(element, JavascriptLink) else "style",
                read_vendored(element.url, read_manifest()),
            )
            for name, element in self.header._children.items()
            if isinstance(element, JavascriptLink | CssLink)
        }
        others = {name: element for name, element in self.header._children.items() if name not in links}
        self.header._children = OrderedDict(links | others)


class OfflineMap(folium.Map):
    """A folium map whose page makes no request: no tiles, every script and style inlined.

    folium's own page also loads jQuery, Bootstrap, Font Awesome, glyphicons and awesome-markers (1.3 MB). They serve
    its string popups and its icon markers; our popups are built as elements and our markers are letters in discs, so
    Leaflet alone is left. An element that needs one of the others is told so by `UnknownLink` or in the console.
    """

    def __init__(self, *, title: str, language: str = "zh", name: str = "page", **options: Any) -> None:
        super().__init__(tiles=None, **options)
        self.default_js = [("leaflet", f"{LEAFLET}.js")]
        self.default_css = [("leaflet_css", f"{LEAFLET}.css")]
        self._id = name  # folium's random names would make two pages of the same data differ
        self.figure = OfflineFigure(title, language)
        self.figure.add_child(self)

    def page(self) -> str:
        """Write the page: one HTML text, vetted to reach for nothing outside itself."""
        return self.figure.render()

    def save(self, outfile: Any, close_file: bool = True, **kwargs: Any) -> None:  # noqa: ARG002, FBT001, FBT002
        """Write the page to a file, which is opened only once there is a page: folium would leave an empty one."""
        Path(outfile).write_text(self.page(), "utf-8")
