r"""One bell for two hills: the two directions of the divergence want different things.

The Kullback–Leibler divergence D(p‖q) = E_p[ln p - ln q] is not symmetric. A family q that cannot equal p must choose:

- **forward**, D(p‖q) is large wherever p has mass and q has none. The fit covers all of p, valley included; for a
  normal q it takes over the mean and the variance of p.
- **backward**, D(q‖p) is large wherever q has mass and p has none. The fit keeps to where p is, and seeks one hill.

Maximum likelihood is forward, with the empirical distribution as p; variational inference is backward.

Source: Bishop, *Pattern Recognition and Machine Learning* (2006), section 10.1.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import thalweg as tw
from thalweg.diagnosis.style import BLUE, INK, ORANGE, PALE, figure, house_style, label
from thalweg.lessons.text import table, words

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class TwoDirections:
    """Numbers of the lesson; pairs are forward and backward.

    Attributes:
        x: (n,) where the densities are evaluated.
        p: (n,) the density with two hills.
        moments: mean and standard deviation of p.
        fits: (n,) densities of the two fits.
        means: their means.
        deviations: their standard deviations.
        divergence: D(p‖q) of the two fits, in nats.
        reverse: D(q‖p) of the two fits, in nats.
        optima: (s, 2) mean and D(q‖p) where each start of the backward search ended, best first.
        centers: (m,) means of q that were tried.
        by_center: (m,) divergence for each of them, at the deviation of the fit: D(p‖q) and D(q‖p).
    """

    x: Array
    p: Array
    moments: tuple[float, float]
    fits: tuple[Array, Array]
    means: tuple[float, float]
    deviations: tuple[float, float]
    divergence: tuple[float, float]
    reverse: tuple[float, float]
    optima: Array
    centers: Array
    by_center: tuple[Array, Array]


def compute(gap: float = 4.0, share: float = 0.6, tried: int = 61) -> TwoDirections:
    """Fit a normal density to two hills in both directions.

    Args:
        gap: distance between the hills, whose deviations are 0.8 and 0.6.
        share: mass of the left one.
        tried: number of means to measure both divergences at.
    """
    from numpyro.distributions import Categorical, MixtureSameFamily, Normal

    hills = Normal(np.array([-gap / 2, gap / 2]), np.array([0.8, 0.6]))
    p = MixtureSameFamily(Categorical(np.array([share, 1 - share])), hills)
    forward = tw.probability.fit("normal", p, direction="forward").distribution
    searched = tw.probability.fit("normal", p, direction="backward")
    backward = searched.distribution
    x, centers = np.linspace(-gap / 2 - 4, gap / 2 + 4, 601), np.linspace(-gap / 2 - 2, gap / 2 + 2, tried)
    divergence = tw.probability.divergence
    return TwoDirections(
        x=x,
        p=np.exp(np.asarray(p.log_prob(x))),
        moments=(float(tw.probability.mean(p)), float(tw.probability.std(p))),
        fits=(np.exp(np.asarray(forward.log_prob(x))), np.exp(np.asarray(backward.log_prob(x)))),
        means=(float(forward.loc), float(backward.loc)),
        deviations=(float(forward.scale), float(backward.scale)),
        divergence=(float(divergence(p, forward)), float(divergence(p, backward))),
        reverse=(float(divergence(forward, p)), float(divergence(backward, p))),
        optima=np.array([[float(q.loc), value] for q, value in searched.optima]),
        centers=centers,
        by_center=(
            _by_definition(p.expand(centers.shape), Normal(centers, forward.scale)),
            _by_definition(Normal(centers, backward.scale), p),
        ),
    )


def _by_definition(p: Any, q: Any) -> Array:
    """Return E_p[ln p - ln q] for a batch at once: less exact than `divergence`, and far faster."""
    answer = tw.probability.expectation(lambda x: np.asarray(p.log_prob(x) - q.log_prob(x), float), p)
    return np.asarray(answer.value)


def tell(numbers: TwoDirections) -> str:
    """Return the numbers in words."""
    rows = [
        (name, f"{mean:.2f}", f"{deviation:.2f}", f"{forward:.3f}", f"{backward:.3f}")
        for name, mean, deviation, forward, backward in zip(
            ("forward, covers", "backward, seeks"),
            numbers.means,
            numbers.deviations,
            numbers.divergence,
            numbers.reverse,
            strict=True,
        )
    ]
    mean, deviation = numbers.moments
    astray = numbers.optima[numbers.optima[:, 1] > numbers.optima[0, 1] + 0.01]
    other = (
        f"""Of {len(numbers.optima)} starts of the backward search, {len(astray)} ended on the other hill, with
        {astray[0, 1]:.3f} nats: by mean of q, D(p‖q) has one minimum and D(q‖p) one at each hill."""
        if len(astray)
        else ""
    )
    return f"{table(('fit', 'mean', 'deviation', 'D(p‖q)', 'D(q‖p)'), rows)}\n\n" + words(
        f"""Each fit is the better one by its own measure, and the worse one by the other. The forward fit takes over
        mean {mean:.2f} and deviation {deviation:.2f} of p, and puts its peak near the valley between the hills:
        nothing is left out. The backward fit settles on one hill: nothing is made up. {other}"""
    )


@house_style()
def draw(numbers: TwoDirections) -> Figure:
    """Draw both fits over p, and both divergences by the mean of q."""
    picture = figure(3.0)
    fits, curves = picture.subplots(1, 2)
    fits.fill_between(numbers.x, numbers.p, color=PALE, lw=0)
    fits.plot(numbers.x, numbers.p, color=INK, lw=1)
    for density, color in zip(numbers.fits, (BLUE, ORANGE), strict=True):
        fits.plot(numbers.x, density, color=color)
    fits.set(title="One bell for two hills", xlabel="x", ylabel="density", xlim=(-6, 6), ylim=(0, None))
    label(fits, 3.0, 0.12, "forward:\ncovers both", BLUE)
    label(fits, numbers.means[1] + 0.7, 0.85 * numbers.fits[1].max(), "backward:\nseeks one", ORANGE)
    right = numbers.x > numbers.moments[0]
    top = numbers.p[right].argmax()
    label(fits, numbers.x[right][top], numbers.p[right][top] + 0.025, "p", INK, ha="center")
    for values, color in zip(numbers.by_center, (BLUE, ORANGE), strict=True):
        curves.plot(numbers.centers, values, color=color)
    for mean, value, color in zip(
        numbers.means, (numbers.divergence[0], numbers.reverse[1]), (BLUE, ORANGE), strict=True
    ):
        curves.plot(mean, value, "o", color=color, ms=7)
    curves.set(title="Where the bell may stand", xlabel="mean of q", ylabel="nats", ylim=(0, 4.2))
    curves.set_xlim(numbers.centers[0], numbers.centers[-1])
    label(curves, 0.2, 2.4, "D(q‖p)", ORANGE, ha="center")
    label(curves, 0, 0.75, "D(p‖q)", BLUE, ha="center")
    return picture
