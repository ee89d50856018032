"""Codes are checked, cells are numbered the way a reader looks at the map, and no code is given out twice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gridsvc.core.errors import Conflict, Invalid
from gridsvc.territory.codes import check_community_code, check_grid_code, community_of, next_code, number_cells

COMMUNITY = "320102002001"


def test_well_formed_codes_are_returned() -> None:
    assert check_community_code(COMMUNITY) == COMMUNITY
    assert check_grid_code(COMMUNITY + "003") == COMMUNITY + "003"
    assert community_of(COMMUNITY + "003") == COMMUNITY


@pytest.mark.parametrize(
    "code",
    [
        "",
        "32010200200100",
        "3201020020010033",
        "32010200200100x",
        "３２０１０２００２００１００３",
        " 20102002001003",
        "320102002001003\n",
    ],
)
def test_a_code_that_is_not_fifteen_plain_digits_is_refused(code: str) -> None:
    with pytest.raises(Invalid, match="15 digits"):
        check_grid_code(code)


@pytest.mark.parametrize("code", ["320102002000", "320102000001", "000000002001"])
def test_a_code_of_a_street_or_county_is_no_community(code: str) -> None:
    with pytest.raises(Invalid, match="may be zero"):
        check_community_code(code)


def test_a_grid_is_never_number_zero() -> None:
    with pytest.raises(Invalid, match="may be zero"):
        check_grid_code(COMMUNITY + "000")


def test_cells_are_numbered_west_to_east_then_north_to_south() -> None:
    # Rows are uneven by a fifth of the spacing, as blocks between real streets are.
    points = np.array(
        [
            [118.78, 32.0501],
            [118.77, 32.0498],
            [118.79, 32.0499],
            [118.785, 32.0402],
            [118.775, 32.0399],
            [118.77, 32.03],
        ]
    )
    assert number_cells(points).tolist() == [1, 0, 2, 4, 3, 5]


def test_cells_on_one_line_are_numbered_along_it() -> None:
    east = np.array([[118.79, 32.05], [118.77, 32.05], [118.78, 32.05]])
    south = np.array([[118.77, 32.03], [118.77, 32.05], [118.77, 32.04]])
    assert number_cells(east).tolist() == [1, 2, 0]
    assert number_cells(south).tolist() == [1, 2, 0]


def test_no_cells_need_no_numbers() -> None:
    assert number_cells(np.empty((0, 2))).tolist() == []


@pytest.mark.parametrize("points", [np.zeros(3), np.zeros((2, 3)), np.array([[118.0, np.nan]])])
def test_cells_without_a_place_cannot_be_numbered(points: np.ndarray) -> None:
    with pytest.raises(Invalid):
        number_cells(points)


@given(
    points=arrays(float, st.tuples(st.integers(1, 20), st.just(2)), elements=st.floats(30, 31, width=32), unique=True)
)
def test_the_numbering_does_not_hang_on_the_order_of_input(points: np.ndarray) -> None:
    numbered = points[number_cells(points)]
    assert sorted(map(tuple, numbered)) == sorted(map(tuple, points))
    assert (points[::-1][number_cells(points[::-1])] == numbered).all()


def test_the_next_code_follows_the_highest_even_when_that_one_is_retired() -> None:
    assert next_code(COMMUNITY, []) == COMMUNITY + "001"
    assert next_code(COMMUNITY, {COMMUNITY + "001", COMMUNITY + "007"}) == COMMUNITY + "008"


def test_codes_of_other_communities_do_not_matter() -> None:
    assert next_code(COMMUNITY, {"320102002002001"}) == COMMUNITY + "001"


def test_gaps_are_used_only_when_the_highest_number_is_gone() -> None:
    assert next_code(COMMUNITY, {COMMUNITY + "001", COMMUNITY + "999"}) == COMMUNITY + "002"


def test_a_community_that_used_up_its_codes_is_told_so() -> None:
    used = {f"{COMMUNITY}{number:03d}" for number in range(1, 1000)}
    with pytest.raises(Conflict, match="used up its 999 grid codes"):
        next_code(COMMUNITY, used)


def test_the_next_code_of_a_malformed_community_is_refused() -> None:
    with pytest.raises(Invalid):
        next_code("320102002", [])
