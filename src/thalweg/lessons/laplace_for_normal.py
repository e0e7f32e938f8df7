r"""The Laplace density that comes closest to a normal one.

How well can Laplace(0, b) stand in for N(0, σ²)? Its divergence from the normal density is

    D(p‖q_b) = E_p[ln p - ln q_b] = ln 2b + σ √(2/π) / b - ½ ln 2πe σ²,

and its derivative 1/b - σ √(2/π) / b² is zero at

    b = σ √(2/π) ≈ 0.798 σ,   D_min = ½ - ln(π/2) ≈ 0.0484 nat.

So b is the mean absolute deviation of the normal variable, as maximum likelihood sets it on draws from it. The other
direction, D(q_b‖p), is least at b = σ / √2 ≈ 0.707 σ: divergence is not symmetric.

Source: Cover, Thomas, *Elements of Information Theory* (2006), section 8.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import thalweg as tw
from thalweg.diagnosis.style import BLUE, INK, ORANGE, PALE, SOFT, figure, house_style, label
from thalweg.lessons.text import table, words

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class LaplaceForNormal:
    """Numbers of the lesson.

    Attributes:
        sigma: σ of the normal density.
        b: (n,) scales of the Laplace density.
        forward: (n,) D(p‖q_b) in nats.
        backward: (n,) D(q_b‖p) in nats.
        best: the b of least D(p‖q_b), by fitting.
        least: that divergence, in nats.
        best_backward: the b of least D(q_b‖p).
        drawn: mean absolute deviation of draws from the normal density, an estimate of the best b.
        x: (m,) where the densities are evaluated.
        normal: (m,) density p.
        laplace: (m,) density q with the best b.
    """

    sigma: float
    b: Array
    forward: Array
    backward: Array
    best: float
    least: float
    best_backward: float
    drawn: float
    x: Array
    normal: Array
    laplace: Array


def compute(sigma: float = 1.0, draws: int = 10_000, seed: int = 0) -> LaplaceForNormal:
    """Measure the divergence over b, and fit b.

    Args:
        sigma: standard deviation σ of the normal density.
        draws: for the estimate of b from a sample.
        seed: of these.
    """
    import jax
    from numpyro.distributions import Laplace, Normal

    b = sigma * np.linspace(0.3, 2.0, 171)
    p, q = Normal(0.0, sigma), Laplace(0.0, b)
    fitted = tw.probability.fit("laplace", p, direction="forward").distribution
    backward = tw.probability.fit("laplace", p, direction="backward").distribution
    x = sigma * np.linspace(-4, 4, 401)
    return LaplaceForNormal(
        sigma=sigma,
        b=b,
        forward=np.asarray(tw.probability.divergence(p, q).value),
        backward=np.asarray(tw.probability.divergence(q, p).value),
        best=float(fitted.scale),
        least=float(tw.probability.divergence(p, fitted)),
        best_backward=float(backward.scale),
        drawn=float(np.abs(np.asarray(p.sample(jax.random.key(seed), (draws,)))).mean()),
        x=x,
        normal=np.exp(np.asarray(p.log_prob(x))),
        laplace=np.exp(np.asarray(fitted.log_prob(x))),
    )


def tell(numbers: LaplaceForNormal) -> str:
    """Return the numbers in words."""
    rows = [
        ("best b / σ, fitted", f"{numbers.best / numbers.sigma:.4f}"),
        ("best b / σ, √(2/π)", f"{math.sqrt(2 / math.pi):.4f}"),
        ("mean |x| / σ of draws", f"{numbers.drawn / numbers.sigma:.4f}"),
        ("D_min, computed", f"{numbers.least:.4f}"),
        ("D_min, ½ - ln(π/2)", f"{0.5 - math.log(math.pi / 2):.4f}"),
        ("best b / σ, other direction", f"{numbers.best_backward / numbers.sigma:.4f}"),
    ]
    return f"{table(('quantity', 'value'), rows)}\n\n" + words(
        """The best scale is the mean absolute deviation of the normal variable, 0.798 σ. What is left, 0.048 nat, is
        the price for each observation of taking normal noise for Laplace noise. Too narrow a density costs far more
        than too wide a one, since it finds much of what happens next to impossible. Measured the other way round, the
        least divergence is at another b, 0.707 σ."""
    )


@house_style()
def draw(numbers: LaplaceForNormal) -> Figure:
    """Draw the divergence over b with its minimum, and both densities."""
    picture = figure(3.0)
    curve, densities = picture.subplots(1, 2)
    b = numbers.b / numbers.sigma
    curve.plot(b, numbers.backward, color=SOFT, lw=1.2, ls=(0, (4, 2)))
    curve.plot(b, numbers.forward, color=BLUE)
    curve.plot(numbers.best / numbers.sigma, numbers.least, "o", color=BLUE, ms=7)
    curve.vlines(numbers.best / numbers.sigma, 0, numbers.least, color=BLUE, lw=0.9)
    curve.set(title="Divergence by scale", xlabel="b / σ", ylabel="nats", xlim=(0.3, 2), ylim=(0, 0.6))
    text = f"b = {numbers.best / numbers.sigma:.3f} σ, D = {numbers.least:.4f} nat"
    label(curve, 0.84, 0.022, text, BLUE)
    label(curve, 1.62, 0.2, "D(p‖q)", BLUE)
    label(curve, 1.14, 0.5, "D(q‖p)", SOFT, ha="right")
    x = numbers.x / numbers.sigma
    densities.fill_between(x, numbers.sigma * numbers.normal, color=PALE, lw=0)
    densities.plot(x, numbers.sigma * numbers.normal, color=INK)
    densities.plot(x, numbers.sigma * numbers.laplace, color=ORANGE)
    densities.set(title="The two densities at the minimum", xlabel="x / σ", ylabel="density × σ", xlim=(-4, 4))
    densities.set_ylim(0, 0.68)
    label(densities, 1.15, 0.26, "normal p", INK)
    label(densities, 0.25, 0.57, "Laplace q", ORANGE)
    return picture
