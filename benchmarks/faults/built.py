"""Healthy programs of varied sound settings, and faults built into them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from benchmarks.faults.losses import loss_of
from benchmarks.faults.program import Program
from benchmarks.faults.sets import Data
from thalweg.likelihoods import make_likelihood
from thalweg.network import Activation, Dense, Network, dense_network

STEPS = 1500
"""Updates of a healthy program, as far as 15 to 60 epochs make so many."""

ARCHITECTURES = (
    {"hidden": (64, 64), "activation": "relu"},
    {"hidden": (48,), "activation": "tanh"},
    {"hidden": (32, 32, 32, 32), "activation": "gelu"},
)


@dataclasses.dataclass(frozen=True)
class Choice:
    """Settings of a sound program."""

    hidden: tuple[int, ...]
    activation: str
    optimizer: str = "adam"
    learning_rate: float = 2e-3
    batch_size: int = 32
    dropout: float = 0.0
    normalization: str = "none"
    weight_decay: float = 0.0
    schedule: str = "constant"
    scaling: str = "standard"
    seed: int = 0

    def program(self, data: Data) -> Program:
        """Return the program on a data set."""
        train, held_out = data.split(self.seed)
        x = data.x
        if self.scaling == "range":
            low, high = data.raw.min(axis=0), data.raw.max(axis=0)
            x = (data.raw - low) / (high - low)
        outputs = 1 if data.classes in (0, 2) else data.classes
        likelihood = make_likelihood("gaussian" if not data.classes else "bernoulli" if outputs == 1 else "categorical")
        network = dense_network(
            x.shape[1], self.hidden, outputs, self.activation, dropout=self.dropout, normalization=self.normalization
        )
        y = data.y.astype(np.int32 if data.classes else np.float32)
        size = min(self.batch_size, len(train) // 4)
        steps = -(-len(train) // size)
        optimizer: dict[str, Any] = {"name": self.optimizer, "learning_rate": self.learning_rate}
        optimizer |= {"schedule": self.schedule, "weight_decay": self.weight_decay}
        return Program(
            name=data.name,
            network=network,
            likelihood=likelihood,
            x=x[train],
            y=y[train],
            held_out=(x[held_out], y[held_out]),
            optimizer=optimizer,
            epochs=min(60, max(15, -(-STEPS // steps))),
            batch_size=size,
            seed=self.seed,
        )


def healthy_choice(number: int) -> Choice:
    """Return varied sound settings, drawn by number; four numbers in turn share what is compiled."""
    shape, draw = np.random.default_rng((2026, number // 4)), np.random.default_rng((2027, number))
    deep = int(shape.integers(1, 5))
    width = int(shape.choice([16, 32, 64, 128]))
    activation = str(shape.choice(["relu", "tanh", "gelu", "selu", "silu", "elu", "leaky_relu"]))
    name = str(shape.choice(["adam", "adamw", "momentum", "nesterov", "rmsprop"]))
    rate = {"adam": 1.5e-3, "adamw": 1.5e-3, "momentum": 0.02, "nesterov": 0.02, "rmsprop": 1e-3}[name]
    return Choice(
        hidden=(width,) * deep,
        activation=activation,
        optimizer=name,
        learning_rate=float(rate * np.exp(draw.uniform(-0.7, 0.7))),
        batch_size=int(shape.choice([16, 32, 64, 128])),
        dropout=float(shape.choice([0.0, 0.0, 0.1, 0.2])) if width >= 64 else 0.0,
        normalization=str(shape.choice(["none", "none", "batch", "layer"])),
        weight_decay=float(draw.choice([1e-4, 1e-3, 1e-2])) if name == "adamw" else 0.0,
        schedule=str(shape.choice(["constant", "cosine"])),
        scaling=str(draw.choice(["standard", "standard", "range"])),
        seed=number,
    )


Operator = Callable[[Program, Data, np.random.Generator], Program | None]


def _changed(program: Program, *causes: str, **changes: Any) -> Program:
    return dataclasses.replace(program, causes=causes, **changes)


def _rate(factor: float, cause: str) -> Operator:
    def operator(p: Program, data: Data, draw: np.random.Generator) -> Program:
        rate = p.optimizer["learning_rate"] * factor
        return _changed(p, cause, optimizer={**p.optimizer, "learning_rate": rate})

    return operator


def _start(cause: str, weights: Callable[[np.ndarray, np.random.Generator], np.ndarray], bias: float = 0.0) -> Operator:
    def operator(p: Program, data: Data, draw: np.random.Generator) -> Program:
        params = list(p.network.init(jax.random.key(p.seed), p.x[:256].astype(np.float32)))
        places = [i for i, layer in enumerate(p.network.layers) if isinstance(layer, Dense)]
        for place in places[:-1]:
            old = params[place]
            weight = weights(np.asarray(old["weight"]), draw).astype(np.float32)
            params[place] = {"weight": weight, "bias": np.full_like(np.asarray(old["bias"]), bias)}
        return _changed(p, cause, params=tuple(params))

    return operator


def _hidden(cause: str, hidden: tuple[int, ...] | None, activation: str | None) -> Operator:
    def operator(p: Program, data: Data, draw: np.random.Generator) -> Program:
        widths = hidden or tuple(layer.units for layer in p.network.layers[:-1] if isinstance(layer, Dense))
        kind = activation or next(layer.name for layer in p.network.layers if isinstance(layer, Activation))
        return _changed(p, cause, network=dense_network(p.network.inputs, widths, p.network.outputs, kind))

    return operator


def _output(cause: str, kinds: tuple[str, ...], when: Callable[[Data], bool]) -> Operator:
    def operator(p: Program, data: Data, draw: np.random.Generator) -> Program | None:
        if not when(data):
            return None
        return _changed(p, cause, network=Network(p.network.inputs, (*p.network.layers, *map(Activation, kinds))))

    return operator


def _inputs(cause: str, change: Callable[[Program, Data, np.ndarray], np.ndarray]) -> Operator:
    def operator(p: Program, data: Data, draw: np.random.Generator) -> Program:
        train, held_out = data.split(p.seed)
        x = change(p, data, np.arange(len(data.x)))
        return _changed(p, cause, x=x[train], held_out=(x[held_out], p.held_out[1]))

    return operator


def _twice(p: Program, data: Data, rows: np.ndarray) -> np.ndarray:
    span = data.raw.max(axis=0) - data.raw.min(axis=0)
    return (data.raw - data.raw.min(axis=0)) / np.square(np.maximum(span, 20.0))


def _one_large(p: Program, data: Data, rows: np.ndarray) -> np.ndarray:
    return data.x * np.r_[1e5, np.ones(data.x.shape[1] - 1)]


def _targets(cause: str, change: Callable[[np.ndarray, Data, np.random.Generator], np.ndarray | None]) -> Operator:
    def operator(p: Program, data: Data, draw: np.random.Generator) -> Program | None:
        y = change(p.y.copy(), data, draw)
        return None if y is None else _changed(p, cause, y=y)

    return operator


def _some_wrong(y: np.ndarray, data: Data, draw: np.random.Generator) -> np.ndarray:
    wrong = draw.random(len(y)) < 0.2
    y[wrong] = y[wrong][draw.permutation(int(wrong.sum()))]
    return y


def _unscaled_targets(p: Program, data: Data, draw: np.random.Generator) -> Program | None:
    if data.classes:
        return None
    shift, scale = 300.0, 100.0
    return _changed(
        p,
        "unscaled_targets",
        y=(p.y * scale + shift).astype(np.float32),
        held_out=(p.held_out[0], (p.held_out[1] * scale + shift).astype(np.float32)),
        likelihood=loss_of("mse", classes=False),
    )


def _as_numbers(p: Program, data: Data, draw: np.random.Generator) -> Program | None:
    """Squared error of a softmax's (sigmoid's) output against coded classes."""
    if not data.classes:
        return None
    outputs = p.network.outputs
    kind = "sigmoid" if outputs == 1 else "softmax"

    def coded(y: np.ndarray) -> np.ndarray:
        return (y[:, None] if outputs == 1 else np.eye(outputs)[y]).astype(np.float32)

    return _changed(
        p,
        "wrong_loss_for_task",
        likelihood=loss_of("mse", classes=False),
        network=Network(p.network.inputs, (*p.network.layers, Activation(kind))),
        y=coded(p.y),
        held_out=(p.held_out[0], coded(p.held_out[1])),
    )


def _loss(cause: str, rule: str, *, summed: bool = False) -> Operator:
    def operator(p: Program, data: Data, draw: np.random.Generator) -> Program | None:
        if data.classes:
            return None
        return _changed(p, cause, likelihood=loss_of(rule, classes=False, summed=summed))

    return operator


def _summed_classes(p: Program, data: Data, draw: np.random.Generator) -> Program | None:
    if not data.classes:
        return None
    kind = "sigmoid" if p.network.outputs == 1 else "softmax"
    rule = "binary_crossentropy" if p.network.outputs == 1 else "categorical_crossentropy"
    return _changed(
        p,
        "loss_sum_reduction",
        likelihood=loss_of(rule, classes=True, summed=True),
        network=Network(p.network.inputs, (*p.network.layers, Activation(kind))),
        optimizer={"name": "momentum", "learning_rate": 0.02, "schedule": "constant"},
    )


def _one_unit(p: Program, data: Data, draw: np.random.Generator) -> Program | None:
    if data.classes != 2:
        return None
    network = Network(p.network.inputs, (*p.network.layers, Activation("softmax")))
    return _changed(p, "single_unit_softmax", network=network, likelihood=loss_of("binary_crossentropy", classes=True))


def _no_output_link(p: Program, data: Data, draw: np.random.Generator) -> Program | None:
    if not data.classes:
        return None
    rule = "binary_crossentropy" if p.network.outputs == 1 else "categorical_crossentropy"
    network = Network(p.network.inputs, (*p.network.layers, Activation("relu")))
    return _changed(p, "loss_activation_mismatch", network=network, likelihood=loss_of(rule, classes=True))


def _penalty(**settings: float) -> Operator:
    def operator(p: Program, data: Data, draw: np.random.Generator) -> Program:
        return _changed(p, "over_regularized", optimizer={**p.optimizer, **settings})

    return operator


def _few(p: Program, data: Data, draw: np.random.Generator) -> Program:
    return _changed(p, "too_few_epochs", epochs=2)


def _single_rows(p: Program, data: Data, draw: np.random.Generator) -> Program:
    rate = 5 * p.optimizer["learning_rate"]
    return _changed(p, "batch_size_too_small", batch_size=1, epochs=3, optimizer={**p.optimizer, "learning_rate": rate})


def _all_rows(p: Program, data: Data, draw: np.random.Generator) -> Program:
    return _changed(p, "batch_size_too_large", batch_size=len(p.x), epochs=20)


def _leak(p: Program, data: Data, draw: np.random.Generator) -> Program:
    def with_twin(x: np.ndarray, twin: np.ndarray) -> np.ndarray:
        return np.column_stack([x, twin])

    train = np.asarray(p.y, float).reshape(len(p.y), -1)[:, 0]
    broken = draw.permutation(np.asarray(p.held_out[1], float).reshape(len(p.held_out[1]), -1)[:, 0])
    shift, scale = train.mean(), max(train.std(), 1e-9)
    widths = tuple(layer.units for layer in p.network.layers[:-1] if isinstance(layer, Dense))
    kind = next(layer.name for layer in p.network.layers if isinstance(layer, Activation))
    return _changed(
        p,
        "leakage",
        x=with_twin(p.x, (train - shift) / scale),
        held_out=(with_twin(p.held_out[0], (broken - shift) / scale), p.held_out[1]),
        network=dense_network(p.network.inputs + 1, widths, p.network.outputs, kind),
    )


def _unbounded(data: Data) -> bool:
    return data.classes == 0


OPERATORS: dict[str, Operator] = {
    "step size × 100": _rate(100.0, "learning_rate_too_high"),
    "step size × 1000": _rate(1000.0, "learning_rate_too_high"),
    "step size ÷ 1000": _rate(1e-3, "learning_rate_too_low"),
    "step size ÷ 10000": _rate(1e-4, "learning_rate_too_low"),
    "eight layers of sigmoid": _hidden("saturating_hidden_activation", (32,) * 8, "sigmoid"),
    "twelve layers of sigmoid": _hidden("saturating_hidden_activation", (24,) * 12, "sigmoid"),
    "constant start": _start("bad_initialization", lambda w, d: np.full_like(w, 0.01)),
    "start at zero": _start("bad_initialization", lambda w, d: np.zeros_like(w)),
    "start × 30": _start("bad_initialization", lambda w, d: 30 * w),
    "start ÷ 1000": _start("bad_initialization", lambda w, d: w / 1000),
    "dead units": _start("bad_initialization", lambda w, d: w, bias=-10.0),
    "inputs × 1000": _inputs("unscaled_data", lambda p, data, rows: 1000 * (data.x + 3)),
    "one column × 10⁵": _inputs("unscaled_data", _one_large),
    "inputs scaled twice": _inputs("double_normalization", _twice),
    "inputs ÷ 1000": _inputs("double_normalization", lambda p, data, rows: data.x / 1000),
    "targets × 100 + 300": _unscaled_targets,
    "labels shuffled": _targets("wrong_labels", lambda y, data, d: y[d.permutation(len(y))]),
    "20 % wrong labels": _targets("wrong_labels", _some_wrong),
    "inputs slip from their targets": lambda p, data, d: _changed(p, "wrong_labels", slips=True),
    "sigmoid before numbers": _output("output_target_mismatch", ("sigmoid",), _unbounded),
    "relu before numbers": _output("output_target_mismatch", ("relu",), _unbounded),
    "tanh before logits": _output("loss_activation_mismatch", ("tanh",), lambda data: data.classes > 2),
    "relu before a cross entropy": _no_output_link,
    "softmax twice": _output("double_softmax", ("softmax",), lambda data: data.classes > 2),
    "softmax of one unit": _one_unit,
    "squared error of classes": _as_numbers,
    "cross entropy of numbers": _loss("wrong_loss_for_task", "sum_minus_t_log_clipped_output"),
    "loss of all pairs": _loss("loss_shape_broadcast", "mse_broadcast"),
    "summed loss of numbers": _loss("loss_sum_reduction", "mse", summed=True),
    "summed loss of classes": _summed_classes,
    "no nonlinearity": _hidden("no_hidden_activation", None, "identity"),
    "penalty l2 = 1": _penalty(l2=1.0),
    "penalty l1 = 0.1": _penalty(l1=0.1),
    "one unit": _hidden("capacity_too_small", (1,), None),
    "two units, twice": _hidden("capacity_too_small", (2, 2), None),
    "two epochs": _few,
    "batches of one row": _single_rows,
    "one batch": _all_rows,
    "flipped sign": lambda p, data, d: _changed(p, "flipped_gradient_sign", climbs=True),
    "leakage": _leak,
    "forty layers": _hidden("too_deep", (24,) * 40, "relu"),
}
"""Mutation operators by name; one gives None where it does not apply."""
