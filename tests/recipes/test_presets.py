"""Presets: what they fill in, what they leave alone, and the recipe for tables end to end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thalweg import DenseClassifier, DenseRegressor, load
from thalweg.data.table import Table
from thalweg.likelihoods import Members
from thalweg.network import MemberDense, MemberScale, Parallel, Periodic, PiecewiseLinear, Scale, SharedDense
from thalweg.recipes.config import config_toml, make_config, read_config
from thalweg.recipes.prepare import prepare
from thalweg.recipes.presets import PRESETS, Facts, before_training, chosen, for_training, held_out_share
from thalweg.runs.run import train_run

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3))
Y = X[:, 0] * X[:, 1]
FACTS = Facts(300, numbers=3)
TABLE = Table("t", X, X[:, 0], ("a", "b", "c"), "y")
IMAGES = Table("i", np.zeros((4, 4), np.uint8), np.arange(4), ("a", "b", "c", "d"), "y", example_shape=(2, 2))


def filled(**settings: Any) -> Any:
    config = make_config({"data": "t"} | settings)
    return for_training(config, TABLE, FACTS, held_out=True)


@pytest.mark.usefixtures("shipped_preset")
def test_auto_is_the_recipe_for_tables_and_plain_for_images() -> None:
    auto = make_config({"data": "t"})
    assert (chosen(auto, TABLE), chosen(auto, IMAGES), chosen(auto, None)) == ("tabular", "plain", "tabular")
    assert chosen(make_config({"data": "t", "task": "segment"}), None) == "plain"
    assert chosen(make_config({"data": "t", "preset": "quick"}), IMAGES) == "quick"


def test_plain_does_what_its_arguments_say() -> None:
    config = make_config({"data": "t", "preset": "plain", "hidden": 7})
    assert before_training(config, TABLE, held_out=True) is config
    assert for_training(config, TABLE, FACTS, held_out=True) is config


@pytest.mark.parametrize("name", PRESETS)
def test_what_is_given_stays(name: str) -> None:
    given = {"hidden": (5,), "dropout": 0.0, "epochs": 3, "learning_rate": 0.5, "numeric_embedding": "none"}
    config = filled(preset=name, **given)
    assert {key: getattr(config, key) for key in given} == given
    assert config.optimizer == "adamw"
    assert config.embedding_options == {}


def test_the_step_size_falls_once_held_out_rows_stall_unless_it_has_a_course_of_its_own() -> None:
    config = filled(preset="tabular")
    assert config.schedule == "constant"
    assert config.anneal > 0
    assert config.patience < config.epochs
    for own in ({"schedule": "cosine"}, {"optimizer": "momentum"}, {"preset": "quick"}):
        config = filled(**{"preset": "tabular"} | own)
        assert (config.anneal, config.patience) == (0, config.epochs)
        assert config.schedule in {"cosine", "auto"}
    alone = for_training(make_config({"data": "t", "preset": "tabular"}), TABLE, FACTS, held_out=False)
    assert (alone.schedule, alone.anneal, alone.patience) == ("cosine", 0, None)


def test_weights_are_averaged_and_steps_are_larger_where_enough_rows_are_watched() -> None:
    few, many = (PRESETS["tabular"](Facts(rows, 3, watched=True)) for rows in (1000, 3000))
    unwatched = PRESETS["tabular"](Facts(3000, 3))
    assert many["ema"] > 0
    assert "ema" not in few | unwatched
    assert many["learning_rate"] > few["learning_rate"] == unwatched["learning_rate"]
    assert PRESETS["quick"](Facts(3000, 3, watched=True))["learning_rate"] == unwatched["learning_rate"]


@given(st.integers(1, 10**8))
def test_the_rows_held_out_grow_with_the_set_and_their_share_falls(rows: int) -> None:
    share = held_out_share(rows)
    assert 0.03 <= share <= 0.15
    assert held_out_share(2 * rows) <= share
    assert 2 * rows * held_out_share(2 * rows) > rows * share


def test_a_file_that_streams_holds_out_the_share_of_a_huge_set() -> None:
    config = before_training(filled(preset="tabular"), None, held_out=True)
    assert config.validation == held_out_share(10**7)


def test_members_without_bins_are_smooth() -> None:
    assert filled(preset="tabular").activation == "relu|hard_swish"
    assert filled(preset="tabular", activation="tanh").activation == "tanh"
    levels = Facts(300, numbers=0)
    config = for_training(make_config({"data": "t", "preset": "tabular"}), TABLE, levels, held_out=True)
    assert config.activation == "hard_swish"


@pytest.mark.parametrize("name", PRESETS)
def test_numbers_are_learned_without_dropout_and_two_classes_with_most(name: str) -> None:
    numbers, two, many = (PRESETS[name](Facts(1000, 5, classes))["dropout"] for classes in (None, 2, 3))
    assert numbers == 0 < many < two
    assert PRESETS[name](Facts(1000, 5, labels=True))["dropout"] > 0


def test_another_optimizer_has_its_own_settings() -> None:
    config = filled(preset="tabular", optimizer="momentum")
    assert (config.learning_rate, config.weight_decay, config.optimizer_options) == (None, None, {})
    full = filled(preset="tabular", optimizer="lbfgs")
    assert (full.shared_members, full.dropout, full.batch_size) == (1, 0.0, None)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("rows", [2, 100, 10_000, 1_000_000])
@pytest.mark.parametrize("classes", [None, 2, 26])
@pytest.mark.parametrize("watched", [False, True])
def test_presets_are_valid_settings_at_any_size(name: str, rows: int, classes: int | None, watched: bool) -> None:
    values = PRESETS[name](Facts(rows, 5, classes, watched=watched))
    config = make_config({"data": "t"} | values)
    assert config.batch_size is not None
    assert config.batch_size <= rows


def test_filling_in_twice_changes_nothing(tmp_path: Path) -> None:
    config = before_training(filled(preset="tabular"), TABLE, held_out=True)
    file = tmp_path / "config.toml"
    file.write_text(config_toml(config), encoding="utf-8")
    again = make_config(read_config(file))
    assert for_training(before_training(again, TABLE, held_out=True), TABLE, FACTS, held_out=True) == config


@pytest.mark.parametrize(
    ("given", "table", "held_out", "several", "wanted"),
    [
        ({}, TABLE, True, True, (5, 1, False)),
        ({}, TABLE, False, True, (0, 4, False)),  # few rows, or rows to watch that are given
        ({}, None, True, True, (0, 4, True)),  # a file that streams
        ({"validation": 0.3}, TABLE, True, True, (0, 4, True)),
        ({"cv": 3}, TABLE, True, True, (3, 1, False)),
        ({"cv": 0}, TABLE, True, True, (0, 1, True)),
        ({"members": 2}, TABLE, True, True, (0, 2, True)),
        ({"start": "model"}, TABLE, True, True, (0, 1, True)),
        ({}, TABLE, True, False, (0, 1, True)),
    ],
)
def test_best_is_folds_or_members_of_the_recipe(given, table, held_out, several, wanted) -> None:
    config = make_config({"data": "t", "preset": "best"} | given)
    filled_in = before_training(config, table, held_out=held_out, several=several)
    assert (filled_in.cv, filled_in.members, filled_in.validation > 0) == wanted
    again = before_training(filled_in, table, held_out=held_out)
    assert (again.cv, again.members, again.validation > 0) == wanted
    of_one = make_config({"data": "t", "preset": "tabular"})
    own = {"preset", "cv", "members", "validation"}
    best, tabular = (for_training(c, TABLE, FACTS, held_out=True).model_dump(exclude=own) for c in (config, of_one))
    assert best == tabular | {"start": config.start}


def test_best_trains_folds_and_keeps_what_they_say(tmp_path: Path) -> None:
    settings = {"preset": "best", "epochs": 2, "hidden": (8,)}
    train_run(make_config({"data": "diabetes", "out": str(tmp_path / "run")} | settings))
    said = json.loads((tmp_path / "run" / "evaluation.json").read_text())["out_of_fold"]
    assert said["folds"] == 5
    assert len((tmp_path / "run" / "out_of_fold.csv").read_text().splitlines()) == 1 + said["rows"]
    folds = DenseRegressor(**settings).fit(X, Y)
    assert folds.oof_prediction_.shape == (300,)
    members = DenseRegressor(**settings).fit(X, Y, eval_set=(X[:50], Y[:50]))
    assert not hasattr(members, "oof_score_")
    assert members.model_.likelihood.members == 4 * 8
    assert DenseRegressor(**settings, scoring="r2").fit(X, Y).model_.likelihood.members == 4 * 8
    assert DenseRegressor(**settings, warm_start=True).fit(X, Y).model_.likelihood.members == 8
    once = DenseRegressor(**settings).partial_fit(X, Y).partial_fit(X, Y)
    assert once.model_.likelihood.members == 8


def test_the_recipe_builds_its_network() -> None:
    plan = prepare(make_config({"data": "diabetes", "preset": "tabular", "epochs": 1}))
    kinds = [type(layer) for layer in plan.network.layers]
    assert kinds[0] is Parallel
    assert isinstance(plan.network.layers[0], Parallel)
    for stack, embedding in zip(plan.network.layers[0].stacks, (PiecewiseLinear, Periodic), strict=True):
        assert [type(layer) for layer in stack] == [embedding, Scale, MemberScale, SharedDense]
        assert isinstance(stack[-1], SharedDense)
        assert stack[-1].members == 4
    assert kinds[-1] is MemberDense
    assert isinstance(plan.likelihood, Members)
    assert plan.tables.validation is not None
    assert plan.settings["scaling"] == "adaptive"


@pytest.mark.usefixtures("shipped_preset", "compile_quickly")
def test_the_command_trains_what_the_estimator_trains(tmp_path: Path) -> None:
    import pandas as pd  # of the dev extra: this never skips

    x = RNG.normal(size=(1200, 3))
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1].round(), "kind": np.where(x[:, 2] > 0, "x", "y")})
    y = x[:, 0] + x[:, 1] ** 2
    frame.assign(target=y).to_parquet(tmp_path / "t.parquet")
    settings = {"epochs": 1, "hidden": (8,)}
    given = {"data": str(tmp_path / "t.parquet"), "target": "target", "test": "none"} | settings
    run = train_run(make_config(given | {"out": str(tmp_path / "run")}))
    estimator = DenseRegressor(**settings, random_state=0).fit(frame, y)
    assert run.model.network == estimator.model_.network
    np.testing.assert_allclose(run.model.predict(frame).ravel(), estimator.predict(frame), rtol=1e-5)


def test_the_recipe_learns_numbers_levels_and_gaps(tmp_path: Path) -> None:
    import pandas as pd  # of the dev extra: this never skips

    rows = 900
    number, city = RNG.normal(size=rows), RNG.integers(0, 40, size=rows)
    effect = RNG.normal(size=40)
    frame = pd.DataFrame({"number": np.where(RNG.random(rows) < 0.1, np.nan, number), "city": [f"c{c}" for c in city]})
    y = np.where(np.isnan(frame["number"]), 1.0, np.sign(number)) + effect[city]
    model = DenseRegressor(preset="tabular", hidden=64, shared_members=2, epochs=40, dropout=0).fit(frame, y)
    assert model.score(frame, y) > 0.8
    low, high = model.predict_interval(frame, coverage=0.9).T
    assert 0.8 < np.mean((low <= y) & (y <= high)) <= 1
    model.save(tmp_path / "model")
    np.testing.assert_allclose(load(tmp_path / "model").predict(frame).ravel(), model.predict(frame), rtol=1e-5)


def test_few_rows_and_classes_are_no_trouble() -> None:
    model = DenseClassifier(preset="quick", epochs=2).fit(X[:6], ["a", "b", "a", "b", "c", "c"])
    assert model.predict_proba(X[:2]).shape == (2, 3)
