"""Targets that have nothing to do with their rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule

_HARDER = {"ema": 0.0, "input_noise": 0.0, "label_smoothing": 0.0, "shared_members": 1, "class_weight": "none"}
"""Settings that make a training loss larger than that of the answers, by what leaves it as it is."""


def _contradicted(e: Evidence, at: Mapping[str, float]) -> Found | None:
    """What a network has learned fits rows that it never saw better than those it learned from."""
    held_out, train, constant = e.held_out_loss, e.train_loss, e.series("constant_loss")
    if len(held_out) < 4 or not constant.size or not constant[0] > 0:
        return None
    harder = any((e.settings.get(name) or plain) != plain for name, plain in _HARDER.items())
    if harder or e.number("network", "dropout") > 0 or e.fact("network", "normalized", False):
        return None
    gained = constant[0] - held_out.min()
    if not (np.isfinite(held_out).all() and np.isfinite(train).all()) or not gained > 0.1 * constant[0]:
        return None
    # A line's training loss is a mean over its epoch: the next one's was taken at and after the weights that the
    # held-out loss was. Three epochs about the best one, so that no single one decides.
    about = slice(max(0, int(held_out[:-1].argmin()) - 1), int(held_out[:-1].argmin()) + 2)
    ahead, behind = float(np.mean(held_out[:-1][about])), float(np.mean(train[1:][about]))
    if not behind - ahead > at["gap"] * gained:
        return None
    return Found(
        "warning",
        0.85,
        f"Many training targets seem wrong: the network answers rows that it has never seen better (loss {ahead:.3g}) "
        f"than those it learns from ({behind:.3g}; a constant costs {constant[0]:.3g}). Only targets that contradict "
        "each other, or held-out rows of an easier kind, do that.",
        "Look at the rows that the network answers worst: are their targets right?",
        symptoms=("wrong_labels", "underfitting"),
    )


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    group = "seen" if e.facts.get("seen", {}).get("sigmas") is not None else "dependence"
    sigmas = e.number(group, "sigmas")
    constant, held_out = e.series("constant_loss"), e.held_out_loss
    generalizes = (
        constant.size and held_out.size and np.median(held_out[-max(1, len(held_out) // 4) :]) < 0.97 * constant[0]
    )
    if not sigmas < at["sigmas"] or e.number(group, "rows") < at["rows"] or generalizes:
        return _contradicted(e, at)
    aligned = e.number("dependence", "sigmas") > 2 * at["sigmas"]
    return Found(
        "error",
        0.95 if aligned else 0.85,
        "The targets do not depend on the inputs "
        + ("in the minibatches that training sees, though they do in the stored rows. " if aligned else "")
        + f": neither a row's neighbors nor a linear fit tell its target better than shuffled targets would "
        f"({sigmas:.1f} "
        "standard deviations).",
        "Check that rows and targets belong together: were they shuffled, sorted or joined apart?",
        symptoms=("not_learning", "wrong_labels"),
    )


RULE = Rule(
    cause="wrong_labels",
    moment="before",
    depth=1,
    thresholds={"sigmas": 4.0, "rows": 50, "gap": 0.2},
    source="Good, Permutation, Parametric and Bootstrap Tests of Hypotheses (2005); Zhang et al., Understanding "
    "deep learning requires rethinking generalization (2017); Northcutt, Jiang, Chuang, Confident Learning (2021); "
    "gap: above those of all healthy runs",
    check=_check,
)
