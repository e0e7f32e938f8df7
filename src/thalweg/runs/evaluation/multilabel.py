"""Probabilities of several labels against those that hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .classification import ROW_EXAMPLES, SCHEMA, reliability_bins
from .examples import Inputs, examples, number, ratio


def multilabel_evaluation(
    y_true: np.ndarray,
    probabilities: np.ndarray,
    label_names: Sequence[object],
    *,
    inputs: Inputs = None,
    feature_names: Sequence[object] | None = None,
    common: Sequence[int] | None = None,
) -> dict[str, Any]:
    """Evaluate probabilities of labels, each of which may hold or not, against the truth.

    A label is predicted where its probability is above one half. Precision, recall and F1 are those of a label's ones.

    Args:
        y_true: (N, K) zeros and ones.
        probabilities: (N, K) of a one.
        label_names: K names.
        inputs: what the user would recognize of each row, see ``Inputs``.
        feature_names: names of the columns of ``inputs``.
        common: (K,) what the constant guess says, usually the more frequent value in training; default: in ``y_true``.

    Returns:
        The dictionary described in :mod:`thalweg.runs.evaluation`.

    Example:
        >>> e = multilabel_evaluation(np.array([[0, 1], [1, 1]]), np.array([[0.1, 0.9], [0.2, 0.8]]), ["sun", "sea"])
        >>> e["error"], e["rows_wrong"], [label["recall"] for label in e["per_label"]]
        (0.25, 1, [0.0, 1.0])
    """
    names = [str(name) for name in label_names]
    p_all = np.asarray(probabilities, np.float64).reshape(-1, len(names))
    y_all = np.asarray(y_true).astype(np.int64).reshape(p_all.shape)
    kept = np.flatnonzero(np.isfinite(p_all).all(axis=1))
    y, p = y_all[kept], p_all[kept]
    rows = len(y)
    guess = (p > 0.5).astype(np.int64)
    constant = (2 * y.sum(axis=0) > rows).astype(np.int64) if common is None else np.asarray(common, np.int64)
    wrong = guess != y
    confidence = np.maximum(p, 1 - p)
    tiny = np.finfo(np.float64).tiny
    loss = -np.log(np.maximum(np.where(y == 1, p, 1 - p), tiny)).sum(axis=1)
    places = np.argwhere(wrong)
    # stable sort: equal confidences keep the order of the rows, so the report is the same every time
    top = places[np.argsort(-confidence[wrong], kind="stable")][:ROW_EXAMPLES]
    shown = examples(inputs, kept[top[:, 0]], None) if len(top) else []

    def said(value: int, name: str) -> str:
        return name if value else f"not {name}"

    return {
        "schema": SCHEMA,
        "task": "multilabel",
        "rows": rows,
        "not_finite": len(y_all) - rows,
        "labels": names,
        "mistakes": int(wrong.sum()),
        "error": ratio(wrong.sum(), wrong.size),
        "rows_wrong": int(wrong.any(axis=1).sum()),
        "loss": number(loss.mean()) if rows else None,
        "baseline": {
            "guess": ", ".join(said(value, name) for value, name in zip(constant, names, strict=True)),
            "mistakes": int((constant != y).sum()),
            "error": ratio((constant != y).sum(), wrong.size),
            "rows_wrong": int((constant != y).any(axis=1).sum()),
        },
        "per_label": [_label(names[k], y[:, k], guess[:, k], int(constant[k])) for k in range(len(names))],
        "confident_mistakes": [
            {
                "row": int(kept[n]),
                "true": said(y[n, k], names[k]),
                "predicted": said(guess[n, k], names[k]),
                "confidence": number(confidence[n, k]),
                "probability_true": number(1 - confidence[n, k]),
                **example,
            }
            for (n, k), example in zip(top, shown, strict=True)
        ],
        **reliability_bins(confidence.ravel(), ~wrong.ravel()),
        "features": None if feature_names is None else [str(name) for name in feature_names],
    }


def _label(name: str, y: np.ndarray, guess: np.ndarray, constant: int) -> dict[str, Any]:
    hits, support, predicted = int((y & guess).sum()), int(y.sum()), int(guess.sum())
    return {
        "label": name,
        "support": support,
        "predicted": predicted,
        "error": ratio((y != guess).sum(), len(y)),
        "baseline_error": ratio((y != constant).sum(), len(y)),
        "precision": ratio(hits, predicted),
        "recall": ratio(hits, support),
        "f1": ratio(2 * hits, support + predicted),
    }
