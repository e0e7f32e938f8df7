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
from thalweg.recipes.step_sizes import StepSizes, find_step_size, judge_losses, rows_to_try

RATES = np.geomspace(1e-4, 1.0, 17)


def parabola(noise: float = 0.0, seed: int = 0) -> StepSizes:
    """Gradient descent on ½ λ θ² with λ = 10: step sizes above 0.2 diverge, 0.1 is best."""
    with np.errstate(over="ignore"):
        ends = 5.0 * np.square((1 - 10 * RATES) ** 200)
    draw = np.random.default_rng(seed).normal(size=(len(RATES), 96))
    return judge_losses(RATES, np.where(ends < 1e30, ends, np.inf)[:, None] + 5 * noise * draw, 5.0)


def test_what_diverges_in_theory_is_not_safe() -> None:
    found = parabola()
    assert found.high < 0.2
    assert found.low < found.recommended < 0.2
    assert np.isinf(found.losses[RATES > 0.2]).all()


def test_noise_moves_the_answer_by_less_than_a_factor_of_two() -> None:
    values = [parabola(noise=0.02, seed=seed).recommended for seed in range(5)]
    assert max(values) < 2 * min(values)


def test_step_sizes_that_pieces_cannot_tell_apart_count_alike() -> None:
    pieces = np.random.default_rng(0).normal(size=200)
    # 0.4 is worse by a hundredth of the pieces' scatter, but on each of them; 0.1 better as often as not.
    losses = np.stack([pieces, pieces + 0.02 * np.tile([1, -1], 100), pieces + 0.01, pieces + 0.01])
    found = judge_losses(np.array([0.025, 0.1, 0.4, 1.6]), losses, 20.0)
    assert found.recommended == pytest.approx(0.05, rel=0.1)
    assert (found.low, found.high) == (0.025, 1.6)


def test_judged_by_rows_that_were_not_trained_on() -> None:
    for rows, size in ((20, 8), (700, 32), (5000, 32)):
        x = np.arange(rows, dtype=np.float32)[:, None]
        training, pieces = rows_to_try(ArrayBatches(x, x, size), 40, seed=0)
        assert not set(training.x.ravel()) & set(pieces.x.ravel())
        assert -(-40 // training.steps) * training.steps < 40 + training.steps
        assert pieces.rows == min(rows, 72 * size) // 5


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
        judge_losses(RATES, 1.0 + np.linspace(0, 1, 50) + np.zeros((17, 1)), 1.0)


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
