"""Plans trained together leave what each would leave alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from thalweg.network import Dense, Dropout, Network, Parallel
from thalweg.recipes.config import make_config
from thalweg.recipes.plan import train_plan
from thalweg.recipes.prepare import prepare
from thalweg.recipes.together import groups, train_together
from thalweg.training import Trained

pytestmark = pytest.mark.usefixtures("compile_quickly")

BASE: dict[str, Any] = {
    "data": "wine",
    "preset": "plain",
    "hidden": (12, 12),
    "residual": True,
    "epochs": 3,
    "validation": 0.3,
    "input_noise": 0.1,
}
CHANGES: list[dict[str, Any]] = [
    {},
    {"learning_rate": 0.01},
    {"weight_decay": 20.0},
    {"l2": 0.1, "l1": 0.01},
    {"dropout": 0.2, "patience": 1},
    {"dropout": 0.5, "initializer": "glorot_uniform"},
]


def plans(changes: list[dict[str, Any]]) -> list[Any]:
    first = prepare(make_config(BASE))
    return [prepare(make_config(BASE | own), first.tables, like=first) for own in changes]


def test_each_network_is_what_it_would_be_alone() -> None:
    planned = plans(CHANGES)
    assert groups(planned) == [list(range(len(CHANGES)))]
    left = train_together(planned)
    for plan, together in zip(planned, left, strict=True):
        alone = train_plan(plan)
        assert isinstance(together, Trained)
        assert together.epoch == alone.epoch
        assert len(together.history) == len(alone.history)
        rows = plan.tables.validation
        figures = [plan.model(one).evaluate(rows, rows.target_array()) for one in (together, alone)]
        assert figures[0] == pytest.approx(figures[1], rel=1e-4)
    losses = [one.history[-1]["validation_loss"] for one in left if isinstance(one, Trained)]
    assert len({round(loss, 4) for loss in losses}) == len(CHANGES)  # the changes change something


def test_networks_of_stacks_side_by_side_are_trained_together() -> None:
    def stacks(plan: Any) -> Network:
        dropout = (Dropout(plan.config.dropout),) if plan.config.dropout else ()
        own = Dense(6, "glorot_uniform" if dropout else "he_normal")
        side_by_side = Parallel(((own, "relu", *dropout), (Dense(4), "tanh")))
        return Network(plan.network.inputs, (side_by_side, Dense(plan.network.outputs)))

    planned = [replace(plan, network=stacks(plan)) for plan in plans([{}, {"dropout": 0.4}])]
    assert groups(planned) == [[0, 1]]
    for plan, together in zip(planned, train_together(planned), strict=True):
        assert isinstance(together, Trained)
        expected = [row["train_loss"] for row in train_plan(plan).history]
        assert [row["train_loss"] for row in together.history] == pytest.approx(expected, rel=1e-4)


def test_who_diverges_is_told_and_spoils_no_other() -> None:
    planned = plans([{}, {"learning_rate": 1e30, "optimizer": "adam"}])
    sound, bad = train_together(planned)
    assert isinstance(sound, Trained)
    assert np.isfinite(sound.history[-1]["validation_loss"])
    assert isinstance(bad, str)
    assert "diverged in epoch" in bad


def test_other_shapes_are_trained_apart() -> None:
    changes = [{}, {"batch_size": 7}, {"learning_rate": 1.0}, {"activation": "gelu"}, {"standardize": False}]
    assert groups(plans(changes)) == [[0, 2], [1], [3], [4]]
