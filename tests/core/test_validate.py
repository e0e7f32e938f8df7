"""Numbers from users."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thalweg.core.errors import ArgumentError
from thalweg.core.validate import number


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_bounds_are_those_of_python_comparison(value: float, bound: float) -> None:
    for name, holds in [
        ("above", value > bound),
        ("at_least", value >= bound),
        ("below", value < bound),
        ("at_most", value <= bound),
    ]:
        if holds:
            assert number("x", value, **{name: bound}) == value  # type: ignore[arg-type]
        else:
            with pytest.raises(ArgumentError, match=r"^x: expected a number "):
                number("x", value, **{name: bound})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.float32(3), Fraction(3)])
def test_whole_numbers_of_any_type_become_int(value: object) -> None:
    result = number("epochs", value, integer=True)
    assert result == 3
    assert type(result) is int


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, True, False, "3", b"3", None, [1], 1 + 2j])
def test_what_is_no_finite_number_is_refused(value: object) -> None:
    with pytest.raises(ArgumentError, match=r"^x: expected a number, got "):
        number("x", value)


def test_the_message_names_every_bound() -> None:
    with pytest.raises(ArgumentError) as caught:
        number("momentum", 1.5, at_least=0, below=1, hint="0.9 is usual.")
    assert str(caught.value) == "momentum: expected a number of at least 0 and below 1, got 1.5. 0.9 is usual."


def test_a_fraction_is_no_whole_number() -> None:
    with pytest.raises(ArgumentError, match=r"epochs: expected a whole number, got 2.5"):
        number("epochs", 2.5, integer=True)
