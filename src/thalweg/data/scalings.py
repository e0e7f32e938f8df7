"""Ways to scale a column of numbers, each fitted to a sample of the training rows and kept as a few plain numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from thalweg.data.table import Array

KNOTS = 1000  # of a quantile scaling: RTDL and scikit-learn take as many
SMOOTH_LIMIT = 3.0  # where smooth clipping ends, from RealMLP
FAR, HEAVY = 2.0, 0.02  # heavy tails: more than this share lies this many quartile distances from the median
NORMAL_QUARTILES = 1.3489795003921634  # distance of the quartiles of a standard normal distribution
TINY = 1e-37  # a smaller spread has no inverse in float32: the column counts as one that never varies


@dataclass(frozen=True)
class Spread:
    """What is known of one column: exact figures of all training rows, and a sample of its values.

    Args:
        mean: of the values that are not missing.
        std: their standard deviation; 0 for a column that never varies.
        low: their smallest.
        high: their largest.
        count: how many there are.
        sample: some or all of them, sorted.
    """

    mean: float
    std: float
    low: float
    high: float
    count: int
    sample: Array


@dataclass(frozen=True)
class Scale:
    """A fitted scaling of one column: z = (x - center) / scale, or z interpolated between knots.

    Args:
        center: what becomes 0.
        scale: what becomes a difference of 1; 0 for a column that never varies.
        knots: increasing x and their z, for scalings that are no straight line.
    """

    center: float
    scale: float
    knots: tuple[Array, Array] | None = None


def standard(column: Spread) -> Scale:
    """Mean 0 and standard deviation 1."""
    return Scale(column.mean, column.std)


def unscaled(column: Spread) -> Scale:
    """Numbers as they are."""
    return Scale(0.0, 1.0)


def robust(column: Spread) -> Scale:
    """Median 0 and distance between the quartiles 1; `smooth_clip` follows.

    A column whose quartiles are equal, but which varies, has half its range for a scale.

    Source: Holzmüller, Grinsztajn, Steinwart 2024, Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on
    Tabular Data, section 3 (RealMLP).
    """
    if not len(column.sample):
        return Scale(0.0, 0.0)
    low, median, high = np.quantile(column.sample, (0.25, 0.5, 0.75))
    scale = high - low
    if scale <= TINY:
        scale = (column.high - column.low) / 2
    return Scale(float(median), float(scale) if column.std > 0 and scale > TINY else 0.0)


def quantile(column: Spread) -> Scale:
    """Normal scores: z = Φ⁻¹(F(x)), with F the empirical distribution function of the training rows.

    F is kept at about a thousand knots, between which z is a straight line; it counts a value that occurs
    several times by the middle of its jump. Beyond the outermost values z stays what it is there.

    Source: Van der Waerden 1952, Order tests for the two-sample problem; the knots as in Gorishniy et al. 2021,
    Revisiting Deep Learning Models for Tabular Data.
    """
    from scipy.special import ndtri

    sample = column.sample
    if not len(sample) or column.std == 0:
        return Scale(column.mean, 0.0)
    if len(sample) <= KNOTS:
        x, p = sample, (np.arange(len(sample)) + 0.5) / len(sample)
    else:
        p = (np.arange(KNOTS) + 0.5) / KNOTS
        x, edge = np.quantile(sample, p), 0.5 / column.count
        x = np.concatenate([[min(column.low, x[0])], x, [max(column.high, x[-1])]])
        p = np.concatenate([[edge], p, [1 - edge]])
    values, place, times = np.unique(x, return_inverse=True, return_counts=True)
    scores = np.bincount(place, ndtri(p)) / times
    # Ties: the middle of the jump of F, not the middle of its scores.
    middle = ndtri(np.bincount(place, p) / times)
    scores = np.where(times > 1, middle, scores)
    return Scale(float(np.quantile(sample, 0.5)), 1.0, (values, scores))


def adaptive(column: Spread) -> Scale:
    """`robust`, but normal scores for a column of heavy tails, as far apart at the quartiles; `smooth_clip` follows.

    Heavy are tails of which more than 2 % of the values lie over two quartile distances from the median; of a normal
    distribution 0.7 % do. Where most values are equal, all others count. Scores show the order of values that the
    clipping would press together; a column without such tails keeps its distances.

    Example:
        >>> x = np.linspace(0, 1, 100)
        >>> scales = [adaptive(Spread(z.mean(), z.std(), z[0], z[-1], 100, z)) for z in (x, np.exp(8 * x))]
        >>> [scale.knots is None for scale in scales]
        [True, False]
    """
    straight = robust(column)
    if straight.scale == 0:
        return straight
    low, high = np.quantile(column.sample, (0.25, 0.75))
    far = np.abs(column.sample - straight.center) > FAR * (high - low)
    if far.mean() <= HEAVY:
        return straight
    scores = quantile(column)
    assert scores.knots is not None, "a column that varies has knots"
    values, z = scores.knots
    return Scale(scores.center, scores.scale, (values, z / NORMAL_QUARTILES))


def smooth_clip(z: Array) -> None:
    """Bend numbers in place so that they stay within ±3: z / sqrt(1 + (z/3)²), which changes small ones little.

    Example:
        >>> z = np.array([0.1, 3.0, 1e6])
        >>> smooth_clip(z)
        >>> z.round(4).tolist()
        [0.0999, 2.1213, 3.0]
    """
    np.clip(z, -1e6, 1e6, out=z)  # their squares fit into float32
    root = np.square(z / z.dtype.type(SMOOTH_LIMIT))
    root += 1.0
    np.sqrt(root, out=root)
    z /= root


SCALINGS: dict[str, Callable[[Spread], Scale]] = {
    "standard": standard,
    "robust": robust,
    "quantile": quantile,
    "adaptive": adaptive,
    "none": unscaled,
}
"""Scalings of numbers by name."""
