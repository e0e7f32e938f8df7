"""What a run is made of, once its settings are resolved and its data is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from thalweg.core.types import Params, State
from thalweg.data.batches import Batches, weighted_spread
from thalweg.deploy import Model
from thalweg.likelihoods import Likelihood
from thalweg.network import Network
from thalweg.optimizers import Optimizer
from thalweg.recipes.calibration import calibrated_on
from thalweg.recipes.config import RunConfig
from thalweg.recipes.ensemble import Ensemble, train_ensemble
from thalweg.recipes.noise import NOISE_ROWS, with_noise, with_weights
from thalweg.recipes.step_sizes import StepSizes
from thalweg.recipes.tables import Tables
from thalweg.training import Checkpoints, EarlyStopping, Hook, Trained, begin, train


@dataclass(frozen=True, eq=False)
class Plan:
    """All that `thalweg.training.train` needs, the settings as resolved, and what becomes of the trained network.

    Attributes:
        config: the settings it was made from.
        start: θ_0 and running statistics where training starts from a network that was there; else drawn by seed.
        step_size: what the experiment said of it, where ``learning_rate`` was ``"auto"``.
        opening: what to tell of the data, and ``facts`` to write of it; empty for a table, of which all know the same.
    """

    config: RunConfig
    tables: Tables[Any]
    encoder: Any
    network: Network
    likelihood: Likelihood
    optimizer: Optimizer
    train: Batches
    validation: Batches | None
    test: Batches | None
    stopping: EarlyStopping | None
    settings: dict[str, Any]
    step_size: StepSizes | None = None
    opening: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    calibrate: str = "none"
    start: tuple[Params, State] | None = None

    def model(self, trained: Trained) -> Model:
        """Return the trained network as a model."""
        tables = self.tables
        history = [dict(row) for row in trained.history]
        network, likelihood = self.network, self.likelihood
        if isinstance(trained, Ensemble):
            network, likelihood = trained.network, trained.likelihood
        model = Model(network, likelihood, trained.params, trained.state, self.encoder, history)
        if isinstance(trained, Ensemble) and trained.held_out is not None:
            return trained.held_out.mended(model, self.calibrate)
        # Residuals of rows held out of training tell the noise; those of training rows flatter it.
        held_out, batches = tables.validation or tables.train, self.validation or self.train
        weight = getattr(batches, "sample_weight", None)
        held_out = held_out.rows(weighted_spread(NOISE_ROWS, len(held_out), weight))
        targets = self.encoder.targets(held_out)
        if tables.validation is not None:
            model = with_weights(model, held_out, targets)
        model = with_noise(model, held_out, targets)
        if self.calibrate == "none" or tables.validation is None:
            return model
        return calibrated_on(model, tables.validation, self.calibrate, weight=weight)


AnyPlan = TypeVar("AnyPlan", bound=Plan)


def train_plan(
    plan: Plan, hooks: Sequence[Hook] = (), checkpoints: Checkpoints | None = None, **settings: Any
) -> Trained:
    """Train what was planned, as long and as averaged as its settings say.

    Args:
        plan: what to train.
        hooks: follow the training.
        checkpoints: where a run keeps its state.
        settings: ``start``, ``scores`` and others of `thalweg.training.train`; they win over those of the plan.

    Raises:
        DivergedError: a quantity was not finite.
        ArgumentError: ``start`` for several members, or ``scores`` beside folds.
    """
    config = plan.config
    planned: dict[str, Any] = {
        "epochs": config.epochs,
        "seed": config.seed,
        "test": plan.test,
        "validation": plan.validation,
        "average": config.ema,
        "stopping": plan.stopping,
        "score_scale": plan.encoder.target_scale,
    }
    if plan.start is not None:
        planned["start"] = begin(plan.network, plan.optimizer, *plan.start, average=config.ema > 0)
    of_several = partial(train_ensemble, members=config.members, folds=config.cv)
    run = of_several if config.networks > 1 else train
    return run(
        plan.network,
        plan.likelihood,
        plan.train,
        plan.optimizer,
        hooks=hooks,
        checkpoints=checkpoints,
        **(planned | settings),
    )
