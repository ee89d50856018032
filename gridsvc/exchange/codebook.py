"""Names of streets in, their national codes out, with how sure each is; what is not sure is left to a person. Pure."""

import difflib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd
import pyarrow as pa

from gridsvc.core.errors import Invalid
from gridsvc.exchange.checks import Fault, find_column
from gridsvc.exchange.formats.formulas import guard
from gridsvc.exchange.formats.tables import ALL_ROWS, read_csv, read_xlsx
from gridsvc.exchange.layers import Field

Status = Literal["exact", "normalised", "given", "ambiguous", "none"]

CODE = Field("code", also=("编码", "代码", "区划代码"))
NAME = Field("name", also=("名称", "乡", "乡镇", "街道", "乡镇街道", "street"))
COUNTY = Field("county", also=("县", "区县", "县区", "区"))
CITY = Field("city", also=("市", "地级市"))
PROVINCE = Field("province", also=("省",))
LEVEL = Field("level", also=("级别",))

# A town or township and the area office (地区办事处) beside it have the same ground. A street office has not: where a
# town became streets it was mostly cut up, so that step is left to a person.
ENDINGS = {
    "town": ("地区办事处", "地区", "镇", "乡"),
    "street": ("街道办事处", "街道", "办事处"),
}
COUNTY_ENDINGS = "区县市旗"
TRADITIONAL = str.maketrans("鎮鄉區縣辦處", "镇乡区县办处")
"""Only the characters of the endings: in a name of its own a traditional character may be meant."""

NEAREST = 3
ALIKE = 0.5
"""Share of characters two names have in common to be shown as near each other (difflib's ratio)."""


@dataclass(frozen=True)
class Street:
    """A street, town or township of the national list; `code` has 12 digits."""

    code: str
    name: str


@dataclass(frozen=True)
class Match:
    """What was found for a row: a code when the status is exact, normalised or given, else the nearest candidates."""

    row: int
    file_county: str
    file_name: str
    status: Status
    found: Street | None = None
    candidates: tuple[Street, ...] = ()


@dataclass(frozen=True)
class Codebook:
    """Streets by the six digits of their county, names of counties, and codes that a person has given.

    Those are by county and name as the file writes them. `tell` hears of every match before any row is refused.
    """

    streets: Mapping[str, Sequence[Street]]
    counties: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[tuple[str, str], str] = field(default_factory=dict)
    tell: Callable[[list[Match]], None] = lambda _: None


def read_codebook(paths: Iterable[Path]) -> Codebook:
    """Read lists of national codes (columns code and name) and mappings that a person has completed, all of one country.

    Codes have 6 (counties), 9 or 12 digits; those of other levels are passed over. Raises Invalid for other files.
    """
    streets: dict[str, list[Street]] = defaultdict(list)
    counties: dict[str, str] = {}
    given: dict[tuple[str, str], str] = {}
    for path in paths:
        if not path.is_file():
            raise Invalid(f"There is no file {path}.")
        (frame,) = read_xlsx(path, ALL_ROWS) if path.suffix.lower() == ".xlsx" else read_csv(path, ALL_ROWS)
        code, name = find_column(frame.columns, CODE), find_column(frame.columns, NAME)
        if code and "file_name" in frame.columns:
            given |= _given(frame, code, path)
        elif code and name:
            for number, known in zip(frame[code].map(_text), frame[name].map(_text), strict=True):
                digits = number.removesuffix("000") if len(number) == 12 else number
                if re.fullmatch(r"\d{9}", digits) and not digits.endswith("000"):
                    streets[digits[:6]].append(Street(f"{digits}000", known))
                elif re.fullmatch(r"\d{6}(000)?", digits):
                    counties[digits[:6]] = known
        else:
            raise Invalid(f"{path.name} needs the columns code and name, or file_name and code of a mapping.")
    return Codebook(streets, counties, given)


def give_codes(frame: pd.DataFrame, book: Codebook) -> tuple[pd.DataFrame, list[Fault]]:
    """Give the rows of a file of streets their codes; rows that get none are taken out, each with a fault.

    Raises Invalid when no column holds names.
    """
    column = find_column(frame.columns, NAME)
    if column is None:
        raise Invalid("The file has no column of names (name, 名称, 乡, 乡镇, 街道) to find codes by.")
    places = [find_column(frame.columns, one) for one in (PROVINCE, CITY, COUNTY)]
    keys = list(zip(*(frame[name].map(_text) if name else [""] * len(frame) for name in places), strict=True))
    names = frame[column].map(_text).tolist()
    matches = match(frame["row"].tolist(), keys, names, book)
    book.tell(matches)
    codes: list[Any] = [one.found.code if one.found else None for one in matches]
    coded = frame.assign(code=codes, name=names)
    if find_column(frame.columns, LEVEL) is None:
        coded["level"] = "street"
    faults = [Fault(one.row, _reason(one)) for one in matches if one.found is None]
    return coded[coded["code"].notna()], faults


def match(rows: Sequence[int], places: Sequence[tuple[str, ...]], names: Sequence[str], book: Codebook) -> list[Match]:
    """Find the street of each name; `places` are province, city and county as the file writes them, "" for none."""
    inside = defaultdict(list)
    for place, name in zip(places, names, strict=True):
        inside[place].append(name)
    known = {place: _streets_of(place[-1], own, book) for place, own in inside.items()}
    found = [
        _match(row, place[-1], name, known[place], book.given)
        for row, place, name in zip(rows, places, names, strict=True)
    ]
    claims = Counter(one.found.code for one in found if one.found)
    # A likeness is no reason to take the code of a row that has it by right.
    return [
        replace(one, status="ambiguous", found=None, candidates=(one.found,))
        if one.status == "normalised" and one.found and claims[one.found.code] > 1
        else one
        for one in found
    ]


def write_mapping(path: Path, matches: Sequence[Match]) -> None:
    """Write what was found for each row as CSV: completed in its column `code`, it is read again by `read_codebook`."""
    rows = [
        (
            str(one.row),
            one.file_county,
            one.file_name,
            one.status,
            one.found.code if one.found else "",
            one.found.name if one.found else "",
            "; ".join(f"{street.code} {street.name}" for street in one.candidates),
        )
        for one in matches
    ]
    titles = ("row", "file_county", "file_name", "status", "code", "name", "candidates")
    columns = zip(titles, zip(*rows, strict=True) if rows else [()] * len(titles), strict=True)
    table = {title: guard(pa.array(values, pa.string())).to_pylist() for title, values in columns}
    # With a mark at its start, so that a spreadsheet program knows it is UTF-8.
    pd.DataFrame(table).to_csv(path, index=False, encoding="utf-8-sig")


def summary(matches: Sequence[Match]) -> str:
    """Say in a line how many rows were found in which way."""
    numbers = Counter(one.status for one in matches)
    return ", ".join(f"{numbers[status]} {status}" for status in get_args(Status))


def _given(frame: pd.DataFrame, code: str, path: Path) -> dict[tuple[str, str], str]:
    counties = frame["file_county"] if "file_county" in frame.columns else [""] * len(frame)
    given: dict[tuple[str, str], str] = {}
    for row, (county, name, raw) in enumerate(zip(counties, frame["file_name"], frame[code], strict=True), 1):
        number, key = _text(raw), (_text(county), _text(name))
        if not number:
            continue
        if not re.fullmatch(r"\d{9}(\d{3})?", number):
            raise Invalid(f"Row {row} of {path.name}: {number[:60]!r} is no code of a street (9 or 12 digits).")
        if given.setdefault(key, number.ljust(12, "0")) != number.ljust(12, "0"):
            raise Invalid(f"Row {row} of {path.name} gives {key[1]} in {key[0]} a second code.")
    return given


def _streets_of(county: str, names: Sequence[str], book: Codebook) -> Sequence[Street]:
    """Find the streets among which a county's names are looked for; none where nobody can tell which county it is.

    Many counties have the same name, and some were renamed: the one that has most of the file's streets is meant.
    """
    if not county:
        return [street for own in book.streets.values() for street in own]
    named = [code for code, name in book.counties.items() if _county(name) == _county(county)]
    if len(named) == 1:
        return book.streets.get(named[0], ())
    wanted = {_stem(name)[0] for name in names}
    votes = {
        code: len(wanted & {_stem(street.name)[0] for street in book.streets.get(code, ())})
        for code in named or book.streets
    }
    most = max(votes.values(), default=0)
    winners = [code for code, number in votes.items() if number == most]
    enough = most > 0 if named else 2 * most > len(wanted)
    return book.streets[winners[0]] if len(winners) == 1 and enough else ()


def _match(row: int, county: str, name: str, streets: Sequence[Street], given: Mapping[tuple[str, str], str]) -> Match:
    none = Match(row, county, name, "none")
    code = given.get((county, name)) or given.get(("", name))
    if code:
        return replace(none, status="given", found=Street(code, name))
    if not name:
        return none
    same = [street for street in streets if _plain(street.name) == _plain(name)]
    alike = same or [street for street in streets if _stem(street.name) == _stem(name)]
    if len(alike) == 1:
        return replace(none, status="exact" if same else "normalised", found=alike[0])
    if alike:
        return replace(none, status="ambiguous", candidates=tuple(alike))
    return replace(none, candidates=_nearest(name, streets))


def _nearest(name: str, streets: Sequence[Street]) -> tuple[Street, ...]:
    stem = _stem(name)[0]
    likeness = [(difflib.SequenceMatcher(None, stem, _stem(street.name)[0]).ratio(), street) for street in streets]
    near = sorted((pair for pair in likeness if pair[0] >= ALIKE), key=lambda pair: (-pair[0], pair[1].code))
    return tuple(street for _, street in near[:NEAREST])


def _reason(one: Match) -> str:
    where = f"{one.file_name!r}" + (f" in {one.file_county}" if one.file_county else "")
    near = ", ".join(f"{street.code} {street.name}" for street in one.candidates)
    if one.status == "ambiguous":
        return f"the code of {where} is not clear: {near}"
    return f"there is no code for {where}" + (f"; the nearest are {near}" if near else "")


def _text(value: Any) -> str:
    if value is None or value is pd.NaT or value is pd.NA or value != value:  # noqa: PLR0124 - NaN alone differs from itself
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a code that a spreadsheet has turned into a number
    return str(value).strip()


def _plain(name: str) -> str:
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", name))


@lru_cache(maxsize=100_000)
def _stem(name: str) -> tuple[str, str]:
    """Take the ending off a name: what is before it (two characters at least), and of which kind the ending is."""
    plain = _plain(name)
    for kind, endings in ENDINGS.items():
        for ending in endings:
            before, tail = plain[: -len(ending)], plain[-len(ending) :]
            if len(before) > 1 and tail.translate(TRADITIONAL) == ending:
                return before, kind
    return plain, ""


def _county(name: str) -> str:
    plain = _plain(name)
    ends = len(plain) > 2 and plain[-1].translate(TRADITIONAL) in COUNTY_ENDINGS
    return plain[:-1] if ends else plain
