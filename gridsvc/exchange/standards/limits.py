"""How long something may take, as people write it, in; a count and a clock out; pure."""

import re

UNITS: dict[str, tuple[str, ...]] = {
    "urgent_hour": ("紧急工作时", "紧急小时", "urgent hour", "urgent hours"),
    "urgent_day": ("紧急工作日", "紧急日", "urgent day", "urgent days"),
    "working_hour": ("工作时", "工作小时", "working hour", "working hours"),
    "working_day": ("工作日", "working day", "working days"),
}
"""The four clocks and the words a file may use for them."""

MOST = 10_000
WORDS = {word: unit for unit, words in UNITS.items() for word in (unit, *words)}
WRITTEN = re.compile(r"(\d+(?:\.0+)?)\s*(?:个)?\s*(.*)")


def read_limit(limit: str, unit: str | None) -> tuple[int, str] | str:
    """Read a limit: a number with its clock beside it (`4`, `working_hour`) or in one text (`4个工作时`).

    Answers the count and the clock, or the sentence that says why it is none.
    """
    found = WRITTEN.fullmatch(limit.strip())
    if found is None:
        return f"the limit {limit!r} is no number of hours or days"
    count = int(float(found[1]))
    if not 0 < count <= MOST:
        return f"the limit {limit!r} is not between 1 and {MOST}"
    named = {word for word in (found[2], unit or "") if word.strip()}
    clocks = {WORDS.get(_plain(word)) for word in named}
    if len(clocks) != 1 or None in clocks:
        asked = " and ".join(sorted(named)) or "nothing"
        return f"the limit {limit!r} needs one of the clocks {', '.join(UNITS)}, not {asked}"
    return count, str(clocks.pop())


def _plain(word: str) -> str:
    return " ".join(word.strip().lower().split())
