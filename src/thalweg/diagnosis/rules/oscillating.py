"""A loss that jumps from wall to wall, though steps are small beside the weights."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule, rounded


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    rough, position = e.roughness, e.late("position")
    used, limit = e.late("sharpness_times_step"), e.late("stability_limit")
    jumps = rough > at["rough"] and not e.falling > rough
    if not jumps or not e.suffers or e.broken:
        return None
    signs = [
        f"a step ends {position:+.2f} along its valley (0 floor, 1 opposite wall)" if position > at["position"] else "",
        f"γλ is {used:.2g}, where {limit:.2g} is stable" if used > limit else "",
    ]
    known = [sign for sign in signs if sign]
    rate = e.settings.get("learning_rate")
    return Found(
        "warning",
        0.5 + 0.2 * bool(known),
        f"The training loss jumps by {rough:.0%} of all its fall from one epoch to the next and does not settle"
        + (f": {', and '.join(known)}." if known else "."),
        "Make the step size 10 times smaller, or let it fall to zero.",
        {"schedule": "cosine"} | ({} if rate is None else {"learning_rate": rounded(rate / 10)}),
        symptoms=("oscillating_loss",),
        epoch=e.epochs,
    )


RULE = Rule(
    cause="oscillating",
    moment="during",
    depth=2,
    thresholds={"rough": 0.1, "position": 0.2},
    source="Cohen et al., Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability (2021); "
    "Schneider, Dangel, Hennig, Cockpit (2021); threshold: three times that of all healthy runs",
    check=_check,
)
