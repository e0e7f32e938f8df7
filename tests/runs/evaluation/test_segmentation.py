"""Overlap and boundary errors against scikit-learn and plain loops."""

from __future__ import annotations

import base64
import io
import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.metrics import f1_score, jaccard_score

from thalweg.runs.evaluation import segmentation_evaluation
from thalweg.runs.evaluation.boundaries import boundary, boundary_errors
from thalweg.runs.evaluation.overlays import BOTH, PREDICTED, TRUE, WRONG, error_map, overlay


def plain_boundary(mask: np.ndarray) -> list[tuple[int, ...]]:
    found = []
    for place in product(*map(range, mask.shape)):
        for axis, step in product(range(mask.ndim), (-1, 1)):
            other = list(place)
            other[axis] += step
            if mask[place] and 0 <= other[axis] < mask.shape[axis] and not mask[tuple(other)]:
                found.append(place)
                break
    return found


@given(seed=st.integers(0, 10**6), shape=st.sampled_from([(7, 9), (4, 5, 6)]))
@settings(max_examples=25, deadline=None)
def test_boundary_errors_are_those_of_all_pairs_of_pixels(seed: int, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(seed)
    true, predicted = rng.random((2, *shape)) < 0.4
    ends = [np.array(plain_boundary(mask), float) for mask in (true, predicted)]
    assert [tuple(p) for p in np.argwhere(boundary(true))] == [tuple(map(int, p)) for p in ends[0]]
    distances = np.linalg.norm(ends[0][:, None] - ends[1][None], axis=-1)
    there, back = distances.min(axis=1), distances.min(axis=0)
    errors = boundary_errors(true, predicted)
    np.testing.assert_allclose(errors.mean, np.concatenate([there, back]).mean())
    np.testing.assert_allclose(errors.hausdorff_95, max(np.percentile(there, 95), np.percentile(back, 95)))
    recall, precision = np.mean(there <= 2), np.mean(back <= 2)
    np.testing.assert_allclose(errors.f1, 2 * precision * recall / (precision + recall))


def test_boundaries_that_are_empty() -> None:
    nothing, square = np.zeros((6, 6), bool), np.pad(np.ones((2, 2), bool), 2)
    assert boundary_errors(square, nothing).f1 == 0
    assert math.isnan(boundary_errors(square, nothing).mean)
    assert math.isnan(boundary_errors(nothing, nothing).f1)
    assert boundary_errors(square, square).f1 == 1


def test_overlap_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    true, predicted = rng.integers(0, 3, (2, 4, 9, 8))
    confidence = rng.random(true.size).astype(np.float32)
    result = segmentation_evaluation(
        list(zip(true, predicted, strict=True)), confidence, 0.5, ["a", "b", "c"], majority=1
    )
    rows = result["segmentation"]["per_class"]
    for name, score in (("jaccard", jaccard_score), ("dice", f1_score)):
        np.testing.assert_allclose([row[name] for row in rows], score(true.ravel(), predicted.ravel(), average=None))
    assert result["mistakes"] == (true != predicted).sum()
    assert result["baseline"]["error"] == pytest.approx(np.mean(true != 1))
    assert sum(b["count"] for b in result["reliability"]) == true.size


def picture(png: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))


def test_overlays_show_boundaries_and_mistakes() -> None:
    true, predicted = np.zeros((2, 20, 30), int)
    true[:, 10:], predicted[:10, 10:], predicted[10:, 15:] = 1, 1, 1
    image = np.linspace(0, 1, 600).reshape(20, 30, 1)
    drawn = picture(overlay(image, true, predicted))
    assert drawn.shape == (20, 30, 3)
    assert (drawn[:9, 9] == BOTH).all()
    assert (drawn[10:, 9] == TRUE).all()
    assert (drawn[10:, 14] == PREDICTED).all()
    assert (drawn[:, 20, 0] == drawn[:, 20, 1]).all()
    np.testing.assert_array_equal((picture(error_map(true, predicted, 2)) == WRONG).all(axis=-1), true != predicted)
    large = np.zeros((1000, 1300), int)
    assert max(picture(overlay(large[..., None], large, large)).shape) <= 650
