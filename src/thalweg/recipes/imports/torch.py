"""``torch.nn.Sequential``, its loss and its optimizer; its objects tell what they are, and PyTorch is not imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods import Likelihood
from thalweg.recipes.imports.imported import Imported
from thalweg.recipes.imports.losses import likelihood_of
from thalweg.recipes.imports.stack import Stack, array, refuse

ACTIVATIONS = {
    "ReLU": "relu",
    "ELU": "elu",
    "SELU": "selu",
    "GELU": "gelu",
    "SiLU": "silu",
    "Hardswish": "hard_swish",
    "Mish": "mish",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Softmax": "softmax",
    "Identity": "identity",
}


def from_torch(module: Any, loss: Any = None, optimizer: Any = None) -> Imported:
    """Read a PyTorch stack of dense layers with its weights, its loss and its optimizer.

    Args:
        module: a ``torch.nn.Sequential``, nested or not, of linear layers, activations, dropout and normalizations.
        loss: a loss module, such as ``torch.nn.CrossEntropyLoss()``; without one the output activation has to tell it.
        optimizer: a ``torch.optim`` optimizer; without one training is by Adam.

    Returns:
        The network: it gives the same outputs, and training goes on from its weights.

    Raises:
        ArgumentError: layers, a loss or an optimizer that have no equal here, by their names.

    Example:
        >>> import numpy as np, torch
        >>> module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
        >>> imported = from_torch(module, torch.nn.CrossEntropyLoss(), torch.optim.SGD(module.parameters(), lr=0.1))
        >>> imported.likelihood.name, imported.optimizer["learning_rate"]
        ('categorical', 0.1)
        >>> x = np.ones((2, 4), np.float32)
        >>> bool(np.allclose(imported.outputs(x), module(torch.as_tensor(x)).detach(), atol=1e-5))
        True
    """
    stack = Stack()
    layers = list(_flat(module))
    link = "log_softmax" if layers and _name(layers[-1]) == "LogSoftmax" else "identity"
    if link != "identity":
        layers.pop()  # a cross entropy of its outputs is that of its inputs
    known = ["Linear", *ACTIVATIONS, *(name for name in _READERS if name != "Linear")]
    unknown = [(i, name) for i, layer in enumerate(layers, 1) if (name := _unread(layer, first=i == 1)) is not None]
    refuse("module", unknown, known)
    for layer in layers:
        name = _name(layer)
        if name in ACTIVATIONS:
            stack.activation(ACTIVATIONS[name])
        else:
            _READERS[name](stack, layer)
    if loss is None and link == "log_softmax":
        likelihood = likelihood_of(stack, "logits")[0]
    else:
        likelihood, found = _likelihood(stack, loss, link)
        link = found if link == "identity" else link
    steps = _optimizer(stack, optimizer)
    return Imported(
        stack.network(), tuple(stack.params), tuple(stack.state), likelihood, link, steps, notes=tuple(stack.notes)
    )


def _batch_norm(stack: Stack, layer: Any) -> None:
    stack.batch_norm(
        layer.running_mean,
        layer.running_var,
        layer.weight,
        layer.bias,
        momentum=1 - layer.momentum,
        epsilon=layer.eps,
    )


_READERS: dict[str, Callable[[Stack, Any], None]] = {
    "Linear": lambda stack, layer: stack.dense(layer.weight, layer.bias),
    "Flatten": lambda stack, layer: None,
    "LeakyReLU": lambda stack, layer: stack.leaky(layer.negative_slope),
    "PReLU": lambda stack, layer: stack.prelu(layer.weight),
    "Dropout": lambda stack, layer: stack.dropout(layer.p),
    "BatchNorm1d": _batch_norm,
    "LayerNorm": lambda stack, layer: stack.layer_norm(layer.weight, layer.bias, epsilon=layer.eps),
}

_NEEDS: dict[str, Callable[[Any], bool]] = {
    "ELU": lambda layer: layer.alpha == 1,
    "GELU": lambda layer: layer.approximate == "none",
    "Softplus": lambda layer: layer.beta == 1,
    "Softmax": lambda layer: layer.dim in (None, 1, -1),
    "BatchNorm1d": lambda layer: layer.track_running_stats and layer.momentum is not None,
    "LayerNorm": lambda layer: len(layer.normalized_shape) == 1,
}
"""Options without which a layer has no equal here."""


def _flat(module: Any) -> Iterator[Any]:
    """The layers of a stack, those of stacks within it in their places."""
    if _name(module) != "Sequential":
        yield module
        return
    for layer in module:
        yield from _flat(layer)


def _name(thing: Any) -> str:
    """The name of PyTorch's own class, or of a class made from it, which may do something else, with its module."""
    kind = type(thing)
    return kind.__name__ if kind.__module__.startswith("torch.") else f"{kind.__module__}.{kind.__name__}"


def _unread(layer: Any, *, first: bool) -> str | None:
    """What to call a layer that cannot be read; None for one that can."""
    name = _name(layer)
    if name not in ACTIVATIONS and (name not in _READERS or (name == "Flatten" and not first)):
        return name
    return None if name not in _NEEDS or _NEEDS[name](layer) else f"{layer}"


def _likelihood(stack: Stack, loss: Any, link: str) -> tuple[Likelihood, str]:
    if loss is None:
        return likelihood_of(stack, None)
    name = _name(loss)
    if name not in _LOSSES:
        raise ArgumentError("loss", f"one of {', '.join(_LOSSES)}", name)
    if not getattr(loss, "log_input", True):
        raise ArgumentError("loss", f"{name} with log_input", "one of rates")
    if loss.reduction != "mean":
        raise ArgumentError(
            "loss", "the reduction 'mean'", repr(loss.reduction), "A sum grows with the rows of the minibatch."
        )
    kind, options = _LOSSES[name](loss)
    if (kind == "nll") != (link == "log_softmax") and not (kind == "logits" and link == "log_softmax"):
        raise ArgumentError("loss", "NLLLoss after LogSoftmax, and none without the other", name)
    for setting in ("weight", "pos_weight"):
        if getattr(loss, setting, None) is not None and kind in {"binary", "binary_logits"}:
            raise ArgumentError("loss", f"{name} without {setting}", f"one with {setting}")
    return likelihood_of(stack, "logits" if kind == "nll" else kind, **options)


def _classes(loss: Any) -> dict[str, Any]:
    if loss.ignore_index >= 0:
        raise ArgumentError("loss", "no ignore_index", f"{loss.ignore_index}")
    weights = None if loss.weight is None else tuple(array(loss.weight).tolist())
    return {"class_weights": weights, "label_smoothing": getattr(loss, "label_smoothing", 0.0)}


_LOSSES: dict[str, Callable[[Any], tuple[str, dict[str, Any]]]] = {
    "MSELoss": lambda loss: ("squared", {}),
    "L1Loss": lambda loss: ("absolute", {}),
    "HuberLoss": lambda loss: ("huber", {"delta": loss.delta}),
    "SmoothL1Loss": lambda loss: ("huber", {"delta": loss.beta, "weight": 1 / loss.beta}),
    "CrossEntropyLoss": lambda loss: ("logits", _classes(loss)),
    "NLLLoss": lambda loss: ("nll", _classes(loss)),
    "BCELoss": lambda loss: ("binary", {}),
    "BCEWithLogitsLoss": lambda loss: ("binary_logits", {}),
    "PoissonNLLLoss": lambda loss: ("poisson", {}),
}


def _optimizer(stack: Stack, optimizer: Any) -> dict[str, Any]:
    """Settings of `make_optimizer` that make the same steps."""
    if optimizer is None:
        return {}
    name = _name(optimizer)
    if name not in _OPTIMIZERS:
        raise ArgumentError("optimizer", f"one of {', '.join(_OPTIMIZERS)}", name)
    first, *others = optimizer.param_groups
    if any(group[key] != first[key] for group in others for key in first if key != "params"):
        raise ArgumentError("optimizer", "the same options for all parameters", f"{len(others) + 1} groups")
    if first.get("maximize"):
        raise ArgumentError("optimizer", "one that minimizes", "maximize=True")
    settings: dict[str, Any] = {"learning_rate": float(first["lr"]), **_OPTIMIZERS[name](first)}
    decay = float(first["weight_decay"])
    if decay:
        # Adam's is a part of the gradient, AdamW's is not.
        settings["weight_decay" if name == "AdamW" or first.get("decoupled_weight_decay") else "l2"] = decay
        stack.note("weight decay acts on weights alone here, there on biases and normalizations too")
    elif name == "AdamW":
        settings["weight_decay"] = 0.0
    return settings


def _sgd(group: dict[str, Any]) -> dict[str, Any]:
    if group["dampening"]:
        raise ArgumentError("optimizer", "SGD without dampening", f"{group['dampening']}")
    if not group["momentum"]:
        return {"optimizer": "sgd"}
    return {"optimizer": "nesterov" if group["nesterov"] else "momentum", "momentum": float(group["momentum"])}


def _adam(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def read(group: dict[str, Any]) -> dict[str, Any]:
        beta1, beta2 = map(float, group["betas"])
        rule = "amsgrad" if group.get("amsgrad") else name
        return {"optimizer": rule, "options": {"beta1": beta1, "beta2": beta2, "eps": float(group["eps"])}}

    return read


def _rmsprop(group: dict[str, Any]) -> dict[str, Any]:
    options = {
        "decay": group["alpha"],
        "eps": group["eps"],
        "momentum": group["momentum"],
        "centered": group["centered"],
    }
    return {"optimizer": "rmsprop", "options": options}


def _adagrad(group: dict[str, Any]) -> dict[str, Any]:
    if group["lr_decay"]:
        raise ArgumentError("optimizer", "Adagrad without lr_decay", f"{group['lr_decay']}")
    options = {"eps": group["eps"], "initial": group["initial_accumulator_value"]}
    return {"optimizer": "adagrad", "options": options}


_OPTIMIZERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "SGD": _sgd,
    "Adam": _adam("adam"),
    "AdamW": _adam("adamw"),
    "NAdam": _adam("nadam"),
    "RMSprop": _rmsprop,
    "Adagrad": _adagrad,
    "Adadelta": lambda group: {"optimizer": "adadelta", "options": {"rho": group["rho"], "eps": group["eps"]}},
}
