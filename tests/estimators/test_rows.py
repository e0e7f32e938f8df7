"""Rows that occur several times: which are trained on, watched and counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from thalweg import DenseClassifier, DenseRegressor
from thalweg.core.errors import ArgumentError

SMALL: dict[str, Any] = {"preset": "plain", "hidden": (4,), "epochs": 2}
RNG = np.random.default_rng(6)
N = 900
BITS = RNG.integers(0, 2, N)
X = BITS[:, None].astype(float)
Y = np.where(RNG.uniform(size=N) < 0.1, 1 - BITS, BITS)


@pytest.mark.parametrize("kind", [np.asarray, pl.DataFrame], ids=["array", "frame"])
def test_rows_are_held_out_of_all_that_occur(kind: Any) -> None:
    seen: list[Any] = []
    features = kind(X)

    def scoring(_: Any, x: Any, y: Any) -> float:
        seen.append(np.column_stack([np.asarray(x)[:, 0], y]))
        return 0.0

    ours = DenseClassifier(**SMALL, validation=0.2, scoring=scoring, batch_size=32).fit(features, Y)
    watched = seen[-1]
    assert watched.shape == (N // 5, 2)
    assert ours.history_[0]["steps"] == np.ceil(0.8 * N / 32)
    # A fifth of each of the four kinds of rows, within four standard deviations of such a draw.
    for bit in (0, 1):
        for label in (0, 1):
            held_out = np.sum((watched == [bit, label]).all(axis=1))
            all_of = np.sum((np.column_stack([BITS, Y]) == [bit, label]).all(axis=1))
            assert abs(held_out - 0.2 * all_of) < 4 * np.sqrt(0.2 * 0.8 * all_of)


@pytest.mark.usefixtures("shipped_preset", "compile_quickly")
def test_two_rows_that_occur_often_are_learned() -> None:
    x, y = np.repeat([[0.0], [1.0]], 50, axis=0), np.repeat(["no", "yes"], 50)
    ours = DenseClassifier(hidden=(8,), shared_members=2, epochs=20).fit(x, y)
    assert ours.score(x, y) == 1


def test_equal_rows_are_learned() -> None:
    ours = DenseRegressor(**(SMALL | {"validation": 0.2})).fit(np.ones((60, 2)), np.repeat([1.0, 3.0], 30))
    assert ours.predict(np.ones((1, 2))) == pytest.approx(2, abs=0.5)


def test_folds_are_of_all_rows() -> None:
    ours = DenseClassifier(**(SMALL | {"epochs": 20}), learning_rate=0.05, folds=3).fit(X[:90], Y[:90])
    assert np.isfinite(ours.oof_prediction_).all()
    # Rows of one value are of several folds: different networks answer for them.
    assert len(np.unique(ours.oof_prediction_[BITS[:90] == 0, 0])) == 3
    assert ours.oof_score_ == np.mean(ours.oof_prediction_.argmax(axis=1) == Y[:90])


def test_levels_are_counted_in_the_rows_there_are() -> None:
    frame = pd.DataFrame(
        {"town": np.repeat([f"town {i}" for i in range(30)], 5), "rooms": np.repeat(np.arange(30) % 3, 5)}
    )
    ours = DenseClassifier(**SMALL).fit(frame, np.repeat(np.arange(30) % 2, 5))
    # As many towns as different rows, but five rows of each: no identifier.
    assert [level.name for level in ours.model_.encoder.levels] == ["town"]
    numbers = np.column_stack([np.repeat(np.arange(30), 5), np.repeat(np.arange(30) % 3, 5)])
    coded = DenseClassifier(**SMALL, columns={"x0": "levels"}, min_count=5).fit(
        numbers, np.repeat(np.arange(30) % 2, 5)
    )
    assert len(coded.model_.encoder.levels[0].levels) == 30


@pytest.mark.parametrize("kind", [np.asarray, pl.DataFrame], ids=["array", "frame"])
def test_a_weight_of_two_is_two_rows_where_none_are_held_out(kind: Any) -> None:
    weight = RNG.integers(0, 3, 40)
    x, y = np.round(RNG.normal(size=(40, 2)), 1), RNG.normal(size=40)
    weighted = DenseRegressor(**SMALL).fit(kind(x), y, weight)
    repeated = DenseRegressor(**SMALL).fit(kind(x.repeat(weight, axis=0)), y.repeat(weight))
    assert np.allclose(weighted.predict(kind(x)), repeated.predict(kind(x)), atol=1e-7)


def test_rows_to_watch_beside_folds_are_refused() -> None:
    with pytest.raises(ArgumentError, match="eval_set: expected none beside folds, got one"):
        DenseClassifier(**SMALL, folds=3).fit(X, Y, eval_set=(X, Y))


@pytest.mark.parametrize(
    ("watched", "said"),
    [
        ((np.c_[X, X], Y), "X has 2 features"),
        ((X, Y[:5]), "inconsistent numbers of samples"),
        ((X, Y + 5), "target: labels unseen in training"),
    ],
)
def test_errors_about_rows_to_watch_name_them(watched: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"^eval_set: .*{said}"):
        DenseClassifier(hidden=(2,), epochs=1).fit(X, Y, eval_set=watched)
