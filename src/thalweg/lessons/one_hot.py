r"""Classes as vectors: one-hot coding, and the categorical distribution in it.

A class out of C becomes the vector x with a one in its place and zeros elsewhere, a corner of the simplex. With
probabilities p the categorical distribution is

    P(x) = Π_i p_i^{x_i},   ln P(x) = xᵀ ln p,

so the log-probability of a class is one entry of ln p, picked out by the one. The mean of one-hot vectors is p, their
covariance diag(p) - p pᵀ, and the mean of -ln P(x) over draws tends to the entropy H(p) = -Σ p_i ln p_i. Under other
probabilities q it tends to the cross entropy -Σ p_i ln q_i, which is larger: the loss of every classifier.

Source: Bishop, *Pattern Recognition and Machine Learning* (2006), section 2.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

import thalweg as tw
from thalweg.diagnosis.style import BLUE, INK, ORANGE, PALE, SOFT, figure, house_style, label
from thalweg.lessons.text import table, words

Array = NDArray[Any]

CLASSES = ("ash", "birch", "cedar")
P = np.array([0.6, 0.3, 0.1])
"""Probability of each class."""


@dataclass(frozen=True, eq=False)
class OneHot:
    """Numbers of the lesson.

    Attributes:
        x: (N, 3) drawn classes, one-hot.
        log_probability: (3,) ln P(x) of each class.
        mean: (3,) mean of the draws.
        covariance: (3, 3) covariance of the draws.
        entropy: H(p) in nats.
        surprise: mean of -ln P(x) over the draws, in nats.
        uniform: the same under equal probabilities, ln 3.
    """

    x: Array
    log_probability: Array
    mean: Array
    covariance: Array
    entropy: float
    surprise: float
    uniform: float


def compute(draws: int = 2000, seed: int = 0) -> OneHot:
    """Draw classes, code them, and compare their averages with the distribution.

    Args:
        draws: N.
        seed: of the draws.
    """
    import jax
    from numpyro.distributions import Categorical

    classes = Categorical(P).sample(jax.random.key(seed), (draws,))
    x = tw.probability.one_hot(classes, len(P))
    return OneHot(
        x=x,
        log_probability=tw.probability.log_pmf(np.eye(len(P)), P),
        mean=x.mean(axis=0),
        covariance=np.cov(x.T, bias=True),
        entropy=float(tw.probability.entropy(Categorical(P))),
        surprise=float(-tw.probability.log_pmf(x, P).mean()),
        uniform=math.log(len(P)),
    )


def tell(numbers: OneHot) -> str:
    """Return the numbers in words."""
    rows = [
        (name, " ".join(f"{value:.0f}" for value in code), f"{p:.2f}", f"{logarithm:.3f}", f"{share:.3f}")
        for name, code, p, logarithm, share in zip(
            CLASSES, np.eye(len(P)), P, numbers.log_probability, numbers.mean, strict=True
        )
    ]
    return f"{table(('class', 'code', 'P', 'ln P', 'mean of the draws'), rows)}\n\n" + words(
        f"""The mean of {len(numbers.x):,} one-hot draws is close to p, entry by entry: an average of codes is a table
        of frequencies. The mean of -ln P(x) over them is {numbers.surprise:.3f} nats, near the entropy of
        {numbers.entropy:.3f}. Who believes the three classes equally probable pays ln 3 = {numbers.uniform:.3f}: no
        other probabilities than the true ones have a lower mean cost."""
    )


@house_style()
def draw(numbers: OneHot) -> Figure:
    """Draw some codes, probabilities with frequencies, and the simplex."""
    picture = figure(2.9)
    codes, bars, simplex = picture.subplots(1, 3, width_ratios=(0.8, 1, 1.5))
    codes.imshow(numbers.x[:14], cmap=ListedColormap([PALE, BLUE]), aspect="auto")
    codes.set(title="Fourteen draws", xticks=range(3), yticks=[], ylabel="a draw each row")
    codes.set_xticklabels(CLASSES)
    codes.hlines(np.arange(13) + 0.5, -0.5, 2.5, color="white", lw=1.5)
    codes.vlines((0.5, 1.5), -0.5, 13.5, color="white", lw=1.5)
    codes.spines[:].set_visible(False)
    codes.tick_params(length=0)
    bars.bar(np.arange(3) - 0.2, P, 0.38, color=BLUE)
    bars.bar(np.arange(3) + 0.2, numbers.mean, 0.38, color=ORANGE)
    bars.set(title="Their mean is p", xticks=range(3), ylabel="probability", ylim=(0, 0.75))
    bars.set_xticklabels(CLASSES)
    label(bars, 0.75, 0.66, "p", BLUE)
    label(bars, 0.75, 0.57, f"mean of {len(numbers.x):,} draws", ORANGE)
    _draw_simplex(simplex, numbers)
    return picture


def _draw_simplex(axes: Axes, numbers: OneHot) -> None:
    """Draw the triangle of all probabilities, its corners being the codes."""
    corners = np.array([[0, 0], [1, 0], [0.5, math.sqrt(0.75)]])
    axes.fill(*corners.T, facecolor="none", edgecolor=SOFT, lw=1)
    counts = numbers.x.cumsum(axis=0) / np.arange(1, len(numbers.x) + 1)[:, None]
    axes.plot(*(counts @ corners).T, color=ORANGE, lw=0.9)
    axes.plot(*(P @ corners), "o", color=BLUE, ms=6)
    axes.plot(*corners.T, "o", color=INK, ms=5)
    label(axes, 0.26, 0.09, "p", BLUE, fontweight="bold")
    for corner, name, code in zip(corners, CLASSES, np.eye(3, dtype=int), strict=True):
        up = 0.1 if corner[1] > 0.5 else -0.13
        text = f"{name} ({', '.join(map(str, code))})"
        axes.text(corner[0], corner[1] + up, text, ha="center", va="center", fontsize=8)
    axes.set(title="Running mean on the simplex", xlim=(-0.25, 1.25), ylim=(-0.2, 1.0), aspect="equal")
    axes.set_axis_off()
