"""The tools around an estimator: scikit-learn's, and copies, folders, callbacks, pictures."""

from __future__ import annotations

import copy
import os
import pickle
import signal
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from matplotlib import pyplot as plt
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.inspection import permutation_importance
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_validate
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import estimator_html_repr

import thalweg as tw
from thalweg import DenseClassifier, DenseRegressor
from thalweg.cli import main
from thalweg.core.errors import ArgumentError, DivergedError, ModelError, StorageError
from thalweg.training import Hook

RNG = np.random.default_rng(4)
N = 80
X = RNG.normal(size=(N, 3))
Y = np.where(X[:, 0] + 0.2 * RNG.normal(size=N) > 0, "yes", "no")
T = X[:, 0] + 0.1 * RNG.normal(size=N)
SMALL: dict[str, Any] = {"preset": "plain", "hidden": (8,), "epochs": 2}


@pytest.fixture(scope="module")
def fitted() -> DenseClassifier:
    return DenseClassifier(**(SMALL | {"epochs": 20}), learning_rate=0.05).fit(X, Y)


@pytest.mark.parametrize("copied", ["pickle", "deepcopy", "joblib"])
def test_copies_answer_alike_and_go_on(fitted: DenseClassifier, copied: str, tmp_path: Path) -> None:
    if copied == "joblib":
        joblib.dump(fitted, tmp_path / "model.joblib")
        other = joblib.load(tmp_path / "model.joblib")
    else:
        other = copy.deepcopy(fitted) if copied == "deepcopy" else pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(other.predict_proba(X), fitted.predict_proba(X))
    before = fitted.predict_proba(X)
    other.partial_fit(X, Y)
    assert other.n_iter_ == fitted.n_iter_ + 1
    assert np.array_equal(before, fitted.predict_proba(X))


def test_a_clone_is_unfitted_and_fits_alike(fitted: DenseClassifier) -> None:
    other = clone(fitted)
    assert other.get_params() == fitted.get_params()
    assert not hasattr(other, "model_")
    assert np.array_equal(other.fit(X, Y).predict_proba(X), fitted.predict_proba(X))


def test_search_takes_the_numbers_of_numpy() -> None:
    grid = {"hidden": [(8,), np.array([8, 8])], "learning_rate": np.array([1e-9, 0.05]), "epochs": [np.int64(20)]}
    search = GridSearchCV(
        DenseClassifier(preset="plain"), grid, cv=2, scoring=["accuracy", "neg_log_loss"], refit="accuracy"
    )
    search.fit(X, Y)
    assert search.best_params_["learning_rate"] == 0.05
    assert search.score(X, Y) > 0.9


def test_pipelines_transformers_and_cross_validation() -> None:
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    scaled = ColumnTransformer([("scale", StandardScaler(), ["a", "b"])], remainder="passthrough")
    pipe = make_pipeline(scaled, DenseClassifier(**SMALL)).set_output(transform="pandas")
    found = cross_validate(pipe, frame, Y, cv=2, return_estimator=True, params={"denseclassifier__sample_weight": None})
    assert found["test_score"].shape == (2,)
    assert found["estimator"][0][-1].feature_names_in_.tolist() == ["scale__a", "scale__b", "remainder__c"]
    p = cross_val_predict(DenseClassifier(**SMALL), frame, Y, cv=2, method="predict_proba")
    assert log_loss(Y, p) > 0
    target = TransformedTargetRegressor(DenseRegressor(**SMALL), func=np.log, inverse_func=np.exp)
    assert (target.fit(X, np.exp(T)).predict(X) > 0).all()


def test_importance_of_features(fitted: DenseClassifier) -> None:
    importance = permutation_importance(fitted, X, Y, n_repeats=3, random_state=0).importances_mean
    assert importance.argmax() == 0


def test_metadata_is_routed() -> None:
    weight = (np.arange(N) % 2).astype(float)
    with config_context(enable_metadata_routing=True):
        ours = DenseClassifier(**SMALL).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), ours)
        pipe.fit(X, Y, sample_weight=weight)
        assert ours.get_metadata_routing().fit.requests["sample_weight"] is True
        assert ours.get_metadata_routing().fit.requests["eval_set"] is None
    kept = weight > 0
    z = StandardScaler().fit_transform(X)
    alone = DenseClassifier(**SMALL).fit(z[kept], Y[kept])
    assert np.array_equal(pipe.predict_proba(X), alone.predict_proba(z))


def test_rows_to_watch_are_routed() -> None:
    watched = (X[60:], Y[60:])
    with config_context(enable_metadata_routing=True):
        ours = DenseClassifier(**SMALL).set_fit_request(eval_set=True)
        pipe = make_pipeline(FunctionTransformer(), ours).fit(X[:60], Y[:60], eval_set=watched)
    losses = [row["validation_loss"] for row in pipe[-1].history_]
    assert losses[-1] == pytest.approx(pipe[-1].model_.evaluate(*watched)["loss"], rel=1e-4)


def test_weights_of_partial_fit_are_routed() -> None:
    weight, targets = np.arange(N) % 3, np.column_stack([T, -T])
    with config_context(enable_metadata_routing=True):
        ours = DenseRegressor(**SMALL).set_partial_fit_request(sample_weight=True)
        several = MultiOutputRegressor(ours)
        for _ in range(2):
            several.partial_fit(X, targets, sample_weight=weight)
    alone = DenseRegressor(**SMALL).partial_fit(X, T, sample_weight=weight).partial_fit(X, T, sample_weight=weight)
    assert np.array_equal(several.predict(X)[:, 0], alone.predict(X))
    plain = DenseRegressor(**SMALL).partial_fit(X, T).partial_fit(X, T)
    assert not np.allclose(plain.predict(X), alone.predict(X), atol=1e-4)


def test_errors_in_other_processes_say_what_is_wrong() -> None:
    wrong = DenseClassifier(**(SMALL | {"epochs": 0}))
    with pytest.raises(ArgumentError, match="epochs: expected a whole number, at least 1, got 0"):
        cross_validate(wrong, X, Y, cv=2, n_jobs=2, error_score="raise")
    far = DenseRegressor(preset="plain", hidden=(), optimizer="sgd", learning_rate=1e30)
    with pytest.raises(DivergedError, match=r"training diverged in epoch 1.* try learning_rate=1e\+29"):
        cross_validate(far, X, T, cv=2, n_jobs=2, error_score="raise")


def test_a_page_shows_it(fitted: DenseClassifier) -> None:
    assert "DenseClassifier" in estimator_html_repr(fitted)
    assert repr(DenseRegressor(hidden=(3,), epochs=7)) == "DenseRegressor(epochs=7, hidden=(3,))"


def test_folders_hold_the_model_and_the_parameters(fitted: DenseClassifier, tmp_path: Path) -> None:
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    ours = DenseClassifier(**SMALL, class_weight={"yes": 2.0}, callbacks=[print]).fit(frame, Y)
    ours.save(tmp_path / "model")
    loaded = DenseClassifier.load(tmp_path / "model")
    assert np.array_equal(loaded.predict_proba(frame), ours.predict_proba(frame))
    assert loaded.get_params() == ours.get_params() | {"callbacks": ()}
    assert loaded.feature_names_in_.tolist() == ["a", "b", "c"]
    assert loaded.history_ == ours.history_
    assert np.array_equal(tw.load(tmp_path / "model").predict(frame), ours.predict(frame))
    with pytest.raises(ModelError, match="no DenseRegressor can be made of a classification model"):
        DenseRegressor.load(tmp_path / "model")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(StorageError):
        fitted.save(tmp_path / "other")


@pytest.mark.parametrize("y", [np.where(Y == "no", 3, 7), Y == "yes", np.where(Y == "no", 1.0, 2.0)])
def test_folders_hold_weights_of_classes_that_are_no_text(y: Any, tmp_path: Path) -> None:
    weight = {label: 1.0 + 4 * place for place, label in enumerate(np.unique(y))}
    ours = DenseClassifier(**SMALL, class_weight=weight).fit(X, y)
    ours.save(tmp_path / "model")
    loaded = DenseClassifier.load(tmp_path / "model")
    assert loaded.get_params() == ours.get_params()
    assert np.array_equal(clone(loaded).fit(X, y).predict_proba(X), ours.predict_proba(X))


COMMAND = ["--preset", "plain", "--hidden", "4", "--epochs", "2", "--test", "none", "--diagnose", "none"]


@pytest.mark.parametrize(
    ("labels", "kind"), [([7, -3], "i"), ([False, True], "b"), ([1.0, 2.0], "f"), (["no", "yes"], "U")]
)
def test_labels_of_a_run_have_the_type_they_have_in_its_file(labels: list[Any], kind: str, tmp_path: Path) -> None:
    y = np.array(labels)[(X[:, 0] > 0).astype(int)]
    frame = pl.DataFrame({"a": X[:, 0], "name": [f"row {i}" for i in range(N)], "b": X[:, 1], "y": y})
    frame.write_parquet(tmp_path / "data.parquet")
    likelihood = ["--likelihood", "bernoulli"]
    assert (
        main.run(["train", str(tmp_path / "data.parquet"), *COMMAND, *likelihood, "--out", str(tmp_path / "run")]) == 0
    )
    loaded = DenseClassifier.load(tmp_path / "run")
    assert loaded.feature_names_in_.tolist() == ["a", "name", "b"]  # the second of which is left out
    assert loaded.classes_.dtype.kind == kind
    assert loaded.classes_.tolist() == sorted(labels)
    predicted = loaded.predict(frame.drop("y"))
    assert np.array_equal(predicted, tw.load(tmp_path / "run").predict(frame.drop("y")))
    assert predicted.dtype.kind == kind
    assert loaded.score(frame.drop("y"), y) == np.mean(predicted == y)


def test_a_run_with_several_targets_answers_with_all(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "s": T, "t": 1000 - 100 * T})
    frame.write_csv(tmp_path / "data.csv")
    arguments = ["train", str(tmp_path / "data.csv"), "--target", "s,t", *COMMAND, "--out", str(tmp_path / "run")]
    assert main.run(arguments) == 0
    loaded, rows = DenseRegressor.load(tmp_path / "run"), frame.select("a", "b")
    assert loaded.predict(rows).shape == (N, 2)
    assert np.allclose(loaded.predict(rows), tw.load(tmp_path / "run").predict(rows))
    assert loaded.predict(rows)[:, 1].mean() == pytest.approx(1000, abs=100)


def test_a_model_from_python_becomes_an_estimator(tmp_path: Path) -> None:
    network = tw.dense_network(3, (8,), 1)
    tw.fit(network, X, Y, epochs=1).save(tmp_path / "model")
    loaded = DenseClassifier.load(tmp_path / "model")
    assert loaded.classes_.tolist() == ["no", "yes"]
    assert loaded.score(X, Y) == np.mean(loaded.predict(X) == Y)


def test_callbacks_follow_and_end_training() -> None:
    seen: list[dict[str, Any]] = []
    steps = tw.StepStatistics()

    def third(row: dict[str, Any]) -> bool:
        seen.append(row)
        return row["epoch"] == 3

    ours = DenseClassifier(**(SMALL | {"epochs": 9}), callbacks=[third, steps]).fit(X, Y)
    assert ours.n_iter_ == 3
    assert [row["train_loss"] for row in seen] == ours.loss_curve_
    assert len(steps.steps["loss"]) == sum(row["steps"] for row in ours.history_)
    with pytest.raises(ValueError, match="callbacks"):
        DenseClassifier(callbacks=["print"]).fit(X, Y)


def test_divergence_tells_which_step_size_to_try() -> None:
    with pytest.raises(DivergedError, match=r"The learning rate was 1e\+06: try learning_rate=100000"):
        DenseRegressor(**(SMALL | {"epochs": 20}), optimizer="sgd", learning_rate=1e6).fit(X, T)


class _Interrupt(Hook):
    """Ctrl-C in the third epoch."""

    def on_epoch_start(self, epoch: int) -> None:
        if epoch == 3:
            os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupted_fit_keeps_what_it_has() -> None:
    ours = DenseClassifier(**(SMALL | {"epochs": 9}), callbacks=[_Interrupt()])
    with pytest.warns(UserWarning, match="interrupted after 2 of 9 epochs"):
        ours.fit(X, Y)
    assert ours.n_iter_ == 2
    assert ours.predict(X).shape == (N,)


def test_the_history_as_a_picture() -> None:
    plt.switch_backend("agg")
    ours = DenseClassifier(**SMALL, validation=0.2).fit(X, Y)
    ax = ours.plot_history()
    lines = {line.get_label(): line.get_ydata() for line in ax.get_lines()}
    assert set(lines) == {"train", "validation"}
    assert list(lines["train"]) == ours.loss_curve_
    assert ours.plot_history("error", ax=ax) is ax
    with pytest.raises(ValueError, match="quantity: expected one of error, loss"):
        ours.plot_history("rmse")
    plt.close("all")


@pytest.mark.parametrize("watched", [(True, False, True), (False, True, False)])
def test_the_picture_has_gaps_where_no_rows_were_watched(watched: tuple[bool, ...]) -> None:
    plt.switch_backend("agg")
    ours = DenseClassifier(**SMALL)
    for given in watched:
        ours.partial_fit(X, Y, eval_set=(X, Y) if given else None)
    lines = {line.get_label(): line for line in ours.plot_history().get_lines()}
    assert list(lines["train"].get_ydata()) == ours.loss_curve_
    assert np.array_equal(np.isfinite(lines["validation"].get_ydata()), watched)
    assert lines["validation"].get_xdata().tolist() == [1, 2, 3]
    assert lines["validation"].get_marker() == "."  # else an epoch between gaps would not be seen
    plt.close("all")


def test_random_states_of_every_kind() -> None:
    def p(state: Any) -> np.ndarray:
        return DenseClassifier(**SMALL, random_state=state).fit(X, Y).predict_proba(X)

    assert np.array_equal(p(3), p(3))
    assert not np.array_equal(p(3), p(4))
    assert not np.array_equal(p(None), p(None))
    assert np.array_equal(p(np.random.RandomState(0)), p(np.random.RandomState(0)))
    assert np.array_equal(p(np.random.default_rng(0)), p(np.random.default_rng(0)))


def test_folds_give_predictions_by_networks_that_never_saw_the_row() -> None:
    weight = np.arange(N) % 3
    ours = DenseClassifier(**(SMALL | {"epochs": 20}), learning_rate=0.05, folds=4, patience=3).fit(X, Y, weight)
    assert ours.oof_prediction_.shape == (N, 2)
    assert np.array_equal(np.isnan(ours.oof_prediction_[:, 0]), weight == 0)
    known = weight > 0
    predicted = ours.classes_[ours.oof_prediction_[known].argmax(axis=1)]
    assert ours.oof_score_ == accuracy_score(Y[known], predicted)
    assert ours.oof_score_ > 0.8
    # No label can be learned from noise: the rows trained on would flatter, those held out do not.
    noise = RNG.permutation(Y)
    fair = DenseClassifier(preset="plain", hidden=(32,), learning_rate=0.05, epochs=60, folds=4).fit(X, noise)
    assert fair.oof_score_ < 0.7 < fair.score(X, noise)


def test_members_answer_together() -> None:
    ours = DenseRegressor(**SMALL, members=3).fit(X, T)
    alone = [DenseRegressor(**SMALL, random_state=seed).fit(X, T).model_ for seed in range(3)]
    z = np.mean([model.predict(X) for model in alone], axis=0)
    # Members share the order of rows, which a seed of one network alone also decides: alike, not equal.
    assert np.corrcoef(z, ours.predict(X))[0, 1] > 0.9
    with pytest.raises(ValueError, match="members"):
        ours.partial_fit(X, T)


def test_intervals_calibrated_on_held_out_rows() -> None:
    ours = DenseRegressor(**SMALL, validation=0.25, calibrate="conformal").fit(X, T)
    ends = ours.predict_interval(X, 0.8)
    assert (ends[:, 0] < ends[:, 1]).all()
    sets = DenseClassifier(**SMALL, validation=0.25, calibrate="conformal").fit(X, Y).predict_sets(X, 0.8)
    assert sets.shape == (N, 2)
    assert sets.dtype == bool
