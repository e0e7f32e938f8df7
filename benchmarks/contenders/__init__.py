"""One file a contender, all with the same face."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Any, Protocol

from numpy.typing import NDArray

from benchmarks.nets import Weights, Work


class Contender(Protocol):
    """A training run that can be had epoch by epoch."""

    version: str

    def warm_up(self, epochs: int) -> Weights:
        """Train some epochs from the common start, and return the weights they lead to."""

    def epoch(self) -> None:
        """Train one epoch more: shuffle, gather minibatches, step; return when all is computed."""


@dataclass(frozen=True)
class Entry:
    """How a contender is started.

    Attributes:
        label: its name in tables.
        module: the file in this folder, with a function ``make(work, x, y, weights, **options) -> Contender``.
        options: further arguments of ``make``.
        environment: variables of its process.
    """

    label: str
    module: str
    options: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


CONTENDERS = {
    "thalweg": Entry("thalweg", "engine"),
    "torch": Entry("PyTorch", "pytorch"),
    # On nets as small as the first, the two threads cost it more than they bring.
    "torch-1": Entry("PyTorch, one thread", "pytorch", {"threads": 1}, {"OMP_NUM_THREADS": "1"}),
    "torch-compile": Entry("PyTorch, torch.compile", "pytorch", {"compiled": True}),
    "keras-jax": Entry("Keras on JAX", "keras3", environment={"KERAS_BACKEND": "jax"}),
    "keras-torch": Entry("Keras on PyTorch", "keras3", environment={"KERAS_BACKEND": "torch"}),
    "sklearn": Entry("scikit-learn", "scikit"),
    "blas": Entry("BLAS limit", "blas"),
}
"""By name. ``blas`` trains nothing: it is the limit set by the matrix products alone."""

PEERS = tuple(name for name in CONTENDERS if name not in {"thalweg", "blas"})


def make(name: str, work: Work, x: NDArray[Any], y: NDArray[Any], start: Weights) -> Contender:
    """Return the contender, ready for its first epoch."""
    entry = CONTENDERS[name]
    module = importlib.import_module(f"{__name__}.{entry.module}")
    made: Contender = module.make(work, x, y, start, **entry.options)
    return made
