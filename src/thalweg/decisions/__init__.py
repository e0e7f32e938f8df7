"""From a predictive distribution to the action that costs least, and whether the distribution can be believed."""

from thalweg.decisions.budget import flag
from thalweg.decisions.compare import Comparison, compare
from thalweg.decisions.costs import COSTS, Absolute, Asymmetric, Cost, Pinball, Squared, ZeroOne, make_cost
from thalweg.decisions.decide import decide
from thalweg.decisions.matrix import CostMatrix, make_matrix
from thalweg.decisions.result import Decisions

__all__ = [
    "COSTS",
    "Absolute",
    "Asymmetric",
    "Comparison",
    "Cost",
    "CostMatrix",
    "Decisions",
    "Pinball",
    "Squared",
    "ZeroOne",
    "compare",
    "decide",
    "flag",
    "make_cost",
    "make_matrix",
]
