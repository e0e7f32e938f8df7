"""Keras models that are one stack, with what they were compiled with. Keras itself is not imported."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from thalweg.core.errors import ArgumentError
from thalweg.recipes.imports.imported import Imported
from thalweg.recipes.imports.losses import likelihood_of
from thalweg.recipes.imports.stack import Stack, refuse

_SAME = ("relu", "elu", "selu", "gelu", "silu", "mish", "tanh", "sigmoid", "softplus", "softsign", "softmax")
ACTIVATIONS = {name: name for name in _SAME} | {"linear": "identity", "swish": "silu"}


def from_keras(model: Any) -> Imported:
    """Read a Keras model of dense layers with its weights, and the loss and optimizer it was compiled with.

    Args:
        model: a ``keras.Sequential``, or a functional model that is one chain, of dense layers, activations, dropout,
            noise and normalizations.

    Returns:
        The network: it gives the same outputs, and training goes on from its weights.

    Raises:
        ArgumentError: layers, a loss or an optimizer that have no equal here, by their names.
    """
    stack = Stack()
    layers = list(_chain(model))
    unknown = [(i, name) for i, layer in enumerate(layers, 1) if (name := _unread(layer, first=i == 1)) is not None]
    refuse("model", unknown, list(_READERS))
    for layer in layers:
        _READERS[_name(layer)](stack, layer)
    likelihood, link = _likelihood(stack, model)
    steps = _optimizer(stack, getattr(model, "optimizer", None))
    return Imported(
        stack.network(), tuple(stack.params), tuple(stack.state), likelihood, link, steps, notes=tuple(stack.notes)
    )


def _chain(model: Any) -> Iterator[Any]:
    """The layers of a model in their order, those of models within it in their places.

    Raises:
        ArgumentError: layers that branch.
    """
    name = _name(model)
    if name not in {"Sequential", "Functional"}:
        raise ArgumentError("model", "a Sequential or functional Keras model", name)
    layers = [layer for layer in model.layers if _name(layer) != "InputLayer"]
    if name == "Functional" and any(after.input is not before.output for before, after in pairwise(layers)):
        raise ArgumentError("model", "one chain of layers", "layers that branch")
    for layer in layers:
        if _name(layer) in {"Sequential", "Functional"}:
            yield from _chain(layer)
        else:
            yield layer


def _name(thing: Any) -> str:
    """The name of Keras's own class, or of a class made from it, which may do something else, with its module."""
    kind = type(thing)
    return kind.__name__ if kind.__module__.startswith("keras.") else f"{kind.__module__}.{kind.__name__}"


def _weights(layer: Any) -> dict[str, Any]:
    """The arrays of a layer by name."""
    return dict(zip((weight.name for weight in layer.weights), layer.get_weights(), strict=True))


def _dense(stack: Stack, layer: Any) -> None:
    held = _weights(layer)
    stack.dense(held["kernel"].T, held.get("bias"))
    stack.activation(ACTIVATIONS[layer.get_config()["activation"]])


def _relu(stack: Stack, layer: Any) -> None:
    slope = layer.get_config()["negative_slope"]
    if slope:
        stack.leaky(float(slope))
    else:
        stack.activation("relu")


def _batch_norm(stack: Stack, layer: Any) -> None:
    held, config = _weights(layer), layer.get_config()
    stack.batch_norm(
        held["moving_mean"],
        held["moving_variance"],
        held.get("gamma"),
        held.get("beta"),
        momentum=config["momentum"],
        epsilon=config["epsilon"],
    )


def _layer_norm(stack: Stack, layer: Any) -> None:
    held = _weights(layer)
    stack.layer_norm(held.get("gamma"), held.get("beta"), epsilon=layer.get_config()["epsilon"])


_READERS: dict[str, Callable[[Stack, Any], None]] = {
    "Dense": _dense,
    "Activation": lambda stack, layer: stack.activation(ACTIVATIONS[layer.get_config()["activation"]]),
    "ReLU": _relu,
    "LeakyReLU": lambda stack, layer: stack.leaky(float(layer.get_config()["negative_slope"])),
    "PReLU": lambda stack, layer: stack.prelu(_weights(layer)["alpha"]),
    "ELU": lambda stack, layer: stack.activation("elu"),
    "Softmax": lambda stack, layer: stack.activation("softmax"),
    "Dropout": lambda stack, layer: stack.dropout(layer.get_config()["rate"]),
    "GaussianNoise": lambda stack, layer: stack.noise(layer.get_config()["stddev"]),
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "Flatten": lambda stack, layer: None,
}

_NEEDS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "Dense": lambda config: config["activation"] in ACTIVATIONS,
    "Activation": lambda config: config["activation"] in ACTIVATIONS,
    "ReLU": lambda config: config["max_value"] is None and not config["threshold"],
    "ELU": lambda config: config["alpha"] == 1,
    "Softmax": lambda config: config["axis"] in (-1, 1),
    "LayerNormalization": lambda config: config["axis"] in (-1, 1, [-1], [1]),
    "BatchNormalization": lambda config: config["axis"] in (-1, 1, [-1], [1]),
}
"""Options without which a layer has no equal here."""


def _unread(layer: Any, *, first: bool) -> str | None:
    """What to call a layer that cannot be read; None for one that can."""
    name = _name(layer)
    if name not in _READERS or (name == "Flatten" and not first):
        return name
    config = layer.get_config()
    if name not in _NEEDS or _NEEDS[name](config):
        return None
    return f"{name} with {', '.join(f'{key}={value}' for key, value in config.items() if key in _TOLD)}"


_TOLD = {"activation", "max_value", "threshold", "alpha", "axis"}

_LOSSES = {
    "mean_squared_error": "squared",
    "mse": "squared",
    "mean_absolute_error": "absolute",
    "mae": "absolute",
    "huber": "huber",
    "sparse_categorical_crossentropy": "cross_entropy",
    "categorical_crossentropy": "cross_entropy",
    "binary_crossentropy": "binary",
}


def _likelihood(stack: Stack, model: Any) -> Any:
    loss = getattr(model, "loss", None)
    if loss is None:
        return likelihood_of(stack, None)
    # Huber's own settings leave out its delta, which only this dictionary holds.
    held = getattr(loss, "_fn_kwargs", {})
    config = (loss.get_config() | held) if hasattr(loss, "get_config") else {}
    if config.get("ignore_class") is not None:
        raise ArgumentError("loss", "no ignore_class", f"{config['ignore_class']}")
    name = loss if isinstance(loss, str) else _snake(type(loss).__name__)
    if name not in _LOSSES or config.get("reduction", "sum_over_batch_size") not in {"sum_over_batch_size", "mean"}:
        known = ", ".join(name for name in _LOSSES if len(name) > 3)
        found = name if name not in _LOSSES else f"{name} with the reduction {config['reduction']!r}"
        raise ArgumentError("loss", f"the mean of one of {known}", found)
    kind = _LOSSES[name]
    if config.get("from_logits"):
        kind = {"cross_entropy": "logits", "binary": "binary_logits"}[kind]
    return likelihood_of(
        stack, kind, delta=config.get("delta", 1.0), label_smoothing=config.get("label_smoothing") or 0.0
    )


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _optimizer(stack: Stack, optimizer: Any) -> dict[str, Any]:
    """Settings of `make_optimizer` that make the same steps."""
    if optimizer is None:
        return {}
    name, config = _name(optimizer), optimizer.get_config()
    if name not in _OPTIMIZERS:
        raise ArgumentError("optimizer", f"one of {', '.join(_OPTIMIZERS)}", name)
    rate = config["learning_rate"]
    if not isinstance(rate, (int, float)):
        stack.note("the step size follows a schedule there; here it is constant, at what it is now")
        rate = float(np.asarray(optimizer.learning_rate))
    settings: dict[str, Any] = {"learning_rate": float(rate), **_OPTIMIZERS[name](config)}
    if "options" in settings:
        stack.note(
            "the optimizer's epsilon stands elsewhere in its formula there; steps differ where gradients are tiny"
        )
    if config.get("weight_decay"):
        settings["weight_decay"] = float(config["weight_decay"])
        stack.note("weight decay acts on weights alone here, there on biases and normalizations too")
    elif settings["optimizer"] == "adamw":
        settings["weight_decay"] = 0.0
    for theirs, ours in (("global_clipnorm", "clip_norm"), ("clipvalue", "clip_value")):
        if config.get(theirs):
            settings[ours] = float(config[theirs])
    if config.get("clipnorm"):
        raise ArgumentError("optimizer", "global_clipnorm", "clipnorm, which limits each array by itself")
    return settings


def _sgd(config: dict[str, Any]) -> dict[str, Any]:
    if not config["momentum"]:
        return {"optimizer": "sgd"}
    return {"optimizer": "nesterov" if config["nesterov"] else "momentum", "momentum": float(config["momentum"])}


def _adam(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def read(config: dict[str, Any]) -> dict[str, Any]:
        options = {"beta1": config["beta_1"], "beta2": config["beta_2"], "eps": config["epsilon"]}
        return {"optimizer": "amsgrad" if config.get("amsgrad") else name, "options": options}

    return read


def _rmsprop(config: dict[str, Any]) -> dict[str, Any]:
    options = {"decay": config["rho"], "eps": config["epsilon"], "momentum": config["momentum"]}
    return {"optimizer": "rmsprop", "options": options | {"centered": config["centered"]}}


_OPTIMIZERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "SGD": _sgd,
    "Adam": _adam("adam"),
    "AdamW": _adam("adamw"),
    "Nadam": _adam("nadam"),
    "RMSprop": _rmsprop,
    "Adadelta": lambda config: {"optimizer": "adadelta", "options": {"rho": config["rho"], "eps": config["epsilon"]}},
}
