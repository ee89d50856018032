"""A column of a file and a field of a layer in, the values in the field's type out, with a reason for each that is none.

A whole column is turned at once where its values are as plain as they nearly always are. What is not surely right in
that way, and only that, is looked at one by one: there every rule and every sentence is.
"""

import json
import math
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gridsvc.exchange.formats.wkb import arrow
from gridsvc.exchange.layers import Field

YES = frozenset({"true", "yes", "1", "是", "t", "y"})
NO = frozenset({"false", "no", "0", "否", "f", "n"})

TYPES = {
    "text": pa.string(),
    "integer": pa.int32(),
    "double precision": pa.float64(),
    "boolean": pa.bool_(),
    "timestamptz": pa.timestamp("us", "UTC"),
    "jsonb": pa.string(),
}
"""The Arrow type of a field's values."""

INTEGER_BEYOND = 2**31
# Numbers that a cast reads as `float` does; a longer or stranger one is looked at by itself.
PLAIN = {"integer": r"^-?[0-9]{1,9}$", "double precision": r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$"}
# Up to here a double holds every whole number.
WHOLE_BEYOND = 2**53


@dataclass(frozen=True)
class Column:
    """The values of a field, and by position why some have none."""

    values: pa.Array
    reasons: dict[int, str]


def read_column(given: "pd.Series[Any]", one: Field, zone: ZoneInfo) -> Column:
    """Turn a column into a field's type; `zone` is the zone of times that name none."""
    kind = TYPES[one.kind]
    values, sure = _at_once(given, one) or (pa.nulls(len(given), kind), pa.array(np.zeros(len(given), dtype=bool)))
    if one.required:
        sure = pc.and_(sure, values.is_valid())
    elif one.default is not None:
        values = pc.fill_null(values, pa.scalar(one.default, kind))
    unsure = np.flatnonzero(~sure.to_numpy(zero_copy_only=False))
    reasons: dict[int, str] = {}
    found: list[Any] = []
    for position, raw in zip(unsure.tolist(), given.iloc[unsure].tolist(), strict=True):
        value, reason = _one_by_one(raw, one, zone)
        found.append(value)
        if reason:
            reasons[position] = reason
    if found:
        values = pc.replace_with_mask(values, pc.invert(sure), pa.array(found, kind))
    return Column(values, reasons)


def _at_once(given: "pd.Series[Any]", one: Field) -> tuple[pa.Array, pa.Array] | None:
    """Give the values (null where the file has none) and which of them are surely right; None: no quick way."""
    try:
        raw = arrow(given)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None  # a spreadsheet's mixture of texts and numbers
    if pa.types.is_null(raw.type):
        return pa.nulls(len(raw), TYPES[one.kind]), pa.array(np.ones(len(raw), dtype=bool))
    if one.kind in PLAIN:
        return _numbers_at_once(raw, one)
    if one.kind in ("timestamptz", "jsonb") or (text := _as_text(raw)) is None:
        return None
    text = pc.utf8_trim_whitespace(text)
    text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    sure = pc.invert(pc.match_substring(text, "\0"))
    if one.kind == "boolean":
        words = dict.fromkeys(YES, True) | dict.fromkeys(NO, False)
        return _looked_up(pc.utf8_lower(text), words, pa.bool_())
    if one.choices is not None:
        return _looked_up(text, {word: value for value, also in one.choices.items() for word in (value, *also)})
    if one.pattern:
        sure = pc.and_(sure, pc.match_substring_regex(text, f"^({one.pattern})$"))
    return text, pc.fill_null(sure, fill_value=True)


def _looked_up(text: pa.Array, words: dict[str, Any], kind: pa.DataType | None = None) -> tuple[pa.Array, pa.Array]:
    places = pc.index_in(text, pa.array(list(words)))
    values = pc.take(pa.array(list(words.values()), kind or pa.string()), places)
    return values, pc.or_(values.is_valid(), text.is_null())


def _as_text(raw: pa.Array) -> pa.Array | None:
    if pa.types.is_dictionary(raw.type):
        raw = raw.dictionary_decode()
    if pa.types.is_string(raw.type) or pa.types.is_large_string(raw.type) or pa.types.is_integer(raw.type):
        return raw.cast(pa.string())
    if pa.types.is_floating(raw.type):  # codes that a spreadsheet has turned into numbers
        whole = pc.and_(pc.equal(raw, pc.round(raw)), pc.less(pc.abs(raw), WHOLE_BEYOND))
        if pc.all(whole).as_py() is not False:
            return raw.cast(pa.int64()).cast(pa.string())
    return None


def _numbers_at_once(raw: pa.Array, one: Field) -> tuple[pa.Array, pa.Array] | None:
    kind = TYPES[one.kind]
    if pa.types.is_integer(raw.type) or pa.types.is_floating(raw.type):
        number, missing = raw.cast(pa.float64(), safe=False), raw.is_null()
        right = pc.is_finite(number)
        if one.kind == "integer":
            whole = pc.and_(pc.equal(number, pc.round(number)), pc.less(pc.abs(number), INTEGER_BEYOND))
            right = pc.and_(right, whole)
        sure = pc.fill_null(right, fill_value=False)
    elif pa.types.is_string(raw.type) or pa.types.is_large_string(raw.type):
        number = pc.utf8_trim_whitespace(raw)
        missing = pc.fill_null(pc.equal(number, ""), fill_value=True)
        sure = pc.fill_null(pc.match_substring_regex(number, PLAIN[one.kind]), fill_value=False)
    else:
        return None
    return pc.if_else(sure, number, pa.scalar(None, number.type)).cast(kind), pc.or_(sure, missing)


def _one_by_one(raw: Any, one: Field, zone: ZoneInfo) -> tuple[Any, str | None]:
    """Turn one value: (value, None), or (None, why not)."""
    if _blank(raw):
        return one.default, f"{one.name} is empty" if one.required else None
    # A code that a spreadsheet has turned into a number.
    text = str(int(raw)) if isinstance(raw, float) and raw.is_integer() else str(raw).strip()
    fault = f"{one.name} is {text[:60]!r}, which is not "
    if "\0" in text:
        return None, f"{one.name} holds a NUL character"
    match one.kind:
        case "integer" | "double precision":
            return _number(text, whole=one.kind == "integer", fault=fault)
        case "boolean":
            word = text.lower()
            return (word in YES, None) if word in YES | NO else (None, fault + "yes or no")
        case "timestamptz":
            return _moment(raw, zone, fault)
        case "jsonb":
            return _json_list(raw, fault)
    if one.choices is not None:
        chosen = next((value for value, also in one.choices.items() if text in (value, *also)), None)
        return chosen, None if chosen else fault + "one of " + ", ".join(one.choices)
    if one.pattern and not pd.Series([text]).str.fullmatch(one.pattern).iloc[0]:
        return None, fault + f"of the form {one.pattern}"
    return text, None


def _blank(raw: Any) -> bool:
    if raw is None or raw is pd.NaT or raw is pd.NA:
        return True
    return (isinstance(raw, float) and math.isnan(raw)) or (isinstance(raw, str) and not raw.strip())


def _number(text: str, *, whole: bool, fault: str) -> tuple[float | int | None, str | None]:
    try:
        number = float(text)
    except ValueError:
        return None, fault + "a number"
    if not math.isfinite(number) or (whole and (not number.is_integer() or abs(number) >= INTEGER_BEYOND)):
        return None, fault + ("a whole number" if whole else "a finite number")
    return (int(number) if whole else number), None


def _moment(raw: Any, zone: ZoneInfo, fault: str) -> tuple[pd.Timestamp | None, str | None]:
    try:
        moment = pd.Timestamp(raw)
    except (ValueError, TypeError):
        return None, fault + "a time"
    if pd.isna(moment):
        return None, fault + "a time"
    # The database keeps microseconds.
    return (moment if moment.tzinfo else moment.tz_localize(zone)).round("us"), None


def _json_list(raw: Any, fault: str) -> tuple[str | None, str | None]:
    try:
        value = json.loads(raw) if isinstance(raw, str) else list(raw)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError):
        return None, fault + "a JSON list"
    return (text, None) if isinstance(value, list) else (None, fault + "a JSON list")
