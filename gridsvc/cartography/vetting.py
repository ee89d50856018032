"""Proof that a page needs no network: HTML text in, the scripts it runs and every address it would reach for out."""

import base64
import hashlib
import re
from html.parser import HTMLParser

from gridsvc.core.errors import Unavailable


class NotOffline(Unavailable):
    """A finished page would still reach for something outside itself."""


ADDRESSES = frozenset(
    {
        *("action", "background", "cite", "classid", "codebase", "data", "formaction", "href", "longdesc", "manifest"),
        *("ping", "poster", "profile", "src", "srcset", "xlink:href"),
    }
)
"""Attributes whose value a browser may follow."""

# A data: page could itself ask for more, so only pictures and fonts (and the empty icon) count as part of the page.
INSIDE = re.compile(r"\s*(#|data:(image|font)/|data:,\s*$|$)", re.IGNORECASE)

IN_STYLES = (
    re.compile(r"@import\b[^;]*", re.IGNORECASE),
    re.compile(r"""(?:url|image-set)\(\s*(?!["']?\s*(?:#|data:(?:image|font)/))[^)]*\)""", re.IGNORECASE),
)
IN_SCRIPTS = (
    # XML namespaces look like addresses and are never fetched.
    re.compile(r"""["'`](?:(?:https?|wss?|ftp):)?//(?!www\.w3\.org/)[\w[$][^"'`\s]*""", re.IGNORECASE),
    re.compile(r"\b(?:fetch|importScripts|sendBeacon|import)\s*\("),
    re.compile(r"\bnew\s+(?:XMLHttpRequest|WebSocket|EventSource|Worker|SharedWorker)\b"),
    re.compile(r"\$\.(?:ajax|get|getJSON|getScript|post)\s*\("),
    re.compile(r"sourceMappingURL=\S*"),
)
RUNS = frozenset({"", "module", "text/javascript", "application/javascript"})
"""Types of `<script>` that a browser executes; any other type is a block of inert data."""


class PageReader(HTMLParser):
    """Collect, from one page, the `scripts` it runs and the addresses it would reach for (`found`)."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[str] = []
        self.found: list[str] = []
        self._inside: str | None = None
        self._text: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Judge every attribute, and remember whether the text that follows is style, script or data."""
        values = {name: value or "" for name, value in attrs}
        for name, value in values.items():
            self._judge_attribute(name, value)
        if tag == "base" or values.get("http-equiv", "").lower() == "refresh":
            self.found.append(f"<{tag}>")
        runs = tag == "script" and values.get("type", "").strip().lower() in RUNS
        if tag == "style" or runs:
            self._inside, self._text = tag, []

    def _judge_attribute(self, name: str, value: str) -> None:
        if (name in ADDRESSES and not INSIDE.match(value)) or name == "srcdoc":
            self.found.append(f"{name}={value}")
        elif name == "style":
            self._search(IN_STYLES, value)
        elif name.startswith("on"):
            self._search(IN_SCRIPTS, value)

    def handle_data(self, data: str) -> None:
        """Gather the text of a style or script, which arrives in pieces."""
        if self._inside:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Judge a style or script as a whole once it ends."""
        if tag != self._inside:
            return
        text = "".join(self._text)
        if tag == "script":
            self.scripts.append(text)
        self._search(IN_SCRIPTS if tag == "script" else IN_STYLES, text)
        self._inside = None

    def _search(self, patterns: tuple[re.Pattern[str], ...], text: str) -> None:
        self.found.extend(match.group() for pattern in patterns for match in pattern.finditer(text))


def assert_offline(html: str) -> None:
    """Raise `NotOffline`, naming the first addresses, when the page would reach for anything outside itself."""
    found = PageReader(html).found
    if found:
        shown = ", ".join(repr(address[:80]) for address in found[:5])
        raise NotOffline(f"The page would reach outside itself {len(found)} times: {shown}.", found=found)


def content_policy(html: str) -> str:
    """Write the Content-Security-Policy that allows exactly the scripts this page has, and no request at all.

    It is a second wall: were a hostile name ever to become markup, the browser would still neither run nor fetch it.
    """
    hashes = sorted(
        {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in PageReader(html).scripts}
    )
    scripts = " ".join(f"'sha256-{value}'" for value in hashes) or "'none'"
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data:; font-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
