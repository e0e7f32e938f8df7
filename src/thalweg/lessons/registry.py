"""The lessons by name: command line, docs and tests read this dictionary, and none of them loads a lesson for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Lesson:
    """What is known of a lesson before it runs.

    Args:
        name: key in ``LESSONS``; the module has the same name with underscores.
        title: what it shows, one line.
        quick: settings of its ``compute`` for a picture within seconds, as the docs draw it.

    Example:
        >>> LESSONS["activations"].title
        'Every activation beside its derivative'
    """

    name: str
    title: str
    quick: Mapping[str, Any] = field(default_factory=dict)

    def load(self) -> ModuleType:
        """Import the module with ``compute``, ``draw`` and ``tell``."""
        return import_module(f"thalweg.lessons.{self.name.replace('-', '_')}")


LESSONS: dict[str, Lesson] = {
    entry.name: entry
    for entry in (
        Lesson("norms", "Five norms by their vectors of length one, and why l1 makes sparse"),
        Lesson("one-hot", "Classes as vectors, and the categorical distribution in them"),
        Lesson("kernel-density", "A bump on every point: bandwidth, kernel, and no bump at all"),
        Lesson("divergence", "One bell for two hills: forward covers, backward seeks"),
        Lesson("laplace-for-normal", "The Laplace density that comes closest to a normal one"),
        Lesson("minimum-risk", "From a posterior to the decision that costs least"),
        Lesson("neuron", "A neuron, a layer, a cascade, and how many parameters they have"),
        Lesson("activations", "Every activation beside its derivative"),
        Lesson(
            "universal-approximation",
            "One hidden layer follows a function, the closer the more neurons it has",
            quick={"epochs": 400, "starts": 1},
        ),
        Lesson(
            "noise-models",
            "The likelihood chooses the loss: the same points under four noise models",
            quick={"epochs": 300},
        ),
        Lesson(
            "segmentation",
            "Finding what is rare: four losses on an image of nine tenths background",
            quick={"epochs": 12},
        ),
        Lesson(
            "digits",
            "Handwritten digits, 469 minibatches an epoch",
            quick={"hidden": 128, "epochs": 5},
        ),
        Lesson("step-size", "Too small, right, at the edge 2/λ, too large"),
        Lesson("gradient-noise", "Minibatch gradients scatter: batch size, step size, averages, local minima"),
        Lesson("condition-number", "A narrow valley: plain descent goes by κ, momentum by √κ"),
        Lesson("nesterov", "Nesterov against momentum: looking ahead damps steep directions"),
        Lesson("saddle-and-plateau", "Where the slope is small and nothing has been reached"),
        Lesson("depth", "What is left of the error vector: sigmoid against ReLU at depth 2 to 20"),
        Lesson("schedules", "A step size that falls goes far first, and comes to rest later"),
        Lesson("adaptive", "Every parameter its own step size: what scaling cures and what it does not"),
    )
}
"""The lessons, in the order of a course."""
