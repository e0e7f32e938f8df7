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
from thalweg.recipes.step_sizes import (
    COUNT,
    FEWEST_STEPS,
    JUDGES,
    MOST_STEPS,
    SHARE,
    STARTS,
    StepSizes,
    find_step_size,
    judge_losses,
    rows_to_try,
    smoothed,
    steps_to_try,
)

RATES = np.geomspace(1e-4, 1.0, 17)


def parabola(noise: float = 0.0, seed: int = 0) -> StepSizes:
    """Gradient descent on ½ λ θ² with λ = 10: step sizes above 0.2 diverge, 0.1 is best."""
    with np.errstate(over="ignore"):
        ends = 5.0 * np.square((1 - 10 * RATES) ** 200)
    draw = np.random.default_rng(seed).normal(size=len(RATES))
    return judge_losses(RATES, np.where(ends < 1e30, ends, np.inf) + 5 * noise * draw, 5.0)


def test_what_diverges_in_theory_is_not_safe() -> None:
    found = parabola()
    assert found.high < 0.2
    assert found.low < found.recommended < 0.2
    assert np.isinf(found.losses[RATES > 0.2]).all()


def test_noise_moves_the_answer_by_less_than_a_factor_of_two() -> None:
    values = [parabola(noise=0.05, seed=seed).recommended for seed in range(5)]
    assert max(values) < 2 * min(values)


def test_the_middle_of_a_plateau_is_recommended() -> None:
    places = np.arange(17)
    found = judge_losses(RATES, np.where((places >= 4) & (places <= 10), 1.0, 2.0), 2.0)
    assert found.recommended == pytest.approx(RATES[7], rel=0.1)
    # One value that seems good by chance, far from the others, moves it little.
    lonely = judge_losses(RATES, np.where((places >= 4) & (places <= 10) | (places == 14), 1.0, 2.0), 2.0)
    assert lonely.recommended == pytest.approx(RATES[7], rel=0.1)
    assert lonely.high < RATES[12]


def test_smoothing_keeps_the_sum_and_a_straight_line() -> None:
    gain = np.zeros(9)
    gain[3:6] = 1, 4, 2
    assert smoothed(gain).sum() == pytest.approx(gain.sum())
    assert smoothed(np.arange(9.0))[2:-2] == pytest.approx(np.arange(9.0)[2:-2])


def test_judged_by_rows_that_were_not_trained_on() -> None:
    for rows, size in ((20, 8), (700, 32), (5000, 32)):
        x = np.arange(rows, dtype=np.float32)[:, None]
        training, judges = rows_to_try(ArrayBatches(x, x, size), 40, seed=0)
        assert not set(training.x.ravel()) & set(judges.x.ravel())
        assert (training.steps, training.batch_size) == (40, size)
        assert set(training.x.ravel()) <= set(x.ravel())
        assert judges.rows == min(rows // 5, JUDGES * size)


def test_weights_of_rows_stay_with_them() -> None:
    x = np.arange(1, 201, dtype=np.float32)[:, None]
    for part in rows_to_try(ArrayBatches(x, x, 16, sample_weight=x[:, 0]), 8, seed=1):
        assert part.sample_weight is not None
        assert np.ptp(part.sample_weight / part.x[:, 0]) < 1e-6


def test_the_experiment_costs_its_share_or_the_fewest_steps() -> None:
    for total, work in ((5_000, 1.0), (20_000, 0.325), (3000, 0.1)):
        assert STARTS * COUNT * steps_to_try(total, work) * work <= SHARE * total
        assert STARTS * COUNT * (steps_to_try(total, work) + 1) * work > SHARE * total
    assert steps_to_try(100, 1.0) == FEWEST_STEPS
    assert steps_to_try(10**9, 1.0) == MOST_STEPS


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
        judge_losses(RATES, np.linspace(1, 2, 17), 1.0)


def test_auto_trains_with_what_the_experiment_recommends(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    settings = {"data": "wine", "preset": "plain", "hidden": 16, "epochs": 40}
    plan = prepare(make_config(settings | {"learning_rate": "auto"}))
    assert thalweg(["steps", "wine", "--preset", "plain", "--hidden", "16", "--epochs", "40"]) == 0
    text = capsys.readouterr().out
    assert f"recommended {plan.settings['learning_rate']:.2g}, safe from" in text
    command = ["train", "wine", "--preset", "plain", "--hidden", "16", "--epochs", "40", "--learning-rate", "auto"]
    assert thalweg([*command, "--out", str(tmp_path / "run")]) == 0
    assert f"step size {plan.settings['learning_rate']:.2g}, safe from" in capsys.readouterr().out
    with pytest.raises(ArgumentError, match="lbfgs"):
        prepare(make_config(settings | {"learning_rate": "auto", "optimizer": "lbfgs"}))
    for wrong in ("-1", "often"):
        assert thalweg(["train", "wine", "--learning-rate", wrong, "--out", str(tmp_path / "no")]) == 2
        assert "a number, above 0 or auto" in capsys.readouterr().err


def test_a_preset_gives_the_step_size_to_start_from(capsys: pytest.CaptureFixture[str]) -> None:
    small = {"data": "wine", "preset": "quick", "hidden": 16, "epochs": 6}
    plan = prepare(make_config(small | {"learning_rate": "auto"}))
    usual = prepare(make_config(small)).settings["learning_rate"]
    assert usual == 6e-3
    assert thalweg(["steps", "wine", "--preset", "quick", "--hidden", "16", "--epochs", "6"]) == 0
    text = capsys.readouterr().out
    assert f"\n{usual / 100:10.2e} " in text
    assert f"recommended {plan.settings['learning_rate']:.2g}, safe from" in text


def test_a_warm_up_in_epochs_is_shortened_with_the_run() -> None:
    settings = {"data": "iris", "preset": "plain", "hidden": 4, "epochs": 20, "learning_rate": "auto"}
    ends = [prepare(make_config(settings | {"warmup": warmup})).settings["learning_rate"] for warmup in (5, 0.25)]
    assert ends[0] == ends[1]
