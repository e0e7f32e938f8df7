"""Rows whose target contradicts a confident answer."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

FAR = 8.0
"""Robust deviations from which on a number is far from its prediction."""

TAIL = 0.02
"""Where more than this share of the rows is that far, large errors are usual and single rows not suspect."""


ODDS = 3.0
"""How many times as likely as the given class another has to be; below, odds are "not worth more than a bare mention".

Of few rows, those of a class may all have a small probability of it; then their mean asks for next to none.
Source: Kass, Raftery, *Bayes Factors* (1995).
"""


def class_suspects(
    p: Float[np.ndarray, "rows classes"], y: Int[np.ndarray, " rows"]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows that are confidently of another class than the given one, the least likely target first.

    A row counts as of class j if p_j is at least the mean of p_j over the rows given as j, and the largest such p_j:
    classes that overlap are asked for less confidence than those that do not. It has to be three times as likely as the
    given one besides.

    Args:
        p: probabilities of rows that training has not seen.
        y: their classes.

    Returns:
        Numbers of the rows, and their likely class.

    Example:
        >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.05, 0.95]])
        >>> [part.tolist() for part in class_suspects(p, np.array([0, 0, 1, 0]))]
        [[3], [1]]

    Source: Northcutt, Jiang, Chuang, *Confident Learning: Estimating Uncertainty in Dataset Labels* (2021).
    """
    counts = np.bincount(y, minlength=p.shape[1])
    own = p[np.arange(len(y)), y].astype(np.float64)
    usual = np.full(p.shape[1], np.inf)
    np.divide(np.bincount(y, own, p.shape[1]), counts, out=usual, where=counts > 0)
    sure = np.where(p >= usual, p, -1.0)
    likely = sure.argmax(axis=1)
    rows = np.flatnonzero((sure.max(axis=1) > ODDS * own) & (likely != y))
    rows = rows[np.argsort(own[rows], kind="stable")]
    return rows, likely[rows]


def number_suspects(y: Float[np.ndarray, "rows targets"], mean: Float[np.ndarray, "rows targets"]) -> NDArray[np.intp]:
    """Return rows with a target more than 8 robust deviations from its prediction, the farthest first.

    Args:
        y: targets of rows that training has not seen.
        mean: their predictions.

    Returns:
        Numbers of the rows; none where more than 2% of all are that far.

    Example:
        >>> y = np.sin(np.arange(100.0))[:, None]
        >>> number_suspects(np.where(np.arange(100)[:, None] == 7, 50.0, y), 0 * y).tolist()
        [7]

    Source: Rousseeuw, Croux, *Alternatives to the Median Absolute Deviation* (1993), for the deviation.
    """
    off = y - mean
    centered = np.abs(off - np.median(off, axis=0))
    deviation = 1.4826 * np.median(centered, axis=0)
    far = np.max(centered / np.where(deviation > 0, deviation, np.inf), axis=1)
    rows = np.flatnonzero(far > FAR)
    return rows[np.argsort(-far[rows], kind="stable")] if len(rows) <= TAIL * len(y) else rows[:0]
