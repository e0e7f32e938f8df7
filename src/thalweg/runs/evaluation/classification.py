"""Class probabilities against true classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from thalweg.decisions.calibration import nll, reliability
from thalweg.likelihoods.overlap import count_pairs

from .examples import Inputs, examples, number, ratio

SCHEMA = 1
MATRIX_CLASSES = 30  # a larger table can no longer be read; the pairs say more
PAIRS = 30
PICTURES = 24
ROW_EXAMPLES = 12
BINS = 10


def classification_evaluation(
    y_true: np.ndarray,
    probabilities: np.ndarray,
    class_names: Sequence[object],
    *,
    inputs: Inputs = None,
    example_shape: Sequence[int] | None = None,
    feature_names: Sequence[object] | None = None,
    majority: int | None = None,
    ordered: bool = False,
) -> dict[str, Any]:
    """Evaluate class probabilities against the true classes.

    The predicted class is the most probable one, the first among equals. Precision is TP / (TP + FP), recall
    TP / (TP + FN), F1 their harmonic mean; each is ``None`` where its denominator is 0.

    Args:
        y_true: (N,) class indices.
        probabilities: (N, C), rows sum to 1.
        class_names: C names.
        inputs: what the user would recognize of each row: raw column values or pixels, see ``Inputs``.
        example_shape: (height, width) or (height, width, channels) where rows are pictures.
        feature_names: names of the columns of ``inputs``.
        majority: class the constant guess takes, usually the most frequent one in training; default: in ``y_true``.
        ordered: whether the order of the classes counts, so that a mistake may be near or far.

    Returns:
        The dictionary described in :mod:`thalweg.runs.evaluation`.

    Example:
        >>> e = classification_evaluation(
        ...     np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]), ["a", "b"]
        ... )
        >>> e["mistakes"], e["confusion"], e["baseline"]["guess"]
        (1, [[1, 0], [1, 1]], 'b')
    """
    classes = len(class_names)
    names = [str(name) for name in class_names]
    y_all = np.asarray(y_true).astype(np.int64).reshape(-1)
    p_all = np.asarray(probabilities, np.float64).reshape(len(y_all), classes)
    kept = np.flatnonzero(np.isfinite(p_all).all(axis=1))
    y, p = y_all[kept], p_all[kept]
    rows = len(y)
    guess = p.argmax(axis=1)
    confidence = p[np.arange(rows), guess]
    probability_true = p[np.arange(rows), y]
    matrix = count_pairs(y, guess, classes)
    wrong = np.flatnonzero(guess != y)
    # stable sort: equal confidences keep the order of the rows, so the report is the same every time
    top = wrong[np.argsort(-confidence[wrong], kind="stable")]
    picture = example_shape is not None and inputs is not None
    top = top[: PICTURES if picture else ROW_EXAMPLES]
    shown = examples(inputs, kept[top], example_shape)
    loss = number(nll(p, y)) if rows else None
    answer = {"schema": SCHEMA, "task": "classification", "not_finite": len(y_all) - rows, "loss": loss}
    return (
        answer
        | counted(matrix, names, majority)
        | {
            "confident_mistakes": [
                {
                    "row": int(kept[i]),
                    "true": names[y[i]],
                    "predicted": names[guess[i]],
                    "confidence": number(confidence[i]),
                    "probability_true": number(probability_true[i]),
                    **example,
                }
                for i, example in zip(top, shown, strict=True)
            ],
            **reliability_bins(confidence, guess == y),
            **({"distance": _distance(y, guess)} if ordered else {}),
            "features": None if picture or feature_names is None else [str(name) for name in feature_names],
            "picture": picture,
        }
    )


def counted(matrix: np.ndarray, names: Sequence[str], majority: int | None = None) -> dict[str, Any]:
    """Return what a confusion matrix (true, predicted) tells: the mistakes, each class, the pairs that are confused."""
    support, predicted, hits = matrix.sum(axis=1), matrix.sum(axis=0), np.diag(matrix)
    rows = int(support.sum())
    mistakes = int(rows - hits.sum())
    constant = int(support.argmax()) if majority is None else int(majority)
    return {
        "rows": rows,
        "classes": list(names),
        "mistakes": mistakes,
        "error": ratio(mistakes, rows),
        "baseline": {
            "guess": names[constant],
            "mistakes": int(rows - support[constant]),
            "error": ratio(rows - support[constant], rows),
        },
        "per_class": [
            {
                "class": name,
                "support": int(support[c]),
                "predicted": int(predicted[c]),
                "precision": ratio(hits[c], predicted[c]),
                "recall": ratio(hits[c], support[c]),
                "f1": ratio(2 * hits[c], support[c] + predicted[c]),
            }
            for c, name in enumerate(names)
        ],
        "confusion": matrix.tolist() if len(names) <= MATRIX_CLASSES else None,
        "confused_pairs": _confused_pairs(matrix, list(names)),
    }


def _distance(y: np.ndarray, guess: np.ndarray) -> dict[str, float | None]:
    """How many classes predictions are off, and how many the best constant guess, the median, would be."""
    off = np.abs(guess - y)
    constant = np.abs(np.sort(y)[len(y) // 2] - y) if len(y) else off
    return {
        "mean": ratio(off.sum(), len(y)),
        "within_one": ratio((off <= 1).sum(), len(y)),
        "baseline": ratio(constant.sum(), len(y)),
    }


def reliability_bins(confidence: np.ndarray, right: np.ndarray) -> dict[str, Any]:
    """Return for ten bins of the winning probability how many answers are right, and the expected calibration error."""
    curve = reliability(confidence, right, bins=BINS)
    columns = (curve.low, curve.high, curve.count, curve.claimed, curve.came_true, curve.band_low, curve.band_high)
    names = ("low", "high", "count", "confidence", "accuracy", "accuracy_low", "accuracy_high")
    rows = [dict(zip(names, row, strict=True)) for row in zip(*(column.tolist() for column in columns), strict=True)]
    bins = [{name: value if math.isfinite(value) else None for name, value in row.items()} for row in rows]
    return {"reliability": bins, "calibration_error": curve.error if len(right) else None}


def _confused_pairs(matrix: np.ndarray, names: list[str]) -> list[dict[str, Any]]:
    off = matrix.copy()
    np.fill_diagonal(off, 0)
    support = matrix.sum(axis=1)
    order = np.argsort(-off, axis=None, kind="stable")[:PAIRS]
    true, predicted = np.unravel_index(order, off.shape)
    return [
        {
            "true": names[t],
            "predicted": names[p],
            "count": int(off[t, p]),
            "share": float(off[t, p] / support[t]),
        }
        for t, p in zip(true, predicted, strict=True)
        if off[t, p] > 0
    ]
