"""Several networks for one plan: an ensemble of seeds, the folds of cross-validation, or both."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError, TrainingWarning
from thalweg.data.batches import Batches, taken, weighted_spread
from thalweg.deploy import Model
from thalweg.likelihoods import Likelihood, Members
from thalweg.network import Members as MembersLayer
from thalweg.network import Network
from thalweg.network.embeddings import view_sizes
from thalweg.optimizers import Optimizer
from thalweg.recipes.calibration import ROWS
from thalweg.recipes.noise import NOISE_ROWS
from thalweg.training import Checkpoints, Hook, Trained, TrainedMembers, as_one, out_of_fold, train_members
from thalweg.training.members import together_likelihood
from thalweg.training.state import TrainState


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What the networks of a cross-validation say of the rows that they were not trained on.

    Attributes:
        network: the networks of one row side by side: one a repeat of the folds.
        likelihood: the likelihood of their outputs.
        outputs: (N, ·) raw outputs, each row by the networks that held it out.
        y: (N, …) targets as the network is trained on them.
        folds: (N,) number of each row's fold.
        weight: (N,) of the rows; None for equal ones.
    """

    network: Network
    likelihood: Members
    outputs: NDArray[np.float32]
    y: NDArray[Any]
    folds: NDArray[np.int64]
    weight: NDArray[Any] | None

    def model(self, model: Model) -> Model:
        """Return a model that gives meaning to ``outputs``, with the weights, noise and calibration of another."""
        family = model.likelihood
        assert isinstance(family, Members), "of an ensemble"
        likelihood = self._like(self.likelihood, family)
        return dataclasses.replace(model, network=self.network, likelihood=likelihood, params=(), state=())

    def mended(self, model: Model, calibrate: str) -> Model:
        """Return the model with weights, noise, and the calibration asked for, fitted to the rows held out."""
        some = weighted_spread(NOISE_ROWS, len(self.y), self.weight)
        outputs, y = self.outputs[some], np.asarray(taken(self.y, some))
        fitted = self.likelihood.with_weights(outputs, y, view_sizes(self.network))
        fitted = self._like(fitted, fitted).with_noise(outputs, y)
        assert isinstance(model.likelihood, Members), "of an ensemble"
        model = dataclasses.replace(model, likelihood=self._like(model.likelihood, fitted))
        if calibrate == "none":
            return model
        some = weighted_spread(ROWS, len(self.y), self.weight, times=1)
        judged = self.model(model).calibrated(self.outputs[some], np.asarray(taken(self.y, some)), calibrate)
        return dataclasses.replace(model, calibration=judged.calibration)

    def _like(self, family: Members, other: Members) -> Members:
        """Return a family with the noise of another, and its weights: in each network the same for the same member.

        A row is told by the networks of one fold, but what they say of a view of the inputs holds for all of them.
        """
        if not other.weights:
            return dataclasses.replace(family, base=other.base)
        first = self.network.layers[0]
        assert isinstance(first, MembersLayer), "networks side by side"
        of_one = np.reshape(other.weights, (-1, self.likelihood.members // first.members)).mean(axis=0)
        weights = np.tile(of_one, family.members // len(of_one))
        return dataclasses.replace(family, base=other.base, weights=tuple((weights / weights.sum()).tolist()))


@dataclass(frozen=True)
class Ensemble(Trained):
    """What training of several networks leaves; parameters and statistics are those of ``network``.

    Attributes:
        network: all usable members side by side.
        likelihood: the likelihood of their outputs.
        members: what each of them left.
        held_out: what they say of rows held out of their training, None without folds.
    """

    network: Network
    likelihood: Likelihood
    members: TrainedMembers
    held_out: HeldOut | None


def train_ensemble(
    network: Network,
    likelihood: Likelihood,
    batches: Batches,
    optimizer: Optimizer,
    *,
    members: int,
    folds: int,
    seed: int,
    start: Trained | None = None,
    hooks: Sequence[Hook] = (),
    checkpoints: Checkpoints | None = None,
    **settings: Any,
) -> Ensemble:
    """Train ``members`` networks, or with folds so many for each fold, all at once.

    Args:
        network: of one member.
        likelihood: of one member.
        batches: the training set.
        optimizer: gives the updates.
        members: networks, for each fold if there are any; their seeds follow on ``seed``.
        folds: of cross-validation, 0 for none.
        seed: of the first member, and of the folds.
        start: nothing else than None: training of ensembles does not go on.
        hooks: follow the training.
        checkpoints: where a run keeps its state.
        settings: others of `thalweg.training.train_members`.

    Raises:
        ArgumentError: ``start``, or ``scores`` beside folds.
        DivergedError: all members went to infinity.
    """
    if start is not None:
        raise ArgumentError("members", "1, and no cv, where training goes on", members, "Train anew.")
    numbers = fold_numbers(batches, likelihood, folds, seed) if folds else None
    seeds = [(seed + m) % 2**32 for m in range(members * max(1, folds))]
    if numbers is not None:
        settings.pop("validation", None)
        settings["folds"] = numbers
    trained = train_members(
        network, likelihood, batches, optimizer, seeds=seeds, hooks=hooks, checkpoints=checkpoints, **settings
    )
    if trained.diverged:
        named = "; ".join(f"number {m + 1}: {words}" for m, words in list(trained.diverged.items())[:3])
        left = len(seeds) - len(trained.usable)
        warnings.warn(
            f"{len(trained.diverged)} of {len(seeds)} networks diverged, {left} are left out. {named}",
            TrainingWarning,
            stacklevel=3,
        )
    together, family, params, state = as_one(network, likelihood, trained)
    held_out = None
    if numbers is not None and trained.history:
        outputs = out_of_fold(network, trained, batches, numbers)
        one = Network(network.inputs, (MembersLayer(members, network.layers),))
        weight = getattr(batches, "sample_weight", None)
        held_out = HeldOut(one, together_likelihood(likelihood, members), outputs, batches.y, numbers, weight)
    kept = [trained.epochs[m] for m in trained.usable]
    return Ensemble(
        jax.tree.map(jnp.asarray, params),
        state,
        trained.history,
        int(np.median(kept)),
        trained.status,
        TrainState(params, state, (), (), jnp.int32(0), jnp.ones((), bool)),
        together,
        family,
        trained,
        held_out,
    )


def fold_numbers(batches: Batches, likelihood: Likelihood, folds: int, seed: int) -> NDArray[np.int64]:
    """Return the number of each row's fold: drawn by seed, of equal size, with each class spread evenly.

    That there are as many rows as folds is checked before, see `thalweg.recipes.choices.check_folds`.

    Example:
        >>> from thalweg.data.batches import ArrayBatches
        >>> from thalweg.likelihoods import Categorical
        >>> y = np.array([0, 0, 0, 1, 1, 1])
        >>> numbers = fold_numbers(ArrayBatches(np.zeros((6, 1)), y, 2), Categorical(), 3, seed=0)
        >>> [sorted(numbers[y == c].tolist()) for c in (0, 1)]
        [[0, 1, 2], [0, 1, 2]]
    """
    order = np.random.default_rng([seed, folds]).permutation(batches.rows)
    if likelihood.targets in {"classes", "ordered"}:
        order = order[np.argsort(np.asarray(batches.y)[order], kind="stable")]
    numbers = np.empty(batches.rows, np.int64)
    numbers[order] = np.arange(batches.rows) % folds
    return numbers
