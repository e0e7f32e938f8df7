"""A closer look at a run that went badly: the loss where training ended, and whether one minibatch can be fitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from thalweg.core.errors import ModelError, ThalwegError
from thalweg.deploy import load
from thalweg.diagnosis.facts import Subject
from thalweg.diagnosis.facts.one_batch import STEPS, one_batch_facts
from thalweg.diagnosis.facts.point import point_facts
from thalweg.optimizers import make_optimizer
from thalweg.recipes.choices import choose_optimizer
from thalweg.recipes.prepare import prepare
from thalweg.runs.record import read_status, run_config

ADAM = 1e-3
"""Step size of the plain Adam that is tried beside the run's own optimizer."""


def probe_facts(path: Path) -> dict[str, Any]:
    """Return the groups of facts ``point`` and ``one_batch`` of a run; without a trained network the second alone.

    Its data is read again, and training on one minibatch begins where the run began.

    Args:
        path: run folder.

    Returns:
        The groups; empty for networks that trained together, runs on masks, and data that is not there any more.
    """
    config, settings = run_config(path), read_status(path).get("settings", {})
    if config.task != "rows" or config.networks > 1:
        return {}
    # The step size is the run's, and it does not fall in so few steps.
    config = config.model_copy(update={"learning_rate": settings.get("learning_rate", config.learning_rate)})
    try:
        plan = prepare(config)
    except ThalwegError:
        return {}
    subject = Subject(plan.network, plan.likelihood, plan.optimizer, plan.train, (), plan.config.epochs)
    # Evenly spread rows may be sorted: the minibatch is drawn from them.
    some = np.random.default_rng(0).permutation(len(subject.x))
    steady = plan.config.model_copy(
        update={"schedule": "constant", "schedule_options": {}, "warmup": 0, "epochs": STEPS}
    )
    optimizers = {
        "own": choose_optimizer(steady, 1, plan.network.step_factors()),
        "adam": make_optimizer("adam", learning_rate=ADAM, total_steps=STEPS, steps_per_epoch=1),
    }
    batch = (subject.x[some], subject.y[some])
    kind = (plan.network, plan.likelihood)
    facts: dict[str, Any] = {"one_batch": one_batch_facts(*kind, optimizers, *batch, seed=plan.config.seed)}
    try:
        model = load(path)
    except ModelError:  # it diverged
        return facts
    if model.network == plan.network:
        facts["point"] = point_facts(*kind, model.params, model.state, subject.x, subject.y)
    return facts
