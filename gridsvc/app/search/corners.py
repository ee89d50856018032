"""A question in, the pairs of street names it may mean out: 中山路与汉中路, Zhongshan Road & Hanzhong Road."""

import re
from dataclasses import dataclass

SIGNS = re.compile(r"[/／&＆@×、，,;；+＋|]|\s(?:and|at|x)\s", re.IGNORECASE)
WORDS = re.compile("[与和同跟及]")
"""These are also letters of names (和平路), so every place where one stands is tried."""
JUNCTION = re.compile(
    r"(?:的?(?:十字|丁字|三岔|交叉)路口|(?<=[路街道巷])路口|(?<=[路街道巷])口|的?交[叉汇会](?:口|处|点)?|的?(?:转|拐)角处?|(?:street )?corner)$",
    re.IGNORECASE,
)
SHORTEST = 2
MOST_PAIRS = 8


@dataclass(frozen=True)
class Pairs:
    """Names to try, left and right; `strictly` when only a space stood between them, which most names have too."""

    lefts: list[str]
    rights: list[str]
    strictly: bool = False


NONE = Pairs([], [])


def pairs_of(question: str) -> Pairs:
    """Find where a question may be cut into the names of two streets; nothing when it cannot be a corner."""
    asked = " ".join(question.split())
    if sign := SIGNS.search(asked):
        return _pairs([(asked[: sign.start()], asked[sign.end() :])])
    by_word = [(asked[: one.start()], asked[one.end() :]) for one in WORDS.finditer(asked)]
    by_space = [(asked[: one.start()], asked[one.end() :]) for one in re.finditer(" ", asked)]
    found = _pairs(by_word)
    return found if found.lefts else _pairs(by_space, strictly=True)


def _pairs(cuts: list[tuple[str, str]], *, strictly: bool = False) -> Pairs:
    named = [
        (left.strip(), right)
        for left, given in cuts
        for right in dict.fromkeys((JUNCTION.sub("", given.strip()).strip(), given.strip()))
        if len(left.strip()) >= SHORTEST and len(right) >= SHORTEST
    ][:MOST_PAIRS]
    return Pairs([left for left, _ in named], [right for _, right in named], strictly)
