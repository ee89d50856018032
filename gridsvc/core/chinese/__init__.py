"""A sentence for a reader in English in, the same in Chinese out.

The sentences stand where their rules are, in English. Here is a table of all of them (`sentences.tsv`: English, a tab, Chinese;
`{}` is what is filled in, `{1}`, `{2}` where Chinese has it in another order), which a test keeps complete.
"""

import re
from functools import cache
from importlib.resources import files

HOLE = re.compile(r"\{(\d?)\}")


def chinese(sentence: str) -> str:
    """Say a sentence in Chinese; one that is not in the table stays as it is."""
    plain, patterns = _table()
    if sentence in plain:
        return plain[sentence]
    for pattern, said in patterns:
        if found := pattern.fullmatch(sentence):
            # What is filled in may be a sentence itself.
            return said.format(*map(chinese, found.groups()))
    return sentence


def speaks_chinese(accept_language: str | None) -> bool:
    """Tell whether a client would rather read Chinese (Accept-Language)."""
    return (accept_language or "").split(",")[0].strip().lower().startswith("zh")


@cache
def _table() -> tuple[dict[str, str], list[tuple[re.Pattern[str], str]]]:
    plain, patterns = {}, []
    for line in files(__name__).joinpath("sentences.tsv").read_text(encoding="utf-8").splitlines():
        english, said = line.split("\t")
        parts = english.split("{}")
        if len(parts) == 1:
            plain[english] = said
        else:
            asked = re.compile("(.*?)".join(map(re.escape, parts)), re.DOTALL)
            patterns.append((len("".join(parts)), asked, HOLE.sub(_place, said)))
    # The one that says most by itself fits best: "Input should be {}" would fit a dozen others.
    patterns.sort(key=lambda one: -one[0])
    return plain, [(asked, said) for _, asked, said in patterns]


def _place(hole: re.Match[str]) -> str:
    return f"{{{int(hole[1]) - 1}}}" if hole[1] else "{}"
