"""Remedies applied: what a finding says to change, done to the program it was found in."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from benchmarks.faults.losses import ClassLoss, NumberLoss
from benchmarks.faults.program import Program
from thalweg.diagnosis import Finding
from thalweg.diagnosis.facts.dependence import as_numbers, dependence_facts
from thalweg.likelihoods import make_likelihood
from thalweg.network import Activation, Dense, Network, dense_network

LINKS = ("single_unit_softmax", "double_softmax", "output_target_mismatch", "loss_activation_mismatch")
"""Causes whose remedy is to end the network in its linear layer, under the likelihood that fits the targets."""


def cured(program: Program, finding: Finding) -> Program | None:
    """Return the program with a finding's remedy applied, None where nothing can be done to it."""
    cause = finding.cause
    if cause in LINKS or cause in ("wrong_loss_for_task", "loss_shape_broadcast"):
        return _plain(program)
    if cause == "loss_sum_reduction" and isinstance(program.likelihood, NumberLoss):
        rule = {"sum_squared_error": "mse"}.get(program.likelihood.rule, program.likelihood.rule)
        return dataclasses.replace(program, likelihood=type(program.likelihood)(rule, summed=False))
    if cause == "flipped_gradient_sign":
        return dataclasses.replace(program, climbs=False)
    if cause == "wrong_labels":
        return dataclasses.replace(program, slips=False) if program.slips else None
    if cause == "leakage":
        return _without_twin(program)
    return _with_settings(program, finding.settings) if finding.settings else None


def _plain(program: Program) -> Program:
    """End the network in its linear layer, under the likelihood that fits the targets."""
    layers = list(program.network.layers)
    while isinstance(layers[-1], Activation):
        layers.pop()
    y, held_out = program.y, program.held_out[1]
    if not isinstance(program.likelihood, NumberLoss) or isinstance(program.likelihood, ClassLoss):
        classes = program.likelihood.targets == "classes"
    else:
        classes = bool(np.isin(y, (0, 1)).all()) and (y.shape[1] == 1 or bool((y.sum(axis=1) == 1).all()))
        if classes:
            y, held_out = (v[:, 0] if v.shape[1] == 1 else v.argmax(axis=1) for v in (y, held_out))
            y, held_out = y.astype(np.int32), held_out.astype(np.int32)
    outputs = program.network.outputs
    name = "gaussian" if not classes else "bernoulli" if outputs == 1 else "categorical"
    return dataclasses.replace(
        program,
        network=Network(program.network.inputs, tuple(layers)),
        likelihood=make_likelihood(name),
        y=y,
        held_out=(program.held_out[0], held_out),
        params=None,
    )


def _without_twin(program: Program) -> Program:
    """Leave out the input that is the target."""
    classes = program.likelihood.targets == "classes"
    twin = dependence_facts(program.x, as_numbers(program.likelihood, program.y), classes=classes)["twin"]
    first = next(i for i, layer in enumerate(program.network.layers) if isinstance(layer, Dense))
    assert first == 0  # every other layer keeps its width
    return dataclasses.replace(
        program,
        x=np.delete(program.x, twin, axis=1),
        held_out=(np.delete(program.held_out[0], twin, axis=1), program.held_out[1]),
        network=Network(program.network.inputs - 1, program.network.layers),
        params=None,
    )


def _with_settings(program: Program, settings: dict[str, Any]) -> Program:
    changes: dict[str, Any] = {}
    optimizer = dict(program.optimizer)
    for name in ("learning_rate", "l1", "l2", "weight_decay", "clip_norm"):
        if name in settings:
            optimizer[name] = settings[name]
    for name in ("epochs", "batch_size"):
        if name in settings:
            changes[name] = settings[name]
    if {"hidden", "activation", "initializer", "dropout", "normalization", "residual"} & settings.keys():
        widths = tuple(layer.units for layer in program.network.layers if isinstance(layer, Dense))[:-1]
        kinds = [layer.name for layer in program.network.layers if isinstance(layer, Activation)]
        tail = []
        for layer in reversed(program.network.layers):
            if not isinstance(layer, Activation):
                break
            tail.insert(0, layer)
        kind = kinds[0] if kinds[: len(kinds) - len(tail)] else "relu"
        network = dense_network(
            program.network.inputs,
            settings.get("hidden", widths),
            program.network.outputs,
            settings.get("activation", kind),
            dropout=settings.get("dropout", 0.0),
            normalization=settings.get("normalization", "none"),
            residual=settings.get("residual", False),
        )
        changes["network"] = Network(network.inputs, (*network.layers, *tail))
        changes["params"] = None
    if settings.get("standardize"):
        changes |= _standardized(program)
    return dataclasses.replace(program, optimizer=optimizer, **changes)


def _standardized(program: Program) -> dict[str, Any]:
    """Scale inputs, and targets that are numbers without a range of their own, by the training rows."""

    def scaled(train: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean, deviation = train.mean(axis=0), train.std(axis=0)
        deviation = np.where(deviation > 0, deviation, 1.0)
        return (train - mean) / deviation, (other - mean) / deviation

    x, held_x = scaled(program.x.astype(np.float64), program.held_out[0].astype(np.float64))
    y, held_y = program.y, program.held_out[1]
    numbers = program.likelihood.targets == "numbers" and not np.isin(y, (0, 1)).all()
    bounded = isinstance(program.network.layers[-1], Activation)
    if numbers and not bounded:
        y, held_y = (part.astype(np.float32) for part in scaled(y, held_y))
    return {"x": x, "y": y, "held_out": (held_x, held_y), "params": None}
