"""Where training came to rest, for the rules about saddles, plateaus and minima."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from thalweg.diagnosis.evidence import Evidence

THRESHOLDS = {"agreement": 0.15, "negative": 0.1, "first": 0.01}
"""Share of the examples' pull that is left in the mean gradient, |λ_min| as a share of λ_max, and the first layer's
gradients as a share of the last one's."""

SOURCE = (
    "Dauphin et al., Identifying and attacking the saddle point problem in high-dimensional non-convex optimization "
    "(2014); Sagun et al., Empirical Analysis of the Hessian of Over-Parametrized Neural Networks (2018); thresholds: "
    "beyond those of all healthy runs"
)


def resting_place(e: Evidence, at: Mapping[str, float]) -> Literal["saddle", "plateau", "minimum"] | None:
    """Return what the point is at which a bad run came to rest; None where it is not at rest, or nothing is known.

    The three differ in curvature and in slope: of all, the pulls of the single examples cancel in the mean gradient;
    at a saddle the loss bends down along some direction; on a plateau the first layers have hardly any gradient.
    """
    if not (e.suffers and e.stalled) or e.broken or not agreement(e) < at["agreement"]:
        return None
    # A plateau is flat in most directions, and noise decides which way it seems to bend.
    if first_share(e) < at["first"]:
        return "plateau"
    negative = e.late("negative_curvature")
    if negative > at["negative"]:
        return "saddle"
    return "minimum" if negative <= at["negative"] else None


def agreement(e: Evidence) -> float:
    """Return ‖ḡ‖ / √(mean ‖g(n)‖²) of the point, or from the noise scale S/G² of late minibatches: 1/√(1 + S/G²)."""
    known = e.number("point", "agreement")
    scale = e.late("noise_scale")
    return float(known if math.isfinite(known) or not scale >= 0 else (1 + scale) ** -0.5)


def first_share(e: Evidence) -> float:
    """Return the first layer's gradients as a share of the last one's, or its error vectors of late minibatches."""
    known = e.number("point", "first_share")
    if math.isfinite(known) or not e.hidden:
        return known
    errors = e.by_layer("error_rms", slice(-1, None))
    first, last = errors.get(e.hidden[0], math.nan), errors.get(e.layers[-1], 0.0)
    return first / last if last else math.nan


def told(e: Evidence) -> str:
    """Say slope and curvature in numbers."""
    return (
        f"the mean gradient is {agreement(e):.1%} of single examples' gradients, and the smallest eigenvalue of the "
        f"Hessian {e.late('smallest_eigenvalue'):.2g}, the largest {e.late('sharpness'):.2g}"
    )
