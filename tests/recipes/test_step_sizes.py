"""Step sizes found by experiment: the same answer whatever the seed, and never one that diverges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import thalweg as tw
from thalweg.cli.main import run as thalweg
from thalweg.core.errors import ArgumentError
from thalweg.data.batches import ArrayBatches
from thalweg.optimizers import make_optimizer
from thalweg.recipes.config import make_config
from thalweg.recipes.prepare import prepare
from thalweg.recipes.step_sizes import StepSizes, find_step_size, judge_curves

RATES = np.geomspace(1e-4, 1.0, 17)


def parabola(noise: float = 0.0, seed: int = 0) -> StepSizes:
    """Gradient descent on ½ λ θ² with λ = 10: step sizes above 0.2 diverge, 0.1 is best."""
    with np.errstate(over="ignore"):
        curves = 5.0 * np.square((1 - 10 * RATES[:, None]) ** np.arange(200.0))
    draw = np.random.default_rng(seed).normal(size=curves.shape)
    return judge_curves(RATES, np.where(curves < 1e30, curves + 5 * noise * draw, np.inf))


def test_what_diverges_in_theory_is_not_safe() -> None:
    found = parabola()
    assert found.high < 0.2
    assert found.low < found.recommended < 0.2
    assert np.isinf(found.losses[RATES > 0.2]).all()


@pytest.mark.parametrize("seed", range(5))
def test_noise_moves_the_answer_by_less_than_a_factor_of_two(seed: int) -> None:
    assert 0.5 < parabola(noise=0.02, seed=seed).recommended / parabola().recommended < 2


def test_seeds_and_orders_move_it_by_less_than_a_factor_of_two() -> None:
    x = np.random.default_rng(0).normal(size=(512, 3)).astype(np.float32)
    y = (np.sin(2 * x[:, :1]) + x[:, 1:2]).astype(np.float32)

    def found(seed: int) -> float:
        return find_step_size(
            tw.dense_network(3, (24,), 1),
            tw.Gaussian(),
            ArrayBatches(x, y, 32, seed=seed),
            lambda steps: make_optimizer("adam", total_steps=steps, steps_per_epoch=steps),
            1e-3,
            total_steps=8000,
            seed=seed,
        ).recommended

    values = [found(seed) for seed in range(3)]
    assert max(values) < 2 * min(values)


def test_nothing_that_learns_is_an_error() -> None:
    with pytest.raises(ArgumentError, match="learning_rate"):
        judge_curves(RATES, 1.0 + np.zeros((17, 50)) + np.linspace(0, 1, 50))


def test_auto_trains_with_what_the_experiment_recommends(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    settings = {"data": "wine", "preset": "plain", "hidden": 16, "epochs": 40}
    plan = prepare(make_config(settings | {"learning_rate": "auto"}))
    assert thalweg(["steps", "wine", "--preset", "plain", "--hidden", "16", "--epochs", "40"]) == 0
    text = capsys.readouterr().out
    assert f"recommended {plan.settings['learning_rate']:.2g}, safe from" in text
    with pytest.raises(ArgumentError, match="lbfgs"):
        prepare(make_config(settings | {"learning_rate": "auto", "optimizer": "lbfgs"}))
    for wrong in ("-1", "often"):
        assert thalweg(["train", "wine", "--learning-rate", wrong, "--out", str(tmp_path / "no")]) == 2
        assert "a number, above 0 or auto" in capsys.readouterr().err
