"""A sentence for a reader in English in, the same in Chinese out.

The sentences stand where their rules are, in English. Here is a table of all of them (`sentences.tsv`: English, a tab, Chinese;
`{}` is what is filled in, `{1}`, `{2}` where Chinese has it in another order), which a test keeps complete.
"""

import re
from functools import cache
from importlib.resources import files

HOLE = re.compile(r"\{(\d?)\}")


def chinese(sentence: str, *, within: bool = True) -> str:
    """Say a sentence in Chinese; one that is not in the table stays as it is.

    What is filled in may be a sentence itself (`within`), but holds no other one.
    """
    plain, filled = _table()
    if sentence in plain:
        return plain[sentence]
    for parts, said in filled:
        if (found := _filled_in(sentence, parts)) is not None:
            return said.format(*(chinese(one, within=False) if within else one for one in found))
    return sentence


def speaks_chinese(accept_language: str | None) -> bool:
    """Tell whether a client would rather read Chinese (Accept-Language)."""
    return (accept_language or "").split(",")[0].strip().lower().startswith("zh")


def _filled_in(sentence: str, parts: list[str]) -> list[str] | None:
    """Take out what stands between the parts of a sentence, each as early as it can be; None when it is another one.

    Not by a regular expression: that tries every way to fit what somebody has typed, for seconds.
    """
    first, *others, last = parts
    end = len(sentence) - len(last)
    if not (sentence.startswith(first) and sentence.endswith(last)) or end < len(first):
        return None
    at, found = len(first), []
    for part in others:
        following = sentence.find(part, at, end)
        if following < 0:
            return None
        found.append(sentence[at:following])
        at = following + len(part)
    return [*found, sentence[at:end]]


@cache
def _table() -> tuple[dict[str, str], list[tuple[list[str], str]]]:
    plain, filled = {}, []
    for line in files(__name__).joinpath("sentences.tsv").read_text(encoding="utf-8").splitlines():
        english, said = line.split("\t")
        parts = english.split("{}")
        if len(parts) == 1:
            plain[english] = said
        else:
            filled.append((parts, HOLE.sub(_place, said)))
    # The one that says most by itself fits best: "Input should be {}" would fit a dozen others.
    filled.sort(key=lambda one: -sum(map(len, one[0])))
    return plain, filled


def _place(hole: re.Match[str]) -> str:
    return f"{{{int(hole[1]) - 1}}}" if hole[1] else "{}"
