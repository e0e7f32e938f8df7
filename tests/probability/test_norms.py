"""Norms against NumPy's and SciPy's, and their unit contours."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from thalweg.core.errors import ArgumentError
from thalweg.probability import energy, norm, sparsity, unit_contour

VECTORS = arrays.arrays(np.float64, (3, 4), elements=st.floats(-1e3, 1e3).map(lambda x: round(x, 3)))


@given(VECTORS, st.sampled_from([0, 0.5, 1, 1.5, 2, 3, 7, math.inf]))
def test_norms_equal_numpys(x: np.ndarray, p: float) -> None:
    np.testing.assert_allclose(norm(x, p), [np.linalg.norm(row, p) for row in x], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(energy(x), np.linalg.norm(x, axis=1) ** 2, rtol=1e-12)
    np.testing.assert_array_equal(sparsity(x), (x != 0).sum(1))


@given(VECTORS, VECTORS, st.floats(1, 20))
def test_triangle_inequality_from_one_on(x: np.ndarray, y: np.ndarray, p: float) -> None:
    assert (norm(x + y, p) <= norm(x, p) + norm(y, p) + 1e-9).all()
    np.testing.assert_allclose(norm(-3 * x, p), 3 * norm(x, p), rtol=1e-12)


def test_large_and_small_entries_keep_their_digits() -> None:
    np.testing.assert_allclose(norm([3e300, 4e300]), 5e300, rtol=1e-15)
    np.testing.assert_allclose(norm([3e-300, 4e-300]), 5e-300, rtol=1e-15)
    assert norm(np.zeros((2, 3))).tolist() == [0, 0]


@pytest.mark.parametrize("p", [0.4, 1, 2, 5, math.inf])
def test_points_of_the_contour_have_norm_one(p: float) -> None:
    points = unit_contour(p, 200)
    assert points.shape == (201, 2)
    np.testing.assert_allclose(norm(points, p), 1, rtol=1e-12)
    np.testing.assert_array_equal(points[0], points[-1])
    for corner in ([1, 0], [0, 1], [-1, 0], [0, -1]):
        assert (np.abs(points - corner).max(1) < 1e-12).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: norm([1.0], -1), "p: expected a number of at least 0"),
        (lambda: norm(3.0), "x: expected vectors"),
        (lambda: norm("word"), "x: expected vectors of numbers"),
        (lambda: unit_contour(0), "p: expected a number above 0"),
        (lambda: unit_contour(2, 3), "n: expected a whole number of at least 4"),
    ],
)
def test_bad_input_is_named(call: object, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call()  # type: ignore[operator]
