"""A trained network with all it needs to answer: predict, decide, evaluate, calibrate, save."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.types import Params, State
from thalweg.core.validate import number
from thalweg.data.kinds import TASKS
from thalweg.data.target_values import plain_targets
from thalweg.decisions import Decisions, decide
from thalweg.decisions.calibration import Calibration, fit_calibration
from thalweg.decisions.outcomes import class_probabilities
from thalweg.deploy.artefact import write_artefact
from thalweg.deploy.rows import BUCKETS, bucket, filled, interval_levels, most_rows, pieces, several
from thalweg.deploy.weights import named
from thalweg.likelihoods import Likelihood
from thalweg.network import Network

if TYPE_CHECKING:
    from thalweg.data.encode import Encoder


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
        calibration: what held-out rows taught about its answers, see `calibrate`; all answers below use it.

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
    calibration: Calibration = field(default_factory=Calibration)
    _forward: Callable[..., Any] = field(init=False, repr=False)
    _cost: Callable[..., Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_forward", _forward_program(self.network))
        object.__setattr__(self, "_cost", _cost_program(self.likelihood.unweighted()))

    def __getstate__(self) -> dict[str, Any]:
        # Compiled programs do not travel; they are found again where the model arrives.
        return {part.name: getattr(self, part.name) for part in fields(self) if part.init}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)
        self.__post_init__()

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
        parts = [self.encoded_outputs(self.encode(piece)) for piece in pieces(x)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def encoded_outputs(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the raw outputs (N, K) for rows that are encoded already, see `encode`."""
        if len(x) == 1 and self._takes_one:
            return np.array(self._forward(self.params, self.state, x))  # a copy: JAX's own arrays cannot be written
        result = np.empty((len(x), self.network.outputs), np.float32)
        most = len(x) if len(x) <= BUCKETS[1] else self._most_rows
        for start in range(0, len(x), max(1, most)):
            chunk = x[start : start + most]
            rows = len(chunk)
            result[start : start + rows] = np.asarray(self._forward(self.params, self.state, filled(chunk)))[:rows]
        return result

    @cached_property
    def _takes_one(self) -> bool:
        return several(self.network.layers)

    @cached_property
    def _most_rows(self) -> int:
        return most_rows(self.network, self.params, self.state)

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
        return np.asarray(self.probabilities(self.outputs(x)), np.float32)

    def probabilities(self, outputs: Any) -> NDArray[Any]:
        """Return the probability of each class (N, C), or of each label (N, K), that raw outputs (N, ·) stand for."""
        if self.calibration.way is None:
            return np.asarray(self.likelihood.mean(outputs))
        p = np.asarray(class_probabilities(self.distribution(outputs)))
        return p[..., 1] if self.task == "multilabel" else p

    def predict_dist(self, x: Any) -> Any:
        """Return q(y|x; θ) as a NumPyro distribution over N rows: over class numbers, or in the target's units."""
        return self.distribution(self.outputs(x))

    def distribution(self, outputs: Any) -> Any:
        """Return the distribution that raw outputs (N, ·) stand for, in the target's units."""
        distribution = self.likelihood.predictive(outputs)
        if self.likelihood.targets == "numbers":
            from thalweg.probability import affine

            distribution = affine(distribution, *self.target_scale())
        return self.calibration(distribution)

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
        """Return intervals in the units of the target, one for each row.

        A model with conformal scores gives intervals that hold a share ``coverage`` of true values, see `calibrate`.
        Any other gives the central interval of its predictive distribution, from the quantile of (1 - c)/2 to that of
        (1 + c)/2; whether it holds that share is for held-out rows to say: see `evaluate` and the run's report.

        Args:
            x: features, as for `predict`.
            coverage: probability c that the interval claims.

        Returns:
            Lower and upper ends: (N, 2), or (N, K, 2) for K > 1 targets.

        Raises:
            ArgumentError: the model predicts no numbers, or ``coverage`` is not between 0 and 1.
        """
        if self.calibration.conformal is None or self.task != "regression":
            return self.predict_quantiles(x, interval_levels(coverage))
        ends = self.calibration.conformal.intervals(self.predict_dist(x), coverage)
        return self._squeezed(np.stack(ends, axis=-1))

    def predict_sets(self, x: Any, coverage: float = 0.9) -> NDArray[np.bool_]:
        """Return the classes (N, C) of each row's conformal set, which holds the true one at the rate ``coverage``.

        Raises:
            ArgumentError: no classifier with conformal scores, or more coverage than its held-out rows can promise.
        """
        if self.calibration.conformal is None or self.task != "classification":
            raise ArgumentError(
                "predict_sets", "a classifier with conformal scores", "none", 'Use calibrate(x, y, "conformal").'
            )
        return self.calibration.conformal.sets(self.probabilities(self.outputs(x)), coverage)

    def calibrate(self, x: Any, y: Any, method: str = "temperature", **settings: Any) -> Model:
        """Return the model with its answers mended on rows that were held out of training.

        Args:
            x: features, as for `predict`.
            y: labels, or values in the units of the target.
            method: ``"temperature"`` or ``"isotonic"`` for probabilities, ``"scale"`` for deviations of numbers,
                ``"conformal"`` for intervals or sets of stated coverage; see `fit_calibration`.
            settings: ``score`` and ``base`` of conformal prediction.

        Raises:
            ArgumentError: a method that does not fit the model, or ``x`` and ``y`` differ in length.
        """
        return self.calibrated(self.outputs(x), self._targets(y), method, **settings)

    def calibrated(self, outputs: Any, targets: NDArray[Any], method: str, **settings: Any) -> Model:
        """Do what `calibrate` does, for raw outputs (N, ·) and encoded targets, see `Encoder.targets`."""
        if len(outputs) != len(targets):
            raise ArgumentError("y", f"{len(outputs)} targets, one for each row of x", f"{len(targets)}")
        bare = replace(self, calibration=Calibration())
        y = self.in_units(targets)
        fitted = fit_calibration(method, bare.distribution(outputs), y, former=self.calibration, **settings)
        return replace(self, calibration=fitted)

    def decide(self, x: Any, cost: Any = "0-1", **settings: Any) -> Decisions:
        """Return the action of least expected cost for each row, beside the most probable one (MAP).

        Args:
            x: features, as for `predict`.
            cost: a name, a matrix (true classes × actions), a CSV file's path, or a callable ``cost(action, y)``.
            settings: ``reject``, ``budget`` and others of `thalweg.decisions.decide`.

        Raises:
            ArgumentError: a cost that does not fit the model, or settings that do not go together.
        """
        outputs = self.outputs(x)
        if self.task != "regression":
            names = self.classes.tolist() if self.task == "classification" else None
            return decide(self.distribution(outputs), cost, classes=names, **settings)
        starts = range(0, max(1, len(outputs)), BUCKETS[-1])
        parts = [self.distribution(outputs[start : start + BUCKETS[-1]]) for start in starts]
        return decide(parts, cost, **settings).each(self._squeezed)

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
        calibration = {"calibration": self.calibration.to_dict()} if self.calibration.methods else {}
        return {
            "network": self.network.to_dict(),
            "likelihood": self.likelihood.to_dict(),
            "encoder": None if self.encoder is None else self.encoder.to_dict(),
            "history": [dict(row) for row in self.history],
            **calibration,
        }

    def _targets(self, y: Any) -> NDArray[Any]:
        """Return targets as the network was trained on them: class numbers (N,), or labels or numbers (N, K)."""
        if self.encoder is not None:
            from thalweg.data.table import Table

            return self.encoder.targets(Table("y", np.empty((len(y), 0)), np.asarray(y), ()))
        targets = np.asarray(y)
        return targets if self.task == "classification" else plain_targets(self.likelihood.targets, targets)

    def _answer(self, outputs: Any) -> NDArray[Any]:
        if self.task == "regression":
            return self._squeezed(self.in_units(np.asarray(self.likelihood.mean(outputs))))
        if self.task == "multilabel":
            return np.asarray(self.probabilities(outputs) > 0.5, np.int64)
        calibrated = self.calibration.way is not None
        best = self.probabilities(outputs).argmax(axis=1) if calibrated else self.likelihood.most_probable(outputs)
        answers: NDArray[Any] = self.classes[np.asarray(best)]
        return answers

    def in_units(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return standardized numbers (N, K) in the units of the target; classes, labels and counts as they are."""
        if self.likelihood.targets != "numbers":
            return values
        shift, scale = self.target_scale()
        return np.asarray(values * scale + shift)

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
        return float(self.losses(outputs, targets).sum()) / max(1, len(outputs))

    def losses(self, outputs: NDArray[np.float32], targets: NDArray[Any]) -> NDArray[np.float64]:
        """Return what `loss` averages, for each row (N,)."""
        if self.calibration.way is not None:
            return -np.asarray(self.distribution(outputs).log_prob(self.in_units(targets)), np.float64)
        costs: NDArray[np.float64] = np.empty(len(outputs))
        for start in range(0, len(outputs), BUCKETS[-1]):
            part, y = outputs[start : start + BUCKETS[-1]], targets[start : start + BUCKETS[-1]]
            fill = bucket(len(part)) - len(part)
            y = np.pad(y, [(0, fill)] + [(0, 0)] * (y.ndim - 1), mode="edge")
            costs[start : start + len(part)] = np.asarray(self._cost(filled(part), y))[: len(part)]
        # Standardized targets have another density: ln|dy/dz| = Σ ln scale comes back in.
        return costs + float(np.log(self.target_scale()[1]).sum()) if self.likelihood.proper else costs


# Equal networks share a program: a model that was trained, copied or loaded again is not compiled again.
@lru_cache(maxsize=64)
def _forward_program(network: Network) -> Callable[..., Any]:
    program: Callable[..., Any] = jax.jit(network.apply)
    return program


@lru_cache(maxsize=64)
def _cost_program(likelihood: Likelihood) -> Callable[..., Any]:
    program: Callable[..., Any] = jax.jit(likelihood.cost)
    return program
