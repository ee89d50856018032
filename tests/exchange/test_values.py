"""Whole columns at once: the same values, the same sentences as one by one."""

from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridsvc.exchange import values
from gridsvc.exchange.layers import LAYERS, Field
from gridsvc.exchange.values import read_column

ZONE = ZoneInfo("Asia/Shanghai")
FIELDS = [one for layer in LAYERS.values() for one in layer.fields]
WORDS = st.sampled_from(
    [
        *(
            "",
            " ",
            "1",
            "-7",
            "+7",
            "007",
            "2.5",
            "1e3",
            "nan",
            "inf",
            "9" * 12,
            "2147483648",
            "yes",
            "否",
            " T ",
            "a\0",
        ),
        *(
            "estimated",
            "实数",
            "asset:01037",
            "320102002001",
            "２３",
            "2026-06-01",
            "2026-06-01T08:00:00Z",
            "[1]",
            "{}",
        ),
    ]
)
COLUMNS = (
    st.lists(WORDS | st.none(), max_size=6).map(lambda given: pd.Series(given, dtype=object))
    | st.lists(WORDS | st.none(), max_size=6).map(lambda given: pd.Series(given, dtype="str"))
    | st.lists(st.integers(-(2**40), 2**40), max_size=6).map(lambda given: pd.Series(given, dtype="int64"))
    | st.lists(st.sampled_from([0.0, 2.0, 2.5, 1e10, 1e300, np.inf, np.nan]), max_size=6).map(
        lambda given: pd.Series(given, dtype="float64")
    )
    | st.lists(st.booleans(), max_size=6).map(lambda given: pd.Series(given, dtype="bool"))
    | st.lists(WORDS | st.integers(0, 9) | st.floats() | st.none(), max_size=6).map(
        lambda given: pd.Series(given, dtype=object)
    )
)


@settings(deadline=None)
@given(st.sampled_from(FIELDS), COLUMNS)
def test_a_column_at_once_is_what_its_values_are_one_by_one(one: Field, given: "pd.Series[Any]") -> None:
    quick = read_column(given, one, ZONE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "_at_once", lambda *_: None)
        slow = read_column(given, one, ZONE)
    assert quick.reasons == slow.reasons
    good = pa.array([position for position in range(len(given)) if position not in slow.reasons], pa.int64())
    assert quick.values.take(good) == slow.values.take(good)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("levels", [3, 4]),
        ("levels", [3.0, np.nan]),
        ("levels", ["3", " 4 "]),
        ("name", ["甲", None]),
        ("use", ["", "shop"]),
    ],
)
def test_plain_values_are_never_looked_at_one_by_one(
    name: str, column: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    field = next(one for one in LAYERS["buildings"].fields if one.name == name)
    monkeypatch.setattr(values, "_one_by_one", lambda *_: pytest.fail("looked at"))
    assert not read_column(pd.Series(column), field, ZONE).reasons
