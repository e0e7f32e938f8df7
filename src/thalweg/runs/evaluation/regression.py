"""Predicted means and standard deviations against true values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .examples import Inputs, examples, number
from .intervals import Intervals, covered, histogram

SCHEMA = 1
ROW_EXAMPLES = 12
POINTS = 2000


def regression_evaluation(
    y_true: np.ndarray,
    mean: np.ndarray,
    sd: np.ndarray | None = None,
    *,
    target_names: Sequence[object] | None = None,
    inputs: Inputs = None,
    feature_names: Sequence[object] | None = None,
    constant: Sequence[float] | None = None,
    intervals: Intervals | None = None,
    pit: np.ndarray | None = None,
    loss: float | None = None,
    counts: bool = False,
) -> dict[str, Any]:
    """Evaluate predicted means (and standard deviations) against true values, in the units of the target.

    RMSE is √(mean (y - ŷ)²), MAE mean |y - ŷ|, R² = 1 - Σ(y - ŷ)² / Σ(y - ȳ)² with ȳ the mean of ``y_true``.

    Args:
        y_true: (N, K) or (N,).
        mean: the same shape.
        sd: predictive standard deviations: the same shape, one for each target (K,), or a number.
        target_names: K names.
        inputs: what the user would recognize of each row, see ``Inputs``.
        feature_names: names of the columns of ``inputs``.
        constant: K values of the constant guess, usually the means in training; default: the means of ``y_true``.
        intervals: of the predicted distributions: claimed probability ↦ lower and upper ends, each (N, K).
        pit: (N, K) probability F(y) that the predicted distributions give to values up to the true one.
        loss: mean -ln q(y|x; θ), in nat.
        counts: whether the targets are counts, of which the Poisson deviance is told as well.

    Returns:
        The dictionary described in :mod:`thalweg.runs.evaluation`.

    Example:
        >>> e = regression_evaluation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]))
        >>> round(e["rmse"], 4), e["targets"][0]["r2"]
        (0.5774, 0.5)
    """
    y_all = np.asarray(y_true, np.float64)
    y_all = y_all[:, None] if y_all.ndim == 1 else y_all
    m_all = np.asarray(mean, np.float64).reshape(y_all.shape)
    rows_all, targets = y_all.shape
    s_all = None
    if sd is not None:
        s = np.asarray(sd, np.float64)
        s_all = s.reshape(y_all.shape) if s.size == y_all.size else np.broadcast_to(s, y_all.shape)
    names = [str(n) for n in target_names] if target_names is not None else _default_names(targets)
    kept = np.flatnonzero(np.isfinite(m_all).all(axis=1) & np.isfinite(y_all).all(axis=1))
    y, m = y_all[kept], m_all[kept]
    s_kept = None if s_all is None else s_all[kept]
    ends = {level: (low[kept], high[kept]) for level, (low, high) in (intervals or {}).items()}
    u = None if pit is None else np.asarray(pit, np.float64).reshape(y_all.shape)[kept]
    rows = len(y)
    residual = y - m
    guess = (y.mean(axis=0) if rows else np.full(targets, np.nan)) if constant is None else np.asarray(constant, float)
    sample = np.sort(np.random.default_rng(0).choice(rows, POINTS, replace=False)) if rows > POINTS else np.arange(rows)
    # one scale for all targets, otherwise the one with the largest unit takes every place in the list
    scale = np.where(y.std(axis=0) > 0, y.std(axis=0), 1.0) if rows else np.ones(targets)
    order = np.argsort(-np.abs(residual / scale), axis=None, kind="stable")[:ROW_EXAMPLES]
    worst, which = np.unravel_index(order, residual.shape) if rows else (order, order)
    return {
        "schema": SCHEMA,
        "task": "regression",
        "kind": "counts" if counts else "numbers",
        "rows": rows,
        "not_finite": rows_all - rows,
        "rmse": _rms(residual),
        "loss": None if loss is None else number(loss),
        "baseline": {"rmse": _rms(y - guess)},
        "targets": [
            {
                "name": names[k],
                "baseline_rmse": _rms(y[:, k] - guess[k]),
                "guess": number(guess[k]),
                **_target(y[:, k], m[:, k], None if s_kept is None else s_kept[:, k]),
                "coverage": covered({level: (low[:, k], high[:, k]) for level, (low, high) in ends.items()}, y[:, k]),
                "pit": None if u is None else histogram(u[:, k]),
                **({"deviance": _deviance(y[:, k], m[:, k])} if counts else {}),
                "points": {
                    "row": [int(i) for i in kept[sample]],
                    "true": [number(v) for v in y[sample, k]],
                    "predicted": [number(v) for v in m[sample, k]],
                    "sd": None if s_kept is None else [number(v) for v in s_kept[sample, k]],
                },
            }
            for k in range(targets)
        ],
        "largest_errors": [
            {
                "row": int(kept[i]),
                "target": names[k],
                "true": number(y[i, k]),
                "predicted": number(m[i, k]),
                "sd": None if s_kept is None else number(s_kept[i, k]),
                **example,
            }
            for i, k, example in zip(worst, which, examples(inputs, kept[worst], None), strict=True)
        ],
        "features": None if feature_names is None else [str(n) for n in feature_names],
    }


def _target(y: np.ndarray, m: np.ndarray, sd: np.ndarray | None) -> dict[str, Any]:
    residual = y - m
    spread = float(((y - y.mean()) ** 2).sum()) if len(y) else 0.0
    edges, counts = _histogram(residual)
    return {
        "rmse": _rms(residual),
        "mae": number(np.abs(residual).mean()) if len(y) else None,
        "r2": number(1 - float((residual**2).sum()) / spread) if spread > 0 else None,
        "bias": number(residual.mean()) if len(y) else None,
        "within_1_sd": None if sd is None or not len(y) else number((np.abs(residual) <= sd).mean()),
        "within_2_sd": None if sd is None or not len(y) else number((np.abs(residual) <= 2 * sd).mean()),
        "histogram": {"edges": edges, "counts": counts},
    }


def _deviance(y: np.ndarray, mean: np.ndarray) -> float | None:
    """Mean Poisson deviance 2 (y ln(y/μ) - y + μ)."""
    if not len(y) or (mean <= 0).any():
        return None
    ratio = np.where(y > 0, y, 1) / mean
    return number(2 * float((np.where(y > 0, y * np.log(ratio), 0) - y + mean).mean()))


def _histogram(residual: np.ndarray) -> tuple[list[float | None], list[int]]:
    if not len(residual):
        return [], []
    low, high = float(residual.min()), float(residual.max())
    if high - low <= 1e-9 * max(abs(low), abs(high)):  # too narrow to be divided in floating point
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(residual, bins=min(40, max(5, math.isqrt(len(residual)))), range=(low, high))
    return [number(e) for e in edges], [int(c) for c in counts]


def _rms(residual: np.ndarray) -> float | None:
    return number(math.sqrt(float((residual**2).mean()))) if residual.size else None


def _default_names(targets: int) -> list[str]:
    return ["y"] if targets == 1 else [f"y{k + 1}" for k in range(targets)]
