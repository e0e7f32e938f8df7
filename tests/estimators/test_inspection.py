"""scikit-learn's inspection works on the estimators, and agrees with what the report says of the same model."""

import matplotlib as mpl
import numpy as np
import pytest
from sklearn.inspection import PartialDependenceDisplay, partial_dependence, permutation_importance
from sklearn.model_selection import learning_curve
from tabular_models import FEATURES, as_pandas, frame, target

from thalweg.data.grids import grid
from thalweg.data.read import read
from thalweg.estimators import DenseClassifier, DenseRegressor
from thalweg.runs.explain import dependence, importance
from thalweg.runs.explain.columns import Columns

SETTINGS = {"hidden": (8,), "epochs": 8, "learning_rate": 0.02, "random_state": 0}


@pytest.fixture(name="classifier", scope="module")
def _classifier():
    """A classifier of a mixed frame, its rows and their targets."""
    x, y = as_pandas(frame()).astype({"rooms": float}), target("two")
    return DenseClassifier(**SETTINGS).fit(x, y), x, y


@pytest.mark.filterwarnings("ignore::thalweg.core.errors.DataWarning")
def test_importance_of_the_columns_of_a_frame(classifier) -> None:
    estimator, x, y = classifier
    theirs = permutation_importance(estimator, x, y, scoring="neg_log_loss", n_repeats=20, random_state=0)
    model, table = estimator.model_, read(x, need_target=False)
    orders = np.stack([np.random.default_rng(i).permutation(len(x)) for i in range(20)])
    codes = np.searchsorted(model.classes, y)
    ours, _ = importance.permutation_importance(model, Columns.of(model.encoder, table), codes, orders)
    for (change, _), mean, sd in zip(ours, theirs.importances_mean, theirs.importances_std, strict=True):
        # Other permutations: their means differ by chance, by at most five standard errors of both.
        assert abs(change.mean - mean) <= 5 * np.hypot(change.sd, sd) / np.sqrt(20) + 1e-6
    assert theirs.importances_mean.argmax() == np.argmax([change.mean for change, _ in ours])


@pytest.mark.filterwarnings("ignore::thalweg.core.errors.DataWarning")
def test_partial_dependence_of_numbers_and_levels(classifier) -> None:
    estimator, x, _ = classifier
    mpl.use("agg")
    known = x.assign(city=x["city"].fillna("oslo"))  # scikit-learn sorts the levels, and so takes no gaps
    shown = PartialDependenceDisplay.from_estimator(
        estimator, known, ["age", "city"], categorical_features=["city"], grid_resolution=6, kind="average"
    )
    assert shown.axes_.size == 2
    mpl.pyplot.close("all")
    model, table = estimator.model_, read(x, need_target=False)
    columns, j = Columns.of(model.encoder, table), FEATURES.index("rooms")
    ours = dependence.partial_dependence(model, columns, j, grid(table, j).values)[:, :, 1].mean(axis=1)
    theirs = partial_dependence(estimator, x, ["rooms"], method="brute", response_method="predict_proba")
    np.testing.assert_allclose(theirs["grid_values"][0], grid(table, j).labels)
    np.testing.assert_allclose(ours, theirs["average"][0], atol=1e-6)


@pytest.mark.filterwarnings("ignore::thalweg.core.errors.DataWarning")
def test_learning_curve_and_importance_of_a_regressor() -> None:
    x, y = as_pandas(frame())[["age", "rooms", "owner"]], target("quantiles")
    estimator = DenseRegressor(**SETTINGS)
    sizes, train, test = learning_curve(estimator, x, y, train_sizes=[40, 80], cv=2, scoring="r2")
    assert sizes.tolist() == [40, 80]
    assert np.isfinite(train).all()
    assert test.mean(axis=1)[1] > 0
    found = permutation_importance(estimator.fit(x, y), x, y, n_repeats=3, random_state=0)
    assert found.importances_mean[1] == found.importances_mean.max()
