"""A filter as text in, its words, numbers, texts and signs out, each with its place."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gridsvc.core.errors import Invalid

TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<text>'(?:[^'\\]++|''|\\'|\\)*+')
    | (?P<name>"(?:""|[^"])+")
    | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<word>[^\W\d][\w:.]*)
    | (?P<sign><>|<=|>=|[=<>(),])
    """,
    re.VERBOSE,
)
"""Every alternative reads on without looking back, so that the time grows with the length alone."""


@dataclass(frozen=True)
class Token:
    """One piece of a filter: `kind` is text, name, number, word, sign or end."""

    kind: str
    text: str
    start: int
    end: int

    def says(self, *words: str) -> bool:
        """Tell whether this is one of some keywords or signs (in capitals)."""
        return self.kind in ("word", "sign") and self.text.upper() in words


def split(text: str) -> Iterator[Token]:
    """Cut a filter into tokens, as they are asked for; the last one is of kind `end`."""
    at = 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            raise Invalid(f"The filter cannot be read at character {at + 1}: {text[at : at + 20]!r}.")
        if found.lastgroup != "space":
            yield Token(str(found.lastgroup), found.group(), at, found.end())
        at = found.end()
    yield Token("end", "", at, at)
