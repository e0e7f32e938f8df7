"""Whether the parts of a model folder fit each other: a damaged one fails on loading and not in the first answer."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from thalweg.data.kinds import TASKS
from thalweg.decisions.calibration import Calibration, Isotonic, Scale
from thalweg.decisions.calibration.conformal import SET_SCORES
from thalweg.likelihoods import Likelihood
from thalweg.network import Network

if TYPE_CHECKING:
    from thalweg.data.encode import Encoder
    from thalweg.data.windows import WindowEncoder


def check_encoder(encoder: Encoder, network: Network, likelihood: Likelihood) -> None:
    """Check types and widths of an encoder read from a file against its network.

    Args:
        encoder: as read from ``model.json``.
        network: takes ``encoder.feature_width`` inputs.
        likelihood: tells what is predicted, and how many targets the network's outputs stand for.

    Raises:
        ValueError: says in a few words what does not fit.
    """
    for fault in chain(_input_faults(encoder, network), _output_faults(encoder, network, likelihood)):
        raise ValueError(fault)


def check_windows(windows: WindowEncoder, network: Network, likelihood: Likelihood) -> None:
    """Check that windows read from a file are what the network takes, and its outputs the classes of the masks.

    Raises:
        ValueError: says in a few words what does not fit.
    """
    if windows.feature_width != network.inputs:
        raise ValueError(f"windows of {windows.feature_width} numbers for a network that takes {network.inputs}")
    labeled = TASKS[likelihood.targets] == "classification"
    if not labeled or likelihood.target_width(network.outputs) != len(windows.classes):
        raise ValueError(f"the masks have {len(windows.classes)} classes, the network {network.outputs} outputs")


def check_calibration(calibration: Calibration, network: Network, likelihood: Likelihood) -> None:
    """Check that a calibration read from a file fits what the model predicts.

    Args:
        calibration: as read from ``model.json``.
        network: gives the outputs.
        likelihood: tells how many classes, labels or numbers they stand for.

    Raises:
        ValueError: says in a few words what does not fit.
    """
    way, conformal = calibration.way, calibration.conformal
    numbers, width = likelihood.metric == "rmse", likelihood.target_width(network.outputs)
    if way is not None and isinstance(way, Scale) != numbers:
        raise ValueError(f"the calibration {way.name!r} does not fit the likelihood {likelihood.name!r}")
    two = width == 2 and TASKS[likelihood.targets] == "classification"
    parts = {
        "factors": (way.factors if isinstance(way, Scale) else None, width),
        # Of two classes one curve maps both.
        "curves": (way.curves if isinstance(way, Isotonic) else None, 1 if two else width),
        "scores": (None if conformal is None else conformal.scores, width if numbers else 1),
    }
    for name, (values, expected) in parts.items():
        if values is not None and len(values) != expected:
            raise ValueError(f"the calibration has {len(values)} {name} where {expected} are needed")
    if conformal is not None and (conformal.score in SET_SCORES) == numbers:
        raise ValueError(f"conformal scores {conformal.score!r} do not fit the likelihood {likelihood.name!r}")


def _input_faults(encoder: Encoder, network: Network) -> Iterator[str]:
    numbers = encoder.numbers
    levels = [name for level in encoder.levels for name in (level.name, *level.levels)]
    levels += [name for code in encoder.codes for name in (code.name, *code.levels)]
    # What comes from a file need not be of the type that is declared.
    names: list[Any] = [*encoder.number_columns, *encoder.ignored, *levels, encoder.dtype, encoder.target_name or ""]
    if not all(isinstance(name, str) for name in names):
        yield "the encoder has a name that is no text"
    if len(encoder.number_columns) != numbers.width:
        yield f"the encoder has {len(encoder.number_columns)} number_names for {numbers.width} columns"
    for name in ("center", "scale", "fill"):
        array = getattr(numbers, name)
        if array.shape not in {(1,), (numbers.width,)} or not np.isfinite(array).all():
            yield f"the encoder's {name} is no list of {numbers.width} numbers"
    knots = [part for pair in numbers.knots if pair is not None for part in pair]
    if not all(np.isfinite(part).all() for part in knots) or len(numbers.knots) not in {0, 1, numbers.width}:
        yield "the encoder's knots are no finite numbers for each column"
    if not all(type(i) is int and 0 <= i < numbers.width for i in numbers.missing):
        yield "the encoder's missing columns are not among its columns"
    if encoder.feature_width != network.inputs:
        yield f"the encoder gives {encoder.feature_width} features, the network takes {network.inputs}"


def _output_faults(encoder: Encoder, network: Network, likelihood: Likelihood) -> Iterator[str]:
    outputs, width = encoder.outputs, likelihood.target_width(network.outputs)
    if outputs.kind != likelihood.targets:
        yield f"the encoder has {outputs.kind} for targets, the likelihood {likelihood.name!r} {likelihood.targets}"
    if not outputs.names or not all(isinstance(name, str) for name in outputs.names):
        yield "the encoder's target has no names"
    if TASKS[outputs.kind] == "classification":
        classes = outputs.classes or ()
        if len(classes) != width:
            yield f"the encoder has {len(classes)} classes, the network {network.outputs} outputs"
        if not all(isinstance(label, str | int | float) for label in classes) or len(set(classes)) != len(classes):
            yield "the encoder's classes are not different labels"
    else:
        if len(outputs.names) != width:
            yield f"the encoder has {len(outputs.names)} target names, the network predicts {width}"
        for name in ("mean", "scale"):
            array = getattr(outputs, name)
            if array.shape != (width,) or not np.isfinite(array).all():
                yield f"the encoder's target {name} is no list of {width} numbers"
