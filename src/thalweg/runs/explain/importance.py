"""Permutation importance: how much worse the answers get when one column of the table is shuffled."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.deploy import Model
from thalweg.runs.explain.columns import Columns, outputs_of

RELATED = 0.8  # columns at least so strongly correlated stand in for each other
MOST_ENCODED = 3000  # encoded columns whose correlations are computed


@dataclass(frozen=True)
class Change:
    """How much a measure grows when a column is shuffled.

    Attributes:
        mean: over the repeats.
        sd: deviation between the repeats, as scikit-learn gives it.
        se: standard error of the mean that comes from the rows being a sample.
    """

    mean: float
    sd: float
    se: float


def permutation_importance(
    model: Model, columns: Columns, y: NDArray[Any], orders: NDArray[np.intp], tick: Callable[[], object] = lambda: None
) -> tuple[list[tuple[Change, Change]], tuple[float, float]]:
    """Shuffle each column of a table and see what the network's loss and metric lose by it.

    With π a permutation of the rows and x^{j,π} the rows whose column j is taken from row π(n),

        I_j = mean over π of  R(x^{j,π}, y) - R(x, y),

    for the loss R = mean of -ln q(y|x; θ) in nats, and for R = the share of mistakes, or the root mean squared error.
    All columns share the permutations. It is the columns of the user's table that are shuffled, each with all that the
    encoder makes of it. A column whose neighbor tells the same loses little when it alone is shuffled.

    Args:
        model: with an encoder.
        columns: rows held out of training.
        y: (N,) or (N, K) their targets, see `Encoder.targets`.
        orders: (R, N) permutations of the rows.
        tick: called after each column.

    Returns:
        For each of the J columns the change of the loss and of the metric; and both as they are unshuffled.

    Source: Breiman, *Random Forests* (2001), section 10; Fisher, Rudin, Dominici, *All Models are Wrong, but Many are
    Useful* (2019).
    """
    measures = _Measures(model, y)
    plain = measures.rows(model.encoded_outputs(columns.encoded))

    def shuffled() -> Iterator[NDArray[np.float32]]:
        for column in _used(columns):
            for order in orders:
                yield columns.permuted(column, order)

    outputs = outputs_of(model, shuffled(), len(y))
    changes = [(Change(0.0, 0.0, 0.0),) * 2 for _ in columns.names]
    for column in _used(columns):
        repeats = [measures.rows(next(outputs)) for _ in orders]
        changes[column] = (
            _change([loss for loss, _ in repeats], plain[0], root=False),
            _change([score for _, score in repeats], plain[1], root=measures.root),
        )
        tick()
    return changes, (float(plain[0].mean()), _total(plain[1], root=measures.root))


def _used(columns: Columns) -> list[int]:
    """Columns that feed the network and differ between the rows."""
    return [int(column) for column in np.unique(columns.sources) if column >= 0]


class _Measures:
    """Loss and metric of single rows, in the units of the target."""

    def __init__(self, model: Model, y: NDArray[Any]) -> None:
        self.model, self.y = model, y
        self.root = model.likelihood.metric == "rmse"

    def rows(self, outputs: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return loss (N,), and mistakes or squared errors (N,), averaged over the targets of a row."""
        scores = np.asarray(self.model.likelihood.score(outputs, self.y), np.float64)  # type: ignore[arg-type]
        if self.root:
            scores = scores * self.model.target_scale()[1] ** 2
        return self.model.losses(outputs, self.y), scores.mean(axis=1)


def _total(rows: NDArray[np.float64], *, root: bool) -> float:
    mean = float(rows.mean())
    return math.sqrt(mean) if root else mean


def _change(repeats: list[NDArray[np.float64]], plain: NDArray[np.float64], *, root: bool) -> Change:
    """The change over the repeats; its standard error by the delta method, each row's influence on the measure."""
    before = _total(plain, root=root)
    after = np.array([_total(rows, root=root) for rows in repeats])

    def influence(rows: NDArray[np.float64], total: float) -> NDArray[np.float64]:
        if not root:
            return rows
        return rows / (2 * total) if total > 0 else np.zeros_like(rows)

    each = sum(influence(rows, total) for rows, total in zip(repeats, after, strict=True)) / len(repeats)
    each = each - influence(plain, before)
    se = float(each.std(ddof=1)) / math.sqrt(len(plain)) if len(plain) > 1 else 0.0
    return Change(float(after.mean() - before), float(after.std()), se)


def related(columns: Columns) -> list[tuple[int, int, float]]:
    """Return pairs of columns of which one tells the other: their numbers, and the correlation of at least 0.8.

    A column of the table is a set X_j of centered encoded columns. What X_k tells of it is the multiple correlation

        R² = tr(C_jk C_kk⁺ C_kj) / tr C_jj,    C = XᵀX,

    adjusted to the number of rows; for two columns of numbers R is the absolute value of Pearson's coefficient. Of the
    two directions the stronger one counts: a code tells its number, if not the other way round.

    Source: Fahrmeir, Kneib, Lang, Marx, *Regression* (2013), section 3.4.
    """
    used = _used(columns)
    rows, width = columns.encoded.shape
    if len(used) < 2 or width > MOST_ENCODED:
        return []
    x = columns.encoded.astype(np.float64)
    x -= x.mean(axis=0)
    c = x.T @ x
    belongs = (columns.sources[:, None] == np.array(used)).astype(np.float64)
    spread = np.diag(c) @ belongs
    told = np.zeros((len(used), len(used)))
    for k, column in enumerate(used):
        own = columns.sources == column
        inverse = np.linalg.pinv(c[own][:, own], hermitian=True)
        share = ((c[:, own] @ inverse) * c[:, own]).sum(axis=1) @ belongs / spread
        free = rows - 1 - np.linalg.matrix_rank(c[own][:, own], hermitian=True)
        told[k] = 1 - (1 - share) * (rows - 1) / free if free > 0 else 0.0
    both = np.sqrt(np.clip(np.maximum(told, told.T), 0, 1))
    pairs = np.argwhere(np.triu(both >= RELATED, k=1))
    return sorted(((used[j], used[k], float(both[j, k])) for j, k in pairs), key=lambda pair: -pair[2])
