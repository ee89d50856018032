"""How an office reads names of its own: a word and its pinyin in, search by that reading out, from the commit on.

The table's own trigger spells every term again that holds the word, in the same transaction.
"""

import re
import unicodedata

from sqlalchemy import text
from sqlalchemy.orm import Session

from gridsvc.core.errors import Invalid, NotFound
from gridsvc.core.events import record

LONGEST_WORD, MOST_READINGS = 8, 4
"""What the table takes; `pinyin_of` looks no further ahead."""
WORD = re.compile(f"[\u3007\u3400-\u9fff]{{1,{LONGEST_WORD}}}")
SYLLABLES = re.compile("[a-z]+( [a-z]+)*")

KEEP = text("""insert into pinyin_own (text, readings) values (:word, :readings)
    on conflict (text) do update set readings = excluded.readings""")
DROP = text("delete from pinyin_own where text = :word returning text")
ALL = text("select text, readings from pinyin_own order by text")
TOUCHED = text("select count(*) from search_term where position(:word in text) > 0")


def add_reading(session: Session, word: str, reading: str, *, actor: str) -> int:
    """Read a word so from now on, instead of any way before; answer how many names hold it.

    Several readings have commas between them. Raise Invalid when the word is not Chinese or a reading does not fit it.
    """
    word = word_of(word)
    readings = readings_of(word, reading)
    session.execute(KEEP, {"word": word, "readings": readings})
    record(session, "pinyin.added", f"pinyin:{word}", actor=actor, readings=readings)
    return touched(session, word)


def remove_reading(session: Session, word: str, *, actor: str) -> int:
    """Read a word as everybody does again; answer how many names hold it, or raise NotFound."""
    word = word_of(word)
    if session.scalar(DROP, {"word": word}) is None:
        raise NotFound(f"There is no own reading of {word}.")
    record(session, "pinyin.removed", f"pinyin:{word}", actor=actor)
    return touched(session, word)


def own_readings(session: Session) -> list[tuple[str, list[str]]]:
    """List the words with readings of their own."""
    return [(row.text, row.readings) for row in session.execute(ALL)]


def touched(session: Session, word: str) -> int:
    """Count the different names that hold a word."""
    return int(session.scalar(TOUCHED, {"word": word}) or 0)


def word_of(given: str) -> str:
    """Bring a word into the form in which names are compared; raise Invalid when it is none of Chinese letters."""
    word = unicodedata.normalize("NFKC", given).strip()
    if not WORD.fullmatch(word):
        raise Invalid(f"A word of 1 to {LONGEST_WORD} Chinese characters is needed, not {given[:40]!r}.")
    return word


def readings_of(word: str, given: str) -> list[str]:
    """Read pinyin with or without tones, `lu he` or `lù hé`; ü is typed v, and found as u too."""
    readings: list[str] = []
    for one in re.split("[,，]", given):
        bare = unicodedata.normalize("NFKD", one.strip().lower()).replace("u\u0308", "v")
        bare = " ".join("".join(sign for sign in bare if not unicodedata.combining(sign)).split())
        if not SYLLABLES.fullmatch(bare) or len(bare.split()) != len(word):
            raise Invalid(f"{word} needs {len(word)} syllables of Latin letters with spaces between, not {one[:40]!r}.")
        readings += [bare, bare.replace("v", "u")]
    readings = list(dict.fromkeys(readings))
    if len(readings) > MOST_READINGS:
        raise Invalid(f"{word} has {len(readings)} readings; at most {MOST_READINGS} are kept.")
    return readings
