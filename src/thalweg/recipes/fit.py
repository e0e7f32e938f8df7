"""Training from Python: a network, a likelihood, arrays, and back comes a model."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optax
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.types import Params, State
from thalweg.data.batches import ArrayBatches, weighted_spread
from thalweg.data.disk_batches import DiskBatches
from thalweg.data.encode import Encoder
from thalweg.data.kinds import TASKS, guess_kind
from thalweg.data.numbers import Numbers
from thalweg.data.readers.frames import numbered
from thalweg.data.table import Table
from thalweg.data.target_values import plain_targets
from thalweg.data.targets import Targets
from thalweg.deploy import Model
from thalweg.likelihoods import Likelihood, auto_likelihood, make_likelihood
from thalweg.network import Network
from thalweg.optimizers import OPTIMIZERS, make_optimizer
from thalweg.recipes.choices import check_full_batch, choose_stopping, default_batch_size
from thalweg.recipes.noise import NOISE_ROWS, with_noise
from thalweg.recipes.prepare import EVALUATION_ROWS
from thalweg.training import Hook, Trained, begin, train

Pair = tuple[Any, Any]


def fit(
    network: Network,
    x: Any,
    y: Any,
    *,
    likelihood: str | Likelihood = "auto",
    test: Pair | None = None,
    validation: Pair | None = None,
    optimizer: str | optax.GradientTransformation = "adam",
    learning_rate: Any = None,
    schedule: str = "constant",
    epochs: int = 10,
    batch_size: int | None = None,
    sample_weight: NDArray[Any] | None = None,
    patience: int | None = None,
    anneal: float = 0.0,
    ema: float = 0.0,
    seed: int = 0,
    hooks: Sequence[Hook] = (),
    start: tuple[Params, State] | None = None,
    **settings: Any,
) -> Model:
    """Train a network: min over θ of the mean of -ln q(y(n)|x(n); θ).

    Args:
        network: its inputs are the features as given; nothing is scaled here.
        x: features (N, …), flattened to (N, inputs); an array, a memory-mapped one (its rows then stream from disk),
            or the path of a ``.npy`` file, which is mapped.
        y: targets: class labels (N,) of any kind, zeros and ones (N, K) for several labels, numbers or counts (N,) or
            (N, K), or the path of a ``.npy`` file.
        likelihood: a name in ``LIKELIHOODS`` or an object; ``"auto"`` takes what is usual for such targets. By name,
            the noise scale of a regression is fitted after training, to the residuals on ``validation`` if given, else
            on the training rows; an object keeps its own.
        test: (x, y) evaluated after every epoch, never used to decide.
        validation: (x, y) that early stopping watches.
        optimizer: a name in ``OPTIMIZERS``, or any Optax transformation with its own step size.
        learning_rate: largest step size; by default the usual one of the optimizer.
        schedule: a name in ``SCHEDULES``.
        epochs: passes over the training rows.
        batch_size: rows a minibatch; by default 128, fewer for small sets, all rows for L-BFGS.
        sample_weight: (N,) weights, scaled to mean one.
        patience: epochs without progress on ``validation`` after which training stops and the best epoch is kept.
        anneal: before it stops, let the step size fall from the best epoch on, over this share of the epochs up to it.
        ema: decay of a moving average of θ, which is then what is kept; 0 for none.
        seed: of starting weights, order and dropout; the same seed gives the same bits.
        hooks: called between chunks of steps.
        start: θ and running statistics to begin with; drawn from the seed when absent.
        settings: further settings of `make_optimizer`, such as ``momentum``, ``weight_decay`` or ``clip_norm``.

    Returns:
        The model; its ``history`` holds a dictionary an epoch.

    Raises:
        ArgumentError: settings, shapes or targets that cannot be used.
        DivergedError: a quantity was not finite; names epoch, step and quantity.
        KeyboardInterrupt: Ctrl-C before the end of the first epoch; later it gives the model so far, with a warning.

    Example:
        >>> import numpy as np
        >>> from thalweg.network import dense_network
        >>> x = np.linspace(-1, 1, 64)[:, None]
        >>> model = fit(dense_network(1, (16,), 1), x, x**2, likelihood="gaussian", learning_rate=0.01, epochs=100)
        >>> model.history[-1]["train_rmse"] < 0.1
        True
    """
    features = _features(x, "x", network)
    targets = np.asarray(_mapped(y, "y"))
    family = make_likelihood(
        _usual(network, targets) if isinstance(likelihood, str) and likelihood == "auto" else likelihood
    )
    encoder = _label_encoder(network, family, features, targets)
    whole = isinstance(optimizer, str) and optimizer in OPTIMIZERS and OPTIMIZERS[optimizer].full_batch
    rows = len(features)
    if whole:
        check_full_batch(str(optimizer), batch_size, rows)
    encoded = _targets(targets, family, encoder)
    _check_width(network, family, encoded)
    size = rows if whole else batch_size or default_batch_size(rows)
    batches = _batches(features, encoded, size, seed, sample_weight)
    held_out = _evaluated(validation, "validation", network, family, encoder)
    rule = make_optimizer(
        optimizer,
        total_steps=max(1, epochs) * batches.steps,
        steps_per_epoch=batches.steps,
        learning_rate=learning_rate,
        schedule=schedule,
        **settings,
    )
    trained = train(
        network,
        family,
        batches,
        rule,
        epochs=epochs,
        seed=seed,
        test=_evaluated(test, "test", network, family, encoder),
        validation=held_out,
        start=None if start is None else begin(network, rule, *start, average=ema > 0),
        average=ema,
        stopping=choose_stopping(patience, anneal),
        hooks=hooks,
    )
    finished(trained, epochs)
    model = Model(network, family, trained.params, trained.state, encoder, trained.history)
    if not isinstance(likelihood, str):
        return model
    # Residuals of rows held out of training tell the noise; those of training rows flatter it.
    judged = held_out or batches
    some = weighted_spread(NOISE_ROWS, judged.rows, getattr(judged, "sample_weight", None))
    return with_noise(model, judged.x[some], judged.y[some])


def finished(trained: Trained, epochs: int) -> None:
    """Warn of training that was interrupted.

    Raises:
        KeyboardInterrupt: it was before the end of the first epoch.
    """
    if trained.status == "interrupted":
        done = len(trained.history)
        if not done:
            raise KeyboardInterrupt
        warnings.warn(f"Training was interrupted after {done} of {epochs} epochs.", UserWarning, stacklevel=3)


def _mapped(values: Any, argument: str) -> Any:
    """Map a ``.npy`` file given by its path; anything else passes."""
    if not isinstance(values, (str, Path)):
        return values
    if Path(values).suffix != ".npy":
        raise ArgumentError(
            argument, "an array or the path of a .npy file", repr(str(values)), "Other files: thalweg train."
        )
    from thalweg.core.files import storage_errors

    with storage_errors("read", values):
        return np.load(values, mmap_mode="r", allow_pickle=False)


def _features(x: Any, argument: str, network: Network) -> NDArray[Any]:
    array = _mapped(x, argument)
    if not len(array):
        raise ArgumentError(argument, "at least one row", "none")
    if not isinstance(array, np.ndarray):
        array = np.asarray(array)
    if array.dtype.kind not in "biuf":
        raise ArgumentError(
            argument, "numbers", f"an array of {array.dtype}", "For tables with text use thalweg train."
        )
    flat: NDArray[Any] = array.reshape(len(array), -1) if array.ndim > 2 else array
    if flat.ndim != 2 or flat.shape[1] != network.inputs:
        raise ArgumentError(argument, f"{network.inputs} features a row, as the network takes", f"shape {array.shape}")
    if not isinstance(flat, np.memmap) and flat.dtype.kind == "f" and not np.isfinite(flat).all():
        row, column = np.argwhere(~np.isfinite(flat))[0]
        raise ArgumentError(
            argument,
            "finite numbers",
            f"{flat[row, column]} in row {row}, column {column} (from 0)",
            "Fill or leave out missing values; thalweg train does it for tables.",
        )
    return flat


def _usual(network: Network, targets: NDArray[Any]) -> str:
    task = TASKS[guess_kind(targets)]
    return auto_likelihood(task, 2 if network.outputs == 1 else None)


def _label_encoder(
    network: Network, likelihood: Likelihood, features: NDArray[Any], targets: NDArray[Any]
) -> Encoder | None:
    """An encoder of labels that are not class numbers; features pass through it unchanged."""
    if TASKS[likelihood.targets] != "classification":
        return None
    classes = likelihood.target_width(network.outputs)
    numbers = targets.dtype.kind in "iu" and targets.ndim == 1
    if numbers and targets.size and targets.min() >= 0 and targets.max() < classes:
        return None
    if targets.dtype.kind == "f" and targets.size and not (targets == np.round(targets)).all():
        return None  # continuous: the likelihood's own check says what would produce such targets
    names = numbered(network.inputs)
    outputs = Targets.fit(Table("y", features, targets, names), kind=likelihood.targets)
    if outputs.classes is not None and len(outputs.classes) != classes:
        needed = likelihood.output_width(outputs.transform(Table("y", features, targets, names)), len(outputs.classes))
        raise ArgumentError(
            "y",
            f"{classes} classes, as the network has",
            f"{len(outputs.classes)}",
            f"Build the network with outputs={needed}.",
        )
    unchanged = Numbers(np.zeros(1), np.ones(1), np.zeros(1), (), network.inputs)
    return Encoder(names, unchanged, (), (), outputs, None, None, features.dtype.name)


def _targets(targets: NDArray[Any], likelihood: Likelihood, encoder: Encoder | None) -> NDArray[Any]:
    """Targets as the likelihood takes them, of whatever type they come in."""
    if encoder is not None:
        return encoder.targets(Table("y", np.empty((len(targets), 0)), targets, ()))
    if TASKS[likelihood.targets] == "classification":
        return targets.astype(np.int32) if targets.dtype.kind in "iub" else targets
    if likelihood.targets != "labels" and targets.dtype.kind not in "biuf":
        raise ArgumentError("y", f"numbers for the likelihood {likelihood.name!r}", f"an array of {targets.dtype}")
    return plain_targets(likelihood.targets, targets)


def _check_width(network: Network, likelihood: Likelihood, targets: NDArray[Any]) -> None:
    """Check the width of the output, where the targets tell it: of classes, some may be absent."""
    if TASKS[likelihood.targets] == "classification":
        return
    needed = likelihood.output_width(targets)
    if needed != network.outputs:
        raise ArgumentError(
            "network",
            f"{needed} output(s) for {likelihood.name!r} and {targets.shape[1]} target(s) a row",
            network.outputs,
            f"Build the network with outputs={needed}.",
        )


def _batches(
    features: NDArray[Any], targets: NDArray[Any], batch_size: int, seed: int, sample_weight: NDArray[Any] | None = None
) -> ArrayBatches | DiskBatches:
    if isinstance(features, np.memmap):
        convert = None if features.dtype == np.float32 else lambda rows: rows.astype(np.float32)
        return DiskBatches(features, targets, batch_size, convert, sample_weight, seed)
    return ArrayBatches(np.asarray(features, np.float32), targets, batch_size, sample_weight, seed)


def _evaluated(
    pair: Pair | None, argument: str, network: Network, likelihood: Likelihood, encoder: Encoder | None
) -> ArrayBatches | DiskBatches | None:
    if pair is None:
        return None
    features = _features(pair[0], argument, network)
    targets = _targets(np.asarray(_mapped(pair[1], argument)), likelihood, encoder)
    likelihood.check(network.outputs, targets)
    return _batches(features, targets, min(EVALUATION_ROWS, len(features)), 0)
