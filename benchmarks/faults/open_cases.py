"""Programs from a file of documented cases, whose fields and words are described beside it (VOCABULARY.md)."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks.faults.losses import loss_of
from benchmarks.faults.program import Program
from thalweg.network import Activation, BatchNorm, Dense, Dropout, Network
from thalweg.network.initializers import INITIALIZERS

AMERICAN = {"bad_initialisation": "bad_initialization", "double_normalisation": "double_normalization"}
AMERICAN |= {"over_regularised": "over_regularized", "under_regularised": "overfitting"}


def read_cases(path: Path) -> list[dict[str, Any]]:
    """Return the cases that are to be scored."""
    return [case for case in json.loads(path.read_text()) if case["use_for_scoring"]]


def program_of(case: dict[str, Any], folder: Path, seed: int) -> Program:
    """Return the program that a case describes."""
    (x, y), held_out = _data(case, folder)
    network = _network(case["network"])
    loss, task = case["loss"], case["task"]
    classes = task in ("binary", "multiclass") and loss in ("binary_crossentropy", "categorical_crossentropy")
    coded = task == "multiclass" and not classes
    width = case["network"]["sizes"][-1]

    def targets(values: np.ndarray) -> np.ndarray:
        if classes:
            return values.astype(np.int32)
        numbers = np.eye(width)[values.astype(int)] if coded else values.reshape(len(values), -1)
        return numbers.astype(np.float32)

    defect = case.get("training_defect", "") or ""
    return Program(
        name=case["id"],
        network=network,
        likelihood=loss_of(loss, classes=classes),
        x=x,
        y=targets(y),
        held_out=(held_out[0], targets(held_out[1])),
        optimizer=_optimizer(case),
        epochs=case["epochs"],
        batch_size=case["batch_size"],
        seed=seed,
        params=_params(case, network, folder, x, seed),
        climbs="-1" in defect or "negat" in defect,
        slips="alone" in str(case["data"].get("shuffle", "")),
        causes=tuple(AMERICAN.get(cause, cause) for cause in case["causes"]),
    )


def _data(case: dict[str, Any], folder: Path) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    data = case["data"]
    if data["recipe"] == "generated":
        return _generated(data)
    with (folder / data["file"]).open() as file:
        rows = list(csv.DictReader(file))
    x = np.array([[float(row[name]) for name in data["features"]] for row in rows])
    y = np.array([float(row[data["target"]]) for row in rows])
    order = np.random.RandomState(0).permutation(len(x))
    count = int(re.search(r"\[:(\d+)\]", data["split"]).group(1))

    def part(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _inputs(x[rows], data["x_scaling"]), _numbers(y[rows], data.get("y_scaling", ""))

    return part(order[:count]), part(order[count:])


def _inputs(x: np.ndarray, how: str) -> np.ndarray:
    span = np.maximum(x.max(axis=0) - x.min(axis=0), 1e-12)
    if "/ range / range" in how:
        return (x - x.min(axis=0)) / span / span
    if "min-max" in how:
        return (x - x.min(axis=0)) / span
    if "standard" in how:
        return (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-12)
    return x


def _numbers(y: np.ndarray, how: str) -> np.ndarray:
    factor = re.search(r"multiplied by (\d+)", how)
    if factor:
        y = y * float(factor.group(1))
    if "min-max" in how:
        unit = (y - y.min()) / (y.max() - y.min())
        return 2 * unit - 1 if "[-1,1]" in how else unit
    if "standard" in how:
        return (y - y.mean()) / y.std()
    return y


def _generated(data: dict[str, Any]) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    import sklearn.datasets

    x, y = getattr(sklearn.datasets, data["generator"].rsplit(".", 1)[1])(**data["params"])
    if "min-max" in data["x_scaling"]:
        x = 2 * (x - x.min(axis=0)) / (x.max(axis=0) - x.min(axis=0)) - 1
    count = int(re.search(r"first (\d+) rows", data["split"]).group(1))
    return (x[:count], y[:count]), (x[count:], y[count:])


def _network(about: dict[str, Any]) -> Network:
    layers: list[Any] = []
    dropout = about.get("dropout") or [0.0] * len(about["hidden_activation"])
    for width, kind, rate in zip(about["sizes"][1:-1], about["hidden_activation"], dropout, strict=True):
        layers.append(Dense(width))
        layers += [BatchNorm()] if about.get("batch_norm") else []
        layers += [] if kind == "linear" else [Activation(kind)]
        layers += [Dropout(rate)] if rate else []
    layers.append(Dense(about["sizes"][-1]))
    last = about["output_activation"]
    layers += [Activation("softmax")] * 2 if last == "softmax_of_softmax" else []
    layers += [Activation(last)] if last not in ("softmax_of_softmax", "linear") else []
    return Network(about["sizes"][0], tuple(layers))


def _params(case: dict[str, Any], network: Network, folder: Path, x: np.ndarray, seed: int) -> Any:
    """Return starting weights by the case's initializers, or those that were recorded."""
    about = case["network"]
    recorded = np.load(folder / case["initial_weights"]) if case.get("initial_weights") else None
    params = list(network.init(jax.random.key(seed), x[:256].astype(np.float32)))
    places = [i for i, layer in enumerate(network.layers) if isinstance(layer, Dense)]
    sizes = about["sizes"]
    keys = jax.random.split(jax.random.key(seed + 1), 2 * len(places))
    for number, place in enumerate(places):
        if recorded is not None:
            weight, bias = recorded[f"W{number}"].T, recorded[f"b{number}"]
        else:
            shape = (sizes[number + 1], sizes[number])
            weight = _drawn(_entry(about["weight_init"], number), keys[2 * number], shape)
            bias = _drawn(_entry(about["bias_init"], number), keys[2 * number + 1], (shape[0],))
        params[place] = {"weight": np.asarray(weight, np.float32), "bias": np.asarray(bias, np.float32)}
    return tuple(params)


def _entry(names: Any, number: int) -> str:
    return str(names[number]) if isinstance(names, list) else str(names)


def _drawn(name: str, key: Any, shape: tuple[int, ...]) -> Any:
    match = re.fullmatch(r"(\w+)\(([^)]*)\)", name)
    numbers = [float(part) for part in match.group(2).split(",")] if match else []
    kind = match.group(1) if match else name
    if kind == "constant" or kind in ("zeros", "ones"):
        return np.full(shape, numbers[0] if numbers else float(kind == "ones"))
    if kind == "normal" and numbers:
        return numbers[0] + numbers[1] * jax.random.normal(key, shape)
    if kind == "uniform" and numbers:
        return jax.random.uniform(key, shape, minval=numbers[0], maxval=numbers[1])
    fans = shape if len(shape) == 2 else (shape[0], shape[0])
    gain = 2.0 if kind.startswith("he_") else 1.0
    drawn = INITIALIZERS[kind](key, *fans, gain)
    return drawn if len(shape) == 2 else drawn[0]


def _optimizer(case: dict[str, Any]) -> dict[str, Any]:
    about = dict(case["optimizer"])
    settings: dict[str, Any] = {"name": about.pop("name"), "learning_rate": about.pop("learning_rate")}
    options = {{"epsilon": "eps"}.get(key, key): value for key, value in about.items()}
    decay = options.pop("decay", 0.0)
    if decay:
        settings |= {"schedule": "inverse_time", "schedule_options": {"rate": decay, "decay_steps": 1}}
    if "momentum" in options:
        momentum = options.pop("momentum")
        settings |= {"name": "momentum", "momentum": momentum} if momentum else {}
    if settings["name"] != "sgd" and options:
        settings["options"] = options
    penalty = case.get("regularisation") or {}
    for kind, factor in (("l2", 2.0), ("l1", 1.0)):
        if penalty.get(kind):
            settings[kind] = factor * penalty[kind]
    return settings
