"""Runs on paper: a healthy one, and for every rule one that it must find."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from thalweg.diagnosis import Evidence

LAYERS = ("0", "2", "4")
EPOCHS = 12


def healthy(**changes: Any) -> Evidence:
    """A run that went well, with changes such as ``network__widths=[1, 1]``, ``layers__0__dead=0.9`` or ``l2=0.1``.

    ``train_loss`` and ``validation_loss`` take whole curves; a layer's quantity takes a number or a curve, the
    network's (``network_series__noise_scale``) a number.
    """
    facts: dict[str, Any] = {
        "run": {"rows": 1000, "batch_size": 32, "steps": 32, "epochs": EPOCHS, "likelihood": "gaussian"},
        "inputs": {"columns": 5, "largest_rms": 1.1, "largest": 0, "median_size": 3.0, "spread": 1.5, "offset": 0.1},
        "targets": {"kind": "numbers", "scale": 1.0, "offset": 0.0, "low": -2.0, "high": 2.0, "distinct": 900},
        "dependence": {"rows": 1000, "skill": 0.7, "linear_r2": 0.6, "neighbors_r2": 0.7, "sigmas": 90.0},
        "seen": {"rows": 1000, "sigmas": 88.0},
        "network": {
            "names": list(LAYERS),
            "widths": [32, 32],
            "activations": ["relu", "relu"],
            "output_activations": [],
            "outputs": 1,
            "outputs_mean": "numbers",
            "dropout": 0.0,
        },
        "loss": {"finite": True, "doubled": 1.0, "pairing": 0.5, "best_is_truth": True},
        "start": {"gains": [1.4, 1.4, 1.0], "copies": [0.0, 0.0, 0.0], "bias": [0.0, 0.0, 0.0]},
        "outcome": {"finite": True, "skill": 0.8, "answers_spread": 0.9},
    }
    layers = {
        name: {
            "error_rms": 0.1,
            "gradient_rms": 0.01,
            "weight_rms": 0.2,
            "update_ratio": 2e-3,
            "alignment": 0.4,
            "dead": 0.0,
            "saturated": 0.4,
            "distance_from_start": 0.5,
        }
        for name in LAYERS
    }
    fall = 1.4 * np.exp(-np.arange(EPOCHS) / 1.5)
    curves: dict[str, Any] = {"train_loss": 0.4 + fall, "validation_loss": 0.45 + fall}
    settings: dict[str, Any] = {"learning_rate": 1e-3}
    status, network = "finished", {"constant_loss": 1.5}
    for name, value in changes.items():
        match name.split("__"):
            case ["layers", layer, quantity]:
                layers[layer][quantity] = value
            case ["status"]:
                status = value
            case ["train_loss" | "validation_loss"]:
                curves[name] = np.asarray(value, float)
            case ["network_series", quantity]:
                network[quantity] = value
            case [group, fact]:
                facts.setdefault(group, {})[fact] = value
            case _:
                settings[name] = value
    records, log = [], []
    for epoch in range(EPOCHS):
        log.append({"epoch": epoch + 1} | {name: float(curve[epoch]) for name, curve in curves.items()})
        now = copy.deepcopy(layers)
        for values in now.values():
            for quantity, value in values.items():
                values[quantity] = float(value[epoch]) if np.ndim(value) else value
        records.append({"epoch": epoch + 1, "network": dict(network), "layers": now})
    return Evidence(facts, log, records, settings, status)


SLOW = 1.9 - 0.02 * np.arange(EPOCHS)
"""A loss that falls in a straight line and is far from its end."""

ROUGH = 1.0 + 0.5 * (np.arange(EPOCHS) % 2) + 0.5 * (np.arange(EPOCHS) == 0)

FLAT = np.r_[1.9, np.full(EPOCHS - 1, 1.5)]
"""A loss that came to rest at once."""

REST: dict[str, Any] = {
    "train_loss": FLAT,
    "point__agreement": 0.02,
    "point__first_share": 0.5,
    "point__sharpness": 3.0,
    "point__smallest_eigenvalue": -0.001,
    "point__negative_curvature": 0.0003,
}
"""At rest, at a minimum."""

BAD = {"outcome__skill": 0.0}
POOR = {"outcome__skill": 0.3}

FAULTY: dict[str, dict[str, Any]] = {
    "bad_initialization": {"start__copies": [1.0, 0.0, 0.0]},
    "batch_size_too_large": POOR | {"run__batch_size": 1000, "run__steps": 1, "train_loss": SLOW},
    "batch_size_too_small": POOR | {"run__batch_size": 1},
    "cannot_fit_one_batch": POOR
    | {"one_batch__rows": 32, "one_batch__steps": 400, "one_batch__floor": 0.0}
    | {"one_batch__left_own": 0.9, "one_batch__left_adam": 0.8},
    "capacity_too_small": POOR | {"network__widths": [1, 32]},
    "class_imbalance": BAD
    | {"targets__kind": "classes", "targets__largest_share": 0.99, "outcome__classes_answered": 1},
    "dead_relu": BAD | {"layers__0__dead": 0.95},
    "double_normalization": {"inputs__median_size": 0.004},
    "double_softmax": {"network__output_activations": ["softmax", "softmax"], "network__outputs": 3},
    "exploding_gradient": BAD | {"layers__0__error_rms": 1e4},
    "flipped_gradient_sign": BAD | {f"layers__{name}__alignment": -0.6 for name in LAYERS},
    "ill_conditioned": POOR
    | {"network_series__condition": 4000.0, "network_series__stability_limit": 2.0}
    | {"network_series__sharpness_times_step": 1.9},
    "leakage": {"dependence__twin": 3},
    "learning_rate_too_high": BAD | {"layers__2__update_ratio": 0.4, "train_loss": ROUGH},
    "learning_rate_too_low": POOR
    | {f"layers__{name}__update_ratio": 1e-5 for name in LAYERS}
    | {f"layers__{name}__distance_from_start": 0.01 for name in LAYERS}
    | {"train_loss": SLOW},
    "local_minimum": POOR | REST,
    "loss_activation_mismatch": {"network__outputs_mean": "logits", "network__output_activations": ["relu"]},
    "loss_shape_broadcast": {"loss__pairing": 0.0},
    "loss_sum_reduction": {"loss__doubled": 2.0},
    "no_hidden_activation": {"network__activations": ["identity", "identity"]},
    "noise_dominated": POOR | {"train_loss": ROUGH, "network_series__noise_scale": 4000.0},
    "not_learning": BAD,
    "oscillating": POOR | {"train_loss": ROUGH, "network_series__position": 0.4},
    "output_target_mismatch": {"network__output_activations": ["sigmoid"]},
    "over_regularized": POOR
    | {"l2": 1.0}
    | {f"layers__{n}__weight_rms": np.geomspace(0.2, 0.01, EPOCHS) for n in LAYERS},
    "overfitting": {"validation_loss": np.r_[1.2, 0.7, np.linspace(0.6, 1.4, EPOCHS - 2)]},
    "plateau": BAD | REST | {"point__first_share": 1e-5},
    "saddle_point": BAD | REST | {"point__smallest_eigenvalue": -1.2, "point__negative_curvature": 0.4},
    "saturating_hidden_activation": BAD
    | {
        "network__activations": ["sigmoid"] * 3,
        "network__names": ["0", "2", "2", "4"],
        "layers__0__error_rms": 1e-6,
    },
    "seed_spread": {"seeds__values": [0.1, 0.3, 0.2], "seeds__measure": "error", "seeds__constant": 0.5},
    "single_unit_softmax": {"network__output_activations": ["softmax"]},
    "stopped_too_early": POOR
    | {"status": "stopped early", "patience": 1, "run__epochs": 100, "train_loss": SLOW}
    | {"validation_loss": np.r_[1.9 - 0.05 * np.arange(EPOCHS - 1), 1.405]},
    "too_deep": BAD | {"network__names": ["0"] + ["2"] * 20 + ["4"], "layers__0__error_rms": 1e-9},
    "too_few_epochs": POOR | {"train_loss": SLOW},
    "underfitting": POOR,
    "unscaled_data": {"inputs__largest_rms": 4000.0},
    "unscaled_targets": {"targets__scale": 250.0},
    "wrong_label_suspects": {"suspects__of": 200, "suspects__count": 1}
    | {"suspects__rows": [{"row": 7, "part": "the validation rows", "given": "cat", "likely": "dog"}]},
    "wrong_labels": BAD | {"seen__sigmas": 0.7, "validation_loss": np.full(EPOCHS, 1.6)},
    "wrong_loss_for_task": {"loss__best_is_truth": False},
}
"""For every rule the changes to a healthy run that it is about."""
