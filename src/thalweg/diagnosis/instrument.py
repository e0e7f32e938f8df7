"""What an instrument is: arrays measured in the program, a summary made of them once an epoch on the host."""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from thalweg.core.types import Params
from thalweg.diagnosis.step import Step
from thalweg.likelihoods import Likelihood
from thalweg.network import BatchNorm, Network, Site, sequence
from thalweg.training import RunInfo

Cost = Literal["cheap", "examples", "curvature"]
"""What measuring takes: ``cheap`` reads small samples of what the pass has anyway, ``examples`` a fraction of a step,
``curvature`` several steps."""

Values = dict[str, dict[str, Any]]
"""A layer's name, or ``"network"`` ↦ quantity ↦ value."""

NETWORK = "network"


@dataclass(frozen=True)
class MeasuredRun:
    """What instruments may know of the run they measure."""

    info: RunInfo
    sites: tuple[Site, ...]


@dataclass(frozen=True)
class Instrument(ABC):
    """Base of instruments: immutable, so that equal ones share one compiled program.

    A subclass has a ``name``, a ``cost`` and the names of its ``quantities``, and adds itself to
    ``thalweg.diagnosis.registry.INSTRUMENTS``.
    """

    name: ClassVar[str]
    cost: ClassVar[Cost]
    quantities: ClassVar[tuple[str, ...]]

    def unsupported(self, run: MeasuredRun) -> str:
        """Return why this run cannot be measured, or an empty text."""
        return ""

    def prepare(self, run: MeasuredRun) -> Values:
        """Return numbers that hold for the whole run, once before its first step."""
        return {}

    def read(self, params: Params, number: Array, sites: tuple[Site, ...]) -> Any:
        """Return arrays of θ to compare before and after update ``number``.

        :meth:`measure` finds them in ``step.view.before``, and their changes in ``step.view.moved``.
        """
        return ()

    def measure(self, step: Step) -> Values:
        """Return arrays for one step; traced into the training program."""
        return {}

    def summarize(self, values: Values, run: MeasuredRun, params: Params) -> Values:
        """Return numbers for an epoch.

        Args:
            values: what :meth:`measure` returned, stacked over the measured steps.
            run: the run.
            params: θ at the end of the epoch.
        """
        return {part: {name: mean(array) for name, array in found.items()} for part, found in values.items()}


def mean(values: Any) -> float:
    """Return the mean of the finite entries, NaN if there are none.

    Example:
        >>> mean(np.array([1.0, np.inf, 3.0]))
        2.0
    """
    array = finite(values)
    return float(array.mean()) if array.size else float("nan")


def finite(values: Any) -> NDArray[np.float64]:
    """Return the finite entries as a vector in float64."""
    array = np.asarray(values, np.float64).ravel()
    return array[np.isfinite(array)]


def ratio(above: float, below: float) -> float:
    """Return a quotient, NaN where it has no meaning.

    Example:
        >>> ratio(1.0, 0.0)
        nan
    """
    return above / below if below > 0 else float("nan")


def root(value: float) -> float:
    """Return the square root, NaN of a negative number."""
    return float(np.sqrt(value)) if value >= 0 else float("nan")


def root_means(values: Values) -> Values:
    """Return the root of the mean over steps of every quantity: rms from mean squares."""
    return {part: {name: root(mean(array)) for name, array in found.items()} for part, found in values.items()}


def without_layers(run: MeasuredRun) -> str:
    """Return why a network has no layers to measure, or an empty text."""
    return "" if run.sites else "the network has no dense layer with weights of its own"


def scales_members(run: MeasuredRun) -> str:
    """Return why gradients of a layer are no sums of its error vectors times its inputs, or an empty text."""
    scaled = [site.name for site in run.sites if not site.product.plain]
    return f"members scale the weights that they share in layer {', '.join(scaled)}" if scaled else ""


def couples_examples(network: Network) -> str:
    """Return why the examples of a minibatch have no gradients of their own in this network, or an empty text."""
    if any(isinstance(layer, BatchNorm) for layer in sequence.flat(network.layers)):
        return "batch normalization mixes the examples of a minibatch: none has a gradient of its own"
    return ""


def mixes_examples(likelihood: Likelihood) -> str:
    """Return why the loss is no sum over examples, or an empty text."""
    if not likelihood.sums_examples:
        return f"the loss {likelihood.name!r} is no sum over examples"
    return ""
