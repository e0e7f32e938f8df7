"""A trained network with all it needs to answer: predict, evaluate, save, load."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError, ModelError
from thalweg.core.types import Params, State
from thalweg.core.validate import number
from thalweg.data.kinds import TASKS
from thalweg.data.target_values import plain_targets
from thalweg.deploy.artefact import read_artefact, write_artefact
from thalweg.deploy.check import check_encoder, check_windows
from thalweg.likelihoods import Likelihood, likelihood_from_dict
from thalweg.network import Network, path_name

if TYPE_CHECKING:
    from thalweg.data.encode import Encoder

BUCKETS = (16, 256, 4096)
"""Rows of one forward pass: inputs are cut and filled up to these, so that at most three programs are compiled."""


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network, its likelihood, and the encoder that turns rows of a user's data into its inputs.

    Args:
        network: description of the network.
        likelihood: how targets scatter around its outputs.
        params: trained parameters.
        state: running statistics.
        encoder: fitted on the training data; without one, inputs are arrays (N, d) and answers are in the units the
            network was trained in, classes being numbers from 0.
        history: one dictionary an epoch.

    Example:
        >>> import jax, numpy as np
        >>> from thalweg.likelihoods import make_likelihood
        >>> from thalweg.network import dense_network
        >>> network = dense_network(4, (8,), 3)
        >>> params = network.init(jax.random.key(0))
        >>> model = Model(network, make_likelihood("categorical"), params, network.init_state())
        >>> model.predict_proba(np.zeros((5, 4))).shape
        (5, 3)
    """

    network: Network
    likelihood: Likelihood
    params: Params
    state: State
    encoder: Encoder | None = None
    history: Sequence[Mapping[str, Any]] = ()
    _forward: Callable[..., Any] = field(init=False, repr=False)
    _cost: Callable[..., Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_forward", jax.jit(self.network.apply))
        object.__setattr__(self, "_cost", jax.jit(partial(_total_cost, self.likelihood.unweighted())))

    @property
    def task(self) -> str:
        """``"classification"``, ``"multilabel"`` or ``"regression"``."""
        return TASKS[self.likelihood.targets]

    @property
    def classes(self) -> NDArray[Any]:
        """What the columns of `predict_proba` stand for: classes, or names of labels; empty for regression."""
        if self.task == "regression":
            return np.empty(0, np.int64)
        if self.encoder is not None:
            return np.asarray(self.encoder.target_names if self.encoder.classes is None else self.encoder.classes)
        return np.arange(self.likelihood.target_width(self.network.outputs))

    def encode(self, x: Any) -> NDArray[np.float32]:
        """Return the network's inputs for rows of data: an array, a data frame or a table.

        Raises:
            ArgumentError: another number of features than the network was trained on.
            DataError: columns are missing, or values cannot be read.
        """
        if self.encoder is not None:
            from thalweg.data.read import read

            array = self.encoder.features(read(x, need_target=False))
        else:
            array = np.asarray(x)
            array = array.reshape(len(array), -1) if array.ndim > 2 else array
        if array.ndim != 2 or array.shape[1] != self.network.inputs:
            raise ArgumentError("x", f"rows of {self.network.inputs} features", f"shape {array.shape}")
        return np.ascontiguousarray(array, np.float32)

    def outputs(self, x: Any) -> NDArray[np.float32]:
        """Return the network's raw outputs (logits, standardized means), shape (N, K)."""
        pieces = [self._outputs(self.encode(piece)) for piece in _pieces(x)]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _outputs(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        result = np.empty((len(x), self.network.outputs), np.float32)
        for start in range(0, len(x), BUCKETS[-1]):
            chunk = x[start : start + BUCKETS[-1]]
            rows = len(chunk)
            padded = np.pad(chunk, ((0, bucket(rows) - rows), (0, 0)))
            result[start : start + rows] = np.asarray(self._forward(self.params, self.state, padded))[:rows]
        return result

    def predict(self, x: Any) -> NDArray[Any]:
        """Return the best single answer to each row.

        Returns:
            The most probable class (N,), in the type it had in training; for several labels zeros and ones (N, K); for
            numbers and counts the mean in the units of the target: (N,), or (N, K) for K > 1.
        """
        return self._answer(self.outputs(x))

    def predict_proba(self, x: Any) -> NDArray[np.float32]:
        """Return the probability of each class (N, C), or of each label (N, K), in the order of `classes`.

        Raises:
            ArgumentError: the model predicts numbers, not classes.
        """
        if self.task == "regression":
            raise ArgumentError("predict_proba", "a classifier", "a regression model", "Use predict_dist.")
        outputs: Any = self.outputs(x)
        return np.asarray(self.likelihood.mean(outputs), np.float32)

    def predict_dist(self, x: Any) -> Any:
        """Return q(y|x; θ) as a NumPyro distribution over N rows: over class numbers, or in the target's units."""
        return self.distribution(self.outputs(x))

    def distribution(self, outputs: Any) -> Any:
        """Return the distribution that raw outputs (N, ·) stand for, in the target's units."""
        distribution = self.likelihood.predictive(outputs)
        if self.likelihood.targets != "numbers":
            return distribution
        from thalweg.probability import affine

        return affine(distribution, *self.target_scale())

    def predict_quantiles(self, x: Any, levels: Sequence[float]) -> NDArray[np.float64]:
        """Return quantiles of the predictive distribution, in the units of the target.

        Args:
            x: features, as for `predict`.
            levels: Q probabilities between 0 and 1.

        Returns:
            The shape of `predict` with one more axis, Q long: (N, Q), or (N, K, Q) for K > 1 targets.

        Raises:
            ArgumentError: the model predicts no numbers, or a level is not between 0 and 1.
        """
        return self._squeezed(self.quantiles(self.outputs(x), levels))

    def predict_interval(self, x: Any, coverage: float = 0.9) -> NDArray[np.float64]:
        """Return central intervals of the predictive distribution, in the units of the target.

        The interval of coverage c reaches from the quantile of (1 - c)/2 to that of (1 + c)/2. Whether it holds that
        share of true values is for held-out rows to say: see `evaluate` and the run's report.

        Args:
            x: features, as for `predict`.
            coverage: probability c that the interval claims.

        Returns:
            Lower and upper ends: (N, 2), or (N, K, 2) for K > 1 targets.

        Raises:
            ArgumentError: the model predicts no numbers, or ``coverage`` is not between 0 and 1.
        """
        return self.predict_quantiles(x, interval_levels(coverage))

    def quantiles(self, outputs: Any, levels: Sequence[float]) -> NDArray[np.float64]:
        """Return the quantiles (N, K, Q) that raw outputs (N, ·) stand for, in the units of the target."""
        from thalweg.probability import quantile

        if self.task != "regression":
            raise ArgumentError("predict_quantiles", "a model of numbers", f"a {self.task} model", "Use predict_proba.")
        q = np.array([number("levels", level, above=0, below=1) for level in levels]).reshape(-1, 1, 1)
        return np.moveaxis(np.asarray(quantile(self.distribution(outputs), q), np.float64), 0, -1)

    def evaluate(self, x: Any, y: Any) -> dict[str, float]:
        """Test on labelled data.

        Args:
            x: features, as for `predict`.
            y: labels, or values in the units of the target.

        Returns:
            ``rows``, ``loss`` (mean -ln q(y|x; θ) in nats, in the target's units; of quantiles the pinball loss of
            training), and ``error`` (share of rows whose most probable class is wrong, or of labels that are) or
            ``rmse`` (in the target's units).

        Raises:
            ArgumentError: ``x`` and ``y`` differ in length.
            DataError: labels that did not occur in training, or values that are none of the kind.
        """
        outputs: Any = self.outputs(x)
        targets: Any = self._targets(y)
        if len(targets) != len(outputs):
            raise ArgumentError("y", f"{len(outputs)} targets, one for each row of x", f"{len(targets)}")
        self.likelihood.check(self.network.outputs, targets)
        scores = np.asarray(self.likelihood.score(outputs, targets), np.float64)
        loss = self.loss(outputs, targets)
        if self.likelihood.metric == "error":
            return {"rows": len(outputs), "loss": loss, "error": float(scores.mean())}
        _, scale = self.target_scale()
        return {"rows": len(outputs), "loss": loss, "rmse": math.sqrt(float((scores * scale**2).mean()))}

    def target_scale(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return shift and scale (K,) from the network's units to the target's: y = shift + scale · mean."""
        width = self.likelihood.target_width(self.network.outputs)
        if self.encoder is None or self.likelihood.targets != "numbers":
            return np.zeros(width), np.ones(width)
        return self.encoder.target_mean, self.encoder.target_scale

    def save(self, folder: Path | str) -> None:
        """Write the model folder: ``model.json`` and ``weights.safetensors``. It holds no code.

        Raises:
            StorageError: the place is read-only, full, or holds something other than a model.
        """
        write_artefact(folder, self.describe(), named({"params": self.params, "state": self.state}))

    def describe(self) -> dict[str, Any]:
        """Return all but the weights as JSON values."""
        return {
            "network": self.network.to_dict(),
            "likelihood": self.likelihood.to_dict(),
            "encoder": None if self.encoder is None else self.encoder.to_dict(),
            "history": [dict(row) for row in self.history],
        }

    def _targets(self, y: Any) -> NDArray[Any]:
        """Return targets as the network was trained on them: class numbers (N,), or labels or numbers (N, K)."""
        if self.encoder is not None:
            from thalweg.data.table import Table

            return self.encoder.targets(Table("y", np.empty((len(y), 0)), np.asarray(y), ()))
        targets = np.asarray(y)
        return targets if self.task == "classification" else plain_targets(self.likelihood.targets, targets)

    def _answer(self, outputs: Any) -> NDArray[Any]:
        mean = np.asarray(self.likelihood.mean(outputs))
        if self.task == "classification":
            return np.asarray(self.classes[mean.argmax(axis=1)])
        if self.task == "multilabel":
            return np.asarray(mean > 0.5, np.int64)
        shift, scale = self.target_scale()
        return self._squeezed(np.asarray(mean * scale + shift))

    @staticmethod
    def _squeezed(values: NDArray[Any]) -> NDArray[Any]:
        """Values (N, K, …) without the axis of targets where there is one target alone."""
        return values[:, 0] if values.shape[1] == 1 else values

    def loss(self, outputs: NDArray[np.float32], targets: NDArray[Any]) -> float:
        """Return the mean -ln q(y|x; θ) in nats, in the units of the target; of other costs the mean as in training.

        Args:
            outputs: raw outputs of the network (N, ·).
            targets: as the network was trained on them, see `Encoder.targets`.
        """
        total = 0.0
        for start in range(0, len(outputs), BUCKETS[-1]):
            part, y = outputs[start : start + BUCKETS[-1]], targets[start : start + BUCKETS[-1]]
            fill = bucket(len(part)) - len(part)
            weight = np.pad(np.ones(len(part), np.float32), (0, fill))
            part = np.pad(part, ((0, fill), (0, 0)))
            y = np.pad(y, [(0, fill)] + [(0, 0)] * (y.ndim - 1), mode="edge")
            total += float(self._cost(part, y, weight))
        mean = total / max(1, len(outputs))
        # Standardized targets have another density: ln|dy/dz| = Σ ln scale comes back in.
        return mean + float(np.log(self.target_scale()[1]).sum()) if self.likelihood.proper else mean


def load(folder: Path | str) -> Model:
    """Load a model folder; no code from it is run.

    Args:
        folder: written by `Model.save`, or a run folder (its ``model`` is taken).

    Returns:
        The model; a `Segmenter` where it was trained on images with masks.

    Raises:
        ModelError: missing or damaged files, weights that do not fit the network, or a newer schema.
        StorageError: the files cannot be read.
    """
    folder = Path(folder)
    if not (folder / "model.json").exists() and (folder / "model").is_dir():
        folder = folder / "model"
    description, arrays = read_artefact(folder)
    try:
        network = Network.from_dict(description["network"])
        likelihood = likelihood_from_dict(description["likelihood"])
        encoder = None
        if description.get("encoder") is not None:
            from thalweg.data.encode import Encoder

            encoder = Encoder.from_dict(description["encoder"])
            check_encoder(encoder, network, likelihood)
        windows = None
        if description.get("windows") is not None:
            from thalweg.data.windows import WindowEncoder

            windows = WindowEncoder.from_dict(description["windows"])
            check_windows(windows, network, likelihood)
        history = [dict(row) for row in description.get("history", [])]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ModelError(f"{folder} is damaged: its description cannot be read ({error}).") from error
    example = jax.ShapeDtypeStruct((2, network.inputs), np.float32)
    structure = {
        "params": jax.eval_shape(lambda x: network.init(jax.random.key(0), x), example),
        "state": jax.eval_shape(network.init_state),
    }
    tree = restored(structure, arrays, folder)
    parts = network, likelihood, tree["params"], tree["state"]
    if windows is not None:
        from thalweg.deploy.segmenter import Segmenter

        return Segmenter(*parts, history=history, windows=windows)
    return Model(*parts, encoder, history)


def interval_levels(coverage: float) -> tuple[float, float]:
    """Return the two quantile levels between which a central interval lies.

    Example:
        >>> interval_levels(0.5)
        (0.25, 0.75)
    """
    c = number("coverage", coverage, above=0, below=1)
    return (1 - c) / 2, (1 + c) / 2


def _pieces(x: Any) -> Iterator[Any]:
    """Yield rows as they are, or of a memory-mapped array or table a bucket at a time."""
    if not (isinstance(x, np.memmap) or getattr(x, "is_mapped", False)) or len(x) <= BUCKETS[-1]:
        yield x
        return
    for start in range(0, len(x), BUCKETS[-1]):
        piece = slice(start, start + BUCKETS[-1])
        yield x[piece] if isinstance(x, np.memmap) else x.rows(piece)


def bucket(rows: int) -> int:
    """Return the smallest bucket that holds ``rows``.

    Example:
        >>> bucket(1), bucket(17), bucket(9999)
        (16, 256, 4096)
    """
    return next((size for size in BUCKETS if rows <= size), BUCKETS[-1])


def named(tree: Any) -> dict[str, NDArray[Any]]:
    """Return the arrays of a pytree by readable names such as ``params.0.weight``."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {path_name(path): np.asarray(leaf) for path, leaf in leaves}


def restored(structure: Any, arrays: Mapping[str, NDArray[Any]], folder: Path) -> Any:
    """Return the pytree of ``structure`` filled with the named arrays.

    Raises:
        ModelError: an array is missing, too many, or of another shape.
    """
    leaves, treedef = jax.tree_util.tree_flatten_with_path(structure)
    expected = {path_name(path): tuple(leaf.shape) for path, leaf in leaves}
    for name, shape in expected.items():
        if name not in arrays:
            raise ModelError(f"{folder} is damaged: the weights lack {name}.")
        if arrays[name].shape != shape:
            raise ModelError(f"{folder} is damaged: {name} has shape {arrays[name].shape}, the network needs {shape}.")
    if surplus := sorted(set(arrays) - set(expected)):
        raise ModelError(f"{folder} is damaged: the weights hold {surplus[0]}, which the network does not have.")
    return jax.tree_util.tree_unflatten(treedef, [arrays[name] for name in expected])


def _total_cost(likelihood: Likelihood, outputs: Any, y: Any, weight: Any) -> Any:
    return (likelihood.cost(outputs, y) * weight).sum()
