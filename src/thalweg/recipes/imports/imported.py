"""A dense network that was made elsewhere, with its weights, as thalweg sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from thalweg.core.types import Params, State
from thalweg.deploy import Model
from thalweg.likelihoods import Likelihood
from thalweg.network import Network
from thalweg.network.activations import activation
from thalweg.recipes.fit import fit


@dataclass(frozen=True, eq=False)
class Imported:
    """A network from elsewhere: to ask, to train on with its own loss and optimizer, to have diagnosed.

    Attributes:
        network: the network with raw outputs: an output activation that belongs to the loss is taken off.
        params: its weights.
        state: its running statistics.
        likelihood: whose error vectors are those of its loss.
        link: the activation that was taken off, such as ``"softmax"``; ``"identity"`` for none.
        optimizer: settings of `make_optimizer` that make the same steps.
        training: further settings of `fit` that were found: ``epochs``, ``batch_size``, ``patience``.
        classes: labels of the outputs, where they are known.
        notes: what differs, in words.
    """

    network: Network
    params: Params
    state: State
    likelihood: Likelihood
    link: str = "identity"
    optimizer: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    classes: NDArray[Any] | None = None
    notes: tuple[str, ...] = ()

    def outputs(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return what the network gives where it was made, its output activation included, for rows (N, inputs)."""
        flat = np.asarray(x, np.float32).reshape(len(x), -1)
        raw = jax.jit(self.network.apply)(self.params, self.state, flat)
        if self.link == "log_softmax":
            return np.asarray(jax.nn.log_softmax(raw))
        return np.asarray(activation(self.link).value(raw))

    def model(self) -> Model:
        """Return the network as it is as a model: it predicts, decides and is saved like any other."""
        return Model(self.network, self.likelihood, self.params, self.state)

    def fit(self, x: Any, y: Any, **settings: Any) -> Model:
        """Train on from these weights, with the loss and the optimizer that were found.

        Args:
            x: features, as `thalweg.fit` takes them.
            y: targets.
            settings: of `thalweg.fit`, in place of those found: ``epochs``, ``learning_rate``, ``hooks`` …

        Raises:
            ArgumentError: settings, shapes or targets that cannot be used.
            DivergedError: a quantity was not finite.
        """
        own = {**self.optimizer, **self.training, "likelihood": self.likelihood}
        return fit(self.network, x, y, start=(self.params, self.state), **(own | settings))
