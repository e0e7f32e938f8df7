"""How much work an explanation may be: counted in predictions beforehand, so that no clock decides what is told."""

from __future__ import annotations

from dataclasses import dataclass

from thalweg.deploy import Model
from thalweg.network import summary

SHARE = 0.3
"""Predictions for each row and epoch of training: a step costs three forward passes, so this is a tenth of training."""

FREE = 2e10
"""Multiplications that are no matter: about a second."""

ROW = 4000
"""Multiplications that one row costs beside the network's: encoding, copying, its loss."""


@dataclass(frozen=True)
class Effort:
    """Sizes of an explanation.

    Attributes:
        rows: of the table, at most, to shuffle.
        repeats: permutations of each column.
        shown: columns whose partial dependence is computed, the most important ones.
        curve_rows: rows that it averages over, at most.
        points: values on its grid.
        lines: single rows drawn with it.
    """

    rows: int = 2000
    repeats: int = 5
    shown: int = 6
    curve_rows: int = 500
    points: int = 20
    lines: int = 30

    def predictions(self, rows: int, columns: int) -> int:
        """Return for how many rows the network answers, on a table of so many rows and columns."""
        shuffled = min(self.rows, rows) * self.repeats * columns
        return shuffled + min(self.curve_rows, rows) * self.points * min(self.shown, columns)


LADDER = (Effort(), Effort(repeats=3, rows=1000), Effort(repeats=2, rows=500, curve_rows=200))


def affordable(model: Model, rows: int, columns: int, trained: int) -> Effort | None:
    """Return the largest effort that costs at most a tenth of training or a second, or None.

    Args:
        model: whose network has to answer.
        rows: of the table.
        columns: of the table.
        trained: rows times epochs of training.

    Example:
        >>> import jax
        >>> from thalweg.likelihoods import make_likelihood
        >>> from thalweg.network import dense_network
        >>> network = dense_network(4, (512,), 3)
        >>> params = network.init(jax.random.key(0))
        >>> model = Model(network, make_likelihood("categorical"), params, network.init_state())
        >>> affordable(model, 30, 4, 1200).repeats, affordable(model, 10**6, 10**5, 1200)
        (5, None)
    """
    allowed = max(SHARE * trained, FREE / (summary(model.network).multiplications + ROW))
    for effort in LADDER:
        if effort.predictions(rows, columns) <= allowed:
            return effort
    return None
