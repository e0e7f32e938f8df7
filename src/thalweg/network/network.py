"""The network: an immutable description whose parameters are a separate pytree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any

import jax
from jaxtyping import Array, Float
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.registry import lookup
from thalweg.core.types import Params, State, Tape
from thalweg.core.validate import number
from thalweg.network import sequence
from thalweg.network.activations import activation as lookup_activation
from thalweg.network.batch_ensemble import MemberDense, member_width
from thalweg.network.dense import Dense
from thalweg.network.dropout import Dropout, GaussianNoise
from thalweg.network.embeddings import input_views
from thalweg.network.initializers import INITIALIZERS
from thalweg.network.layer import Layer
from thalweg.network.layers import layer_from_dict
from thalweg.network.normalization import BatchNorm, LayerNorm
from thalweg.network.parallel import Parallel
from thalweg.network.residual import Residual
from thalweg.network.tabm_mini import SharedDense


@dataclass(frozen=True)
class Network:
    """A feedforward cascade of layers, x_0 ↦ x_L; its outputs are raw (logits, means), never probabilities.

    Args:
        inputs: width M_0 of the input.
        layers: layers in order; a string stands for the activation of that name.

    Raises:
        ArgumentError: a width below 1, an unknown activation, or a residual block that changes its width.

    Example:
        >>> import jax, numpy as np
        >>> network = Network(3, (Dense(8), "relu", Dense(2)))
        >>> params, state = network.init(jax.random.key(0)), network.init_state()
        >>> network.apply(params, state, np.zeros((5, 3), dtype=np.float32)).shape
        (5, 2)
    """

    inputs: int
    layers: sequence.Layers

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", number("inputs", self.inputs, at_least=1, integer=True))
        object.__setattr__(self, "layers", sequence.as_layers(self.layers))
        if not self.layers:
            raise ArgumentError("layers", "at least one layer", "none")
        sequence.widths(self.layers, self.inputs)

    @cached_property
    def outputs(self) -> int:
        """Width M_L of the output."""
        return sequence.widths(self.layers, self.inputs)[-1]

    def init(self, key: Array, x: Float[Array, "batch inputs"] | None = None) -> Params:
        """Return starting parameters, one entry a layer.

        Args:
            key: random key.
            x: a first minibatch, needed by the data-dependent initializer.

        Raises:
            ArgumentError: data-dependent initialization without ``x``.
        """
        needed = _needs_data(self.layers)
        if x is None and needed:
            raise ArgumentError("x", "a minibatch for the initializer 'data'", None)
        return _init(self, key, x if needed else None)

    def init_state(self, x: NDArray[Any] | None = None) -> State:
        """Return what the layers keep but do not train, one entry a layer.

        Args:
            x: (rows, inputs) training rows, for the knots of numerical embeddings.
        """
        state = sequence.init_state(self.layers, self.inputs)
        return state if x is None else sequence.fit_state(self.layers, state, x)

    @property
    def learns_from_rows(self) -> bool:
        """Whether a layer's state is made of training rows: see :meth:`init_state`."""
        return any(layer.learns_from_rows for layer in self.layers)

    def step_factors(self) -> tuple[float, ...]:
        """Return for each array of parameters, in the order of its tree, by how much its steps are longer."""
        return _step_factors(self)

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Float[Array, "batch outputs"], tuple[Tape, ...]]:
        """Return raw outputs and every layer's tape."""
        return sequence.forward(self.layers, params, state, x, key=key, training=training)

    def apply(self, params: Params, state: State, x: Float[Array, "batch inputs"]) -> Float[Array, "batch outputs"]:
        """Return raw outputs as in prediction: no dropout, running statistics."""
        return self.forward(params, state, x)[0]

    def next_state(self, state: State, tapes: tuple[Tape, ...]) -> State:
        """Return the running statistics after a training pass."""
        return sequence.next_state(self.layers, state, tapes)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"inputs": self.inputs, "layers": [layer.to_dict() for layer in self.layers]}

    @staticmethod
    def from_dict(description: dict[str, Any]) -> Network:
        """Return the network that :meth:`to_dict` described."""
        return Network(description["inputs"], tuple(layer_from_dict(entry) for entry in description["layers"]))


@lru_cache(maxsize=64)
def _step_factors(network: Network) -> tuple[float, ...]:
    # Tracing the initializers takes as long as some ten steps of a small network.
    params = jax.eval_shape(lambda: sequence.init(network.layers, jax.random.key(0), network.inputs))
    return tuple(jax.tree.leaves(sequence.step_factors(network.layers, params)))


@partial(jax.jit, static_argnums=0)
def _init(network: Network, key: Array, x: Array | None) -> Params:
    # One program for all draws: separate eager ones would each be compiled.
    params = sequence.init(network.layers, key, network.inputs)
    if x is None:
        return params
    return sequence.adapt(network.layers, params, network.init_state(), x)[0]


def _needs_data(layers: sequence.Layers) -> bool:
    return any(getattr(layer, "initializer", None) == "data" for layer in sequence.flat(layers))


NORMALIZATIONS: dict[str, type[Layer] | None] = {"none": None, "batch": BatchNorm, "layer": LayerNorm}
"""Normalization layers by the name used in settings."""


def default_initializer(activation: str) -> str:
    """Return the usual initializer for the activation: He's with its gain, LeCun's for SELU, Glorot's for the rest."""
    if activation == "selu":
        return "lecun_normal"
    if activation == "prelu" or lookup_activation(activation).gain != 1.0:
        return "he_normal"
    return "glorot_uniform"


def dense_network(
    inputs: int,
    hidden: tuple[int, ...] | int = (512,),
    outputs: int = 1,
    activation: str | Sequence[str] = "relu",
    *,
    dropout: float = 0.0,
    normalization: str = "none",
    initializer: str = "auto",
    residual: bool = False,
    input_noise: float = 0.0,
    numbers: int | None = None,
    levels: tuple[int, ...] = (),
    numeric_embedding: str = "none",
    embedding_options: Mapping[str, Any] | None = None,
    feature_scaling: bool = False,
    shared_members: int = 1,
) -> Network:
    """Return the usual dense network: hidden layers of dense, normalization, activation, dropout; a linear output.

    For tables, embeddings of numbers and of level codes come first; with several members, that share their weights, all
    dense layers are :class:`SharedDense`, :class:`MemberScale` makes the members differ, and each has its own output.
    Of the embedding ``"mixed"``, one half of the members then sees bins and the other half waves, each through a first
    layer of its own (:class:`Parallel`); a single network sees both.

    Args:
        inputs: width of the input.
        hidden: widths of the hidden layers, or the width of a single one; empty for a linear model.
        outputs: width of the raw output.
        activation: name of the activation after each hidden layer, or a name for each of them; ``"relu|tanh"`` gives
            equal parts of the units activations of their own, and so each half of the members of ``"mixed"``.
        dropout: share of hidden units set to zero while training.
        normalization: ``"none"``, ``"batch"`` or ``"layer"``, between dense layer and activation.
        initializer: name of an initializer, or ``"auto"`` to choose by the activation.
        residual: put a shortcut around each hidden layer whose width equals that of the layer before.
        input_noise: standard deviation of Gaussian noise on the inputs while training.
        numbers: how many leading inputs are numbers to embed; by default all but the codes.
        levels: for each of the trailing inputs that hold codes, how many there are.
        numeric_embedding: a name in ``NUMERIC_EMBEDDINGS``.
        embedding_options: its options, such as ``bins``.
        feature_scaling: learn a factor for each (embedded) input, with steps six times as long.
        shared_members: members M; ``outputs`` are those of all members together.

    Raises:
        ArgumentError: a setting out of range or an unknown name.

    Example:
        >>> len(dense_network(784, (512, 256), 10, ("relu", "tanh"), dropout=0.1).layers)
        7
    """
    hidden = (hidden,) if isinstance(hidden, int) else hidden
    for width in hidden:
        number("hidden", width, at_least=1, integer=True)
    number("outputs", outputs, at_least=1, integer=True)
    number("dropout", dropout, at_least=0, below=1)
    number("input_noise", input_noise, at_least=0)
    norm = lookup(NORMALIZATIONS, normalization, "normalization")
    if initializer != "auto":
        lookup(INITIALIZERS, initializer, "initializer")
    activations = (activation,) * len(hidden) if isinstance(activation, str) else tuple(activation)
    if len(activations) != len(hidden):
        raise ArgumentError(
            "activation", f"one name, or one for each of {len(hidden)} hidden layers", f"{len(activations)} names"
        )
    members = number("shared_members", shared_members, at_least=1, integer=True)
    if members > 1 and initializer != "auto":
        raise ArgumentError("initializer", "'auto' for members that share their weights", repr(initializer))
    # Codes of levels are no quantities: noise would make other levels of them.
    noisy = inputs - len(levels) if levels else None
    layers: list[Any] = [GaussianNoise(input_noise, noisy)] if input_noise else []
    numbers = inputs - len(levels) if numbers is None else numbers
    views = input_views(
        numbers, tuple(levels), numeric_embedding, embedding_options or {}, feature_scaling, members if hidden else 1
    )
    if len(views) == 1:
        layers += views[0][0]
    width_in = sequence.widths(tuple(layers), inputs)[-1] // members if len(views) == 1 else 0
    for i, (width, name) in enumerate(zip(hidden, activations, strict=True)):
        rule = default_initializer(name) if initializer == "auto" else initializer
        block: list[Any] = [Dense(width, rule, name)]
        if members > 1:
            block = [SharedDense(width, members)]
        if i == 0 and len(views) > 1:
            block = [Parallel(tuple((*seen, SharedDense(width, several)) for seen, several in views))]
        if norm is not None:
            block += [LayerNorm(members=members) if norm is LayerNorm else norm()]
        block += [name]
        block += [Dropout(dropout)] if dropout else []
        layers += [Residual(tuple(block))] if residual and width == width_in else block
        width_in = width
    if members > 1:
        if not hidden:
            raise ArgumentError("hidden", "a hidden layer for members that share their weights", "none")
        return Network(inputs, (*layers, MemberDense(member_width(outputs, members), members)))
    # A small linear output: the starting prediction is then close to the output bias.
    layers.append(Dense(outputs, "lecun_normal" if initializer == "auto" else initializer, "identity"))
    return Network(inputs, tuple(layers))
