r"""From a posterior to a decision: the most probable class is not always the one to bet on.

Bayes' rule turns a prior and class densities into the posterior p(y|x) = p(x|y) p(y) / p(x). MAP decides for its
largest entry, which makes the fewest mistakes. Where mistakes cost differently, the decision with the least expected
cost is

    a*(x) = argmin_a R(a|x),   R(a|x) = Σ_y C[y, a] p(y|x).

If overlooking an ill person costs 5 and a false alarm 1, the alarm pays from p(ill|x) = 1/6 on instead of 1/2. Asking
for another test at a fixed price is one more action, best where both others are expected to cost more.

Source: Duda, Hart, Stork, *Pattern Classification* (2001), sections 2.2 and 2.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import thalweg as tw
from thalweg.diagnosis.style import BLUE, GREEN, INK, ORANGE, SOFT, figure, house_style, label
from thalweg.lessons.text import table, words

Array = NDArray[Any]

CLASSES = ("healthy", "ill")


@dataclass(frozen=True, eq=False)
class MinimumRisk:
    """Numbers of the lesson; rules are "MAP", "least risk" and "with a second test".

    Attributes:
        x: (n,) results that a blood test can have.
        joint: (n, 2) p(x|y) p(y), as densities.
        posterior: (n, 2) p(y|x).
        risk: (n, 3) expected costs of calling healthy, of calling ill, and of a second test.
        actions: rule ↦ (n,) number of the action that it takes.
        thresholds: rule ↦ the results from which on it takes another action.
        cost: rule ↦ expected cost a person.
        mistakes: rule ↦ share of people who are called what they are not.
    """

    x: Array
    joint: Array
    posterior: Array
    risk: Array
    actions: dict[str, Array]
    thresholds: dict[str, list[float]]
    cost: dict[str, float]
    mistakes: dict[str, float]


def compute(missed: float = 5.0, price: float = 0.4, ill: float = 0.1) -> MinimumRisk:
    """Compare three rules on all results of a test.

    Args:
        missed: cost of overlooking an ill person, where a false alarm costs 1.
        price: of a second test, which tells for certain.
        ill: share of ill people.
    """
    from numpyro.distributions import Normal

    step = 0.01
    x = np.arange(-5, 7 + step / 2, step)
    density = np.exp(np.asarray(Normal(np.array([[0.0], [2.0]]), 1.0).log_prob(x), float))
    prior = np.array([1 - ill, ill])
    # The test reports its result in steps of 0.01, so that each class has a table of probabilities.
    learned = tw.probability.bayes(prior, density / density.sum(axis=1, keepdims=True))
    posterior, evidence = learned.posterior.T, learned.evidence
    costs = tw.decisions.CostMatrix([[0, 1], [missed, 0]], CLASSES)
    decided = tw.decisions.decide(posterior, costs, classes=CLASSES)
    tested = tw.decisions.decide(posterior, costs, classes=CLASSES, reject=price)
    actions = {"MAP": decided.map_actions, "least risk": decided.actions, "with a second test": tested.actions}
    expected = {"MAP": decided.map_expected, "least risk": decided.expected, "with a second test": tested.expected}
    wrong = np.stack([posterior[:, 1], posterior[:, 0], np.zeros(len(x))], axis=-1)
    return MinimumRisk(
        x=x,
        joint=(density * prior[:, None]).T,
        posterior=posterior,
        risk=costs.with_reject(price).risk(posterior),
        actions=actions,
        thresholds={rule: x[1:][np.diff(taken) != 0].tolist() for rule, taken in actions.items()},
        cost={rule: float(evidence @ cost) for rule, cost in expected.items()},
        mistakes={
            rule: float(evidence @ np.take_along_axis(wrong, taken[:, None], axis=1)[:, 0])
            for rule, taken in actions.items()
        },
    )


def tell(numbers: MinimumRisk) -> str:
    """Return the numbers in words."""
    rows = [
        (
            rule,
            " and ".join(f"{value:.2f}" for value in numbers.thresholds[rule]),
            f"{100 * numbers.mistakes[rule]:.2f} %",
            f"{numbers.cost[rule]:.3f}",
        )
        for rule in numbers.actions
    ]
    return f"{table(('rule', 'acts from', 'wrong calls', 'cost a person'), rows)}\n\n" + words(
        f"""MAP calls a person ill from a result of {numbers.thresholds["MAP"][0]:.2f} on, where the posterior passes
        ½. It makes the fewest mistakes of the two rules that always decide, and is the dearer one: since overlooking
        an ill person costs more than a false alarm, it pays to raise the alarm earlier, from
        {numbers.thresholds["least risk"][0]:.2f} on, and to be wrong more often, but cheaply. A second test at a
        fixed price is taken where both calls are expected to cost more than it."""
    )


@house_style()
def draw(numbers: MinimumRisk) -> Figure:
    """Draw densities, posterior and expected costs over one axis, and what each rule does."""
    picture = figure(6.2)
    densities, posterior, risk, regions = picture.subplots(4, 1, sharex=True, height_ratios=(1, 1, 1, 0.75))
    for k, color in enumerate((BLUE, ORANGE)):
        densities.fill_between(numbers.x, numbers.joint[:, k], color=color, alpha=0.2, lw=0)
        densities.plot(numbers.x, numbers.joint[:, k], color=color)
        posterior.plot(numbers.x, numbers.posterior[:, k], color=color)
        risk.plot(numbers.x, numbers.risk[:, k], color=color)
    densities.set(title="Prior times density", ylabel="p(x|y) p(y)", ylim=(0, 0.4))
    label(densities, 0.55, 0.36, "healthy", BLUE)
    label(densities, 2.6, 0.09, "ill", ORANGE)
    posterior.set(title="Posterior", ylabel="p(y|x)", ylim=(0, 1.02), yticks=(0, 0.5, 1))
    label(posterior, -1.4, 0.85, "healthy", BLUE)
    label(posterior, -1.4, 0.15, "ill", ORANGE)
    risk.plot(numbers.x, numbers.risk[:, 2], color=GREEN)
    risk.set(title="Expected cost of each action", ylabel="R(a|x)", ylim=(0, 1.6))
    label(risk, 1.25, 1.35, "call healthy", BLUE, ha="right")
    label(risk, -1.4, 0.85, "call ill", ORANGE)
    label(risk, -1.4, 0.28, "second test", GREEN)
    _draw_regions(regions, numbers)
    for rule, color in (("MAP", SOFT), ("least risk", INK)):
        for axes in (densities, posterior, risk):
            axes.axvline(numbers.thresholds[rule][0], color=color, lw=0.9, ls=(0, (3, 2)), zorder=0)
    regions.set(xlabel="result x of the blood test", xlim=(-1.5, 4))
    return picture


def _draw_regions(axes: Axes, numbers: MinimumRisk) -> None:
    """Draw a bar for each rule, colored by what it does."""
    rules = list(numbers.actions)
    for row, rule in enumerate(rules):
        taken = numbers.actions[rule]
        edges = np.concatenate([[0], np.flatnonzero(np.diff(taken)) + 1, [len(taken) - 1]])
        for start, end in pairwise(edges):
            color = (BLUE, ORANGE, GREEN)[taken[start]]
            axes.barh(row, numbers.x[end] - numbers.x[start], 0.7, numbers.x[start], color=color)
        axes.text(-1.4, row, "call healthy", va="center", fontsize=8, color="white")
        axes.text(3.9, row, "call ill", va="center", ha="right", fontsize=8, color="white")
        axes.text(4.05, row, f"{numbers.cost[rule]:.3f}", va="center", fontsize=8.5)
    axes.text(1.6, 2, "second test", va="center", ha="center", fontsize=8, color="white")
    axes.text(4.05, -1, "cost", va="center", fontsize=8.5, color=SOFT)
    axes.set(title="What each rule does", yticks=range(len(rules)), ylim=(len(rules) - 0.5, -0.6))
    axes.set_yticklabels(rules)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
