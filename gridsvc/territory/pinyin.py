"""How Chinese is read: the dictionaries of pypinyin in, rows of the table `pinyin` out, without tones."""

from collections.abc import Iterator
from functools import cache

from pypinyin.constants import PHRASES_DICT, PINYIN_DICT
from pypinyin.contrib.tone_convert import to_normal

MOST_READINGS = 3
"""Of a character: what comes after the third is found in dictionaries, not on street signs."""
LONGEST_PHRASE = 8
"""`pinyin_of` looks no further ahead than this."""

Row = tuple[str, list[str]]


def general_readings() -> Iterator[Row]:
    """Give each character of the Chinese planes with its readings, commonest first, and each phrase that decides one.

    A phrase of characters with one reading each says nothing new and is left out.
    """
    single = {chr(code): _plain(readings.split(",")) for code, readings in PINYIN_DICT.items() if _is_chinese(code)}
    for character, readings in single.items():
        yield character, _with_u(readings)[: MOST_READINGS + 1]
    for phrase, syllables in PHRASES_DICT.items():
        known = all(character in single for character in phrase)
        if known and 2 <= len(phrase) == len(syllables) <= LONGEST_PHRASE and any(len(single[c]) > 1 for c in phrase):
            yield phrase, _with_u([" ".join(_plain(of_one)[0] for of_one in syllables)])


def _plain(readings: list[str]) -> list[str]:
    return list(dict.fromkeys(_toneless(reading) for reading in readings))[:MOST_READINGS]


@cache
def _toneless(reading: str) -> str:
    return to_normal(reading)


def _with_u(readings: list[str]) -> list[str]:
    # 绿 is typed lv, and written lu where a sign cannot show ü.
    return list(dict.fromkeys([*readings, *(reading.replace("v", "u") for reading in readings)]))


def _is_chinese(code: int) -> bool:
    return code == 0x3007 or 0x3400 <= code <= 0x9FFF
