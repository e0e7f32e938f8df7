"""Ensembles and cross-validation from settings to a run folder."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from thalweg.core.errors import ArgumentError
from thalweg.data.batches import ArrayBatches
from thalweg.data.table import Table
from thalweg.deploy import load
from thalweg.likelihoods import Categorical, Gaussian, Members
from thalweg.recipes.config import make_config
from thalweg.recipes.ensemble import Ensemble, fold_numbers
from thalweg.recipes.plan import train_plan
from thalweg.recipes.prepare import prepare
from thalweg.recipes.tables import Tables, read_data
from thalweg.runs.run import train_run

SETTINGS = {"data": "wine", "hidden": 8, "epochs": 6, "learning_rate": 0.01}


def settings(**changes: Any) -> Any:
    return make_config(SETTINGS | changes)


@pytest.mark.parametrize("folds", [2, 3, 7])
def test_folds_are_of_equal_size_and_hold_every_class_alike(folds: int) -> None:
    y = np.repeat([0, 1, 2], [50, 31, 9])
    classes = ArrayBatches(np.zeros((90, 1)), y, 10)
    numbers = fold_numbers(classes, Categorical(), folds, seed=1)
    for rows in (slice(None), *(y == c for c in range(3))):
        counts = np.bincount(numbers[rows], minlength=folds)
        assert counts.max() - counts.min() <= 1
    assert (numbers != fold_numbers(classes, Categorical(), folds, seed=2)).any()
    numeric = fold_numbers(ArrayBatches(np.zeros((90, 1)), y[:, None] * 1.0, 10), Gaussian(), folds, seed=1)
    assert np.ptp(np.bincount(numeric)) <= 1


def test_a_run_with_folds_tells_what_rows_are_when_held_out(tmp_path: Path) -> None:
    run = train_run(settings(members=2, cv=2, patience=3, calibrate="temperature", out=str(tmp_path / "run")))
    assert run.model.likelihood.members == 4
    assert run.model.calibration.rows == 142
    told = pl.read_csv(run.path / "out_of_fold.csv")
    assert told.columns == ["row", "fold", "target", "prediction", "p_class_0", "p_class_1", "p_class_2"]
    data = read_data("wine", None)[0]
    np.testing.assert_array_equal(told["target"].to_numpy(), data.target_array()[told["row"].to_numpy()])
    evaluation = json.loads((run.path / "evaluation.json").read_text())["out_of_fold"]
    plan = prepare(settings(members=2, cv=2))
    names = np.array(plan.encoder.classes)
    wrong = told["prediction"].to_numpy() != names[plan.train.y]
    np.testing.assert_array_equal(told["target"].to_numpy(), names[plan.train.y])
    assert evaluation["rows"] == 142
    assert evaluation["error"] == pytest.approx(wrong.mean())
    by_fold = [wrong[told["fold"].to_numpy() == fold].mean() for fold in (0, 1)]
    assert evaluation["by_fold"] == pytest.approx(by_fold)
    p = told.select("p_class_0", "p_class_1", "p_class_2").to_numpy()
    assert evaluation["loss"] == pytest.approx(-np.log(p[np.arange(142), plan.train.y]).mean(), rel=1e-4)
    assert "Out-of-fold error" in run.report.read_text()
    rows = plan.tables.test
    np.testing.assert_allclose(load(run.path).predict_proba(rows), run.model.predict_proba(rows), rtol=1e-5)


def test_the_noise_of_an_ensemble_is_that_of_rows_held_out() -> None:
    x = np.random.default_rng(0).normal(size=(60, 2))
    y = x[:, 0] + np.random.default_rng(1).normal(size=60)
    tables = Tables(Table("X", x, y, ("a", "b"), "y"), None, None, "none", 0)
    plan = prepare(settings(data="X", cv=3, likelihood="gaussian"), tables)
    trained = train_plan(plan)
    assert isinstance(trained, Ensemble)
    held_out = trained.held_out
    assert held_out is not None
    np.testing.assert_array_equal(np.bincount(held_out.folds), [20, 20, 20])
    model = plan.model(trained)
    assert model.likelihood.members == 3
    # One network a row: the mixture has one part, and its noise is the root mean square of the residuals.
    residuals = held_out.outputs - plan.train.y
    assert model.likelihood.base.scale == pytest.approx(np.sqrt(np.mean(residuals**2)), rel=1e-5)
    ends = model.predict_interval(x, 0.9)
    assert ends.shape == (60, 2)
    assert (ends[:, 0] < ends[:, 1]).all()


def test_several_targets_stand_in_columns_of_their_own(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(30, 2))
    down = x[:, 0] - x[:, 1]
    pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "up": x.sum(axis=1), "down": down}).write_csv(tmp_path / "two.csv")
    given = {"data": str(tmp_path / "two.csv"), "target": "up,down", "cv": 3, "test": "none", "epochs": 1}
    run = train_run(settings(**given, out=str(tmp_path / "run")))
    told = pl.read_csv(run.path / "out_of_fold.csv")
    assert told.columns == ["row", "fold", "target_up", "target_down", "prediction_up", "prediction_down"]
    np.testing.assert_allclose(told["target_down"], down[told["row"].to_numpy()])


@pytest.mark.parametrize("several", [{"members": 3}, {"cv": 3}, {"members": 2, "cv": 2}])
def test_each_network_of_an_ensemble_is_that_of_the_recipe(several: dict[str, int]) -> None:
    given = {"preset": "tabular", "hidden": (8,), "shared_members": 2, "epochs": 3, "data": "diabetes"}
    alone, plan = (prepare(settings(**given | more)) for more in ({}, several))
    assert plan.network == alone.network
    assert plan.stopping is not None
    trained = train_plan(plan)
    assert isinstance(trained, Ensemble)
    networks = max(1, several.get("cv", 0)) * several.get("members", 1)
    model = plan.model(trained)
    assert isinstance(model.likelihood, Members)
    assert model.likelihood.members == 2 * networks
    weights = np.reshape(model.likelihood.weights, (networks, 2))
    assert weights.sum() == pytest.approx(1)
    assert not np.allclose(weights, weights[0, 0])  # one sees bins, the other waves
    if trained.held_out is None:
        return
    np.testing.assert_allclose(weights, np.tile(weights[0], (networks, 1)))
    # What is said of rows held out has the weights that the model has.
    held_out = trained.held_out.model(model).likelihood
    assert isinstance(held_out, Members)
    shares = np.tile(weights[0] / weights[0].sum(), several.get("members", 1)) / several.get("members", 1)
    np.testing.assert_allclose(held_out.weights, shares)


def test_what_does_not_go_together_is_refused() -> None:
    for changes, message in (
        ({"cv": 1}, "cv: expected 0 for none, or at least 2 folds"),
        ({"cv": 3, "validation": 0.2}, "validation: expected 0 beside cv"),
        ({"cv": 500}, "cv: expected at most 142 folds, one for each training row, got 500"),
        ({"task": "segment", "members": 2}, "members: expected the task 'rows'"),
    ):
        with pytest.raises(ArgumentError, match=message):
            prepare(settings(**changes))
    plan = prepare(settings(cv=3))
    with pytest.raises(ArgumentError, match="members: expected 1, and no cv"):
        train_plan(plan, start=SimpleNamespace())
    with pytest.raises(ArgumentError, match="scores: expected none beside folds"):
        train_plan(plan, scores={"mine": len})


def test_nested_ensembles_answer_as_one() -> None:
    from thalweg.training.members import together_likelihood

    assert together_likelihood(Members(Gaussian(), 4), 3) == Members(Gaussian(), 12)
