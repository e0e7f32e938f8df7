"""Against scikit-learn's metrics."""

import json

import numpy as np
import pytest
from sklearn import metrics

from thalweg.runs.evaluation import regression_evaluation


@pytest.fixture(name="answers", scope="module")
def _answers() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.normal([10, -500], [1, 100], (300, 2))
    return y, y + rng.normal(0, [0.5, 30], (300, 2))


def test_measures_equal_scikit_learn(answers: tuple[np.ndarray, np.ndarray]) -> None:
    y, mean = answers
    result = regression_evaluation(y, mean, target_names=["a", "b"])
    assert result["rmse"] == pytest.approx(metrics.mean_squared_error(y, mean) ** 0.5)
    for k, target in enumerate(result["targets"]):
        assert target["name"] == "ab"[k]
        assert target["rmse"] == pytest.approx(metrics.root_mean_squared_error(y[:, k], mean[:, k]))
        assert target["mae"] == pytest.approx(metrics.mean_absolute_error(y[:, k], mean[:, k]))
        assert target["r2"] == pytest.approx(metrics.r2_score(y[:, k], mean[:, k]))
        assert target["baseline_rmse"] == pytest.approx(y[:, k].std())
        assert sum(target["histogram"]["counts"]) == 300
        edges = target["histogram"]["edges"]
        assert (edges[0], edges[-1]) == (
            pytest.approx((y - mean)[:, k].min()),
            pytest.approx((y - mean)[:, k].max()),
        )


def test_constant_of_the_training_rows_is_used(answers: tuple[np.ndarray, np.ndarray]) -> None:
    y, mean = answers
    result = regression_evaluation(y, mean, constant=[9, -400])
    assert result["targets"][1]["guess"] == -400
    assert result["targets"][1]["baseline_rmse"] == pytest.approx(np.sqrt(np.mean((y[:, 1] + 400) ** 2)))


@pytest.mark.parametrize("shape", ["number", "target", "row"])
def test_coverage_of_the_predicted_spread(answers: tuple[np.ndarray, np.ndarray], shape: str) -> None:
    y, mean = answers
    sd = {"number": np.array(0.5), "target": np.array([0.5, 30]), "row": np.full((300, 2), [0.5, 30])}[shape]
    target = regression_evaluation(y, mean, sd)["targets"][0]
    assert target["within_1_sd"] == pytest.approx((np.abs(y - mean)[:, 0] <= 0.5).mean())
    assert target["within_2_sd"] == pytest.approx((np.abs(y - mean)[:, 0] <= 1).mean())
    assert regression_evaluation(y, mean)["targets"][0]["within_1_sd"] is None


def test_points_are_a_fixed_subsample() -> None:
    y = np.arange(9000.0)
    first, second = (regression_evaluation(y, y + 1)["targets"][0]["points"] for _ in range(2))
    assert first == second
    assert len(first["row"]) == len(set(first["row"])) == 2000
    assert first["true"] == first["row"]
    assert first["predicted"] == [row + 1 for row in first["row"]]


def test_largest_errors_weigh_targets_alike(answers: tuple[np.ndarray, np.ndarray]) -> None:
    y, mean = answers
    worse = mean.copy()
    worse[17, 0] += 100  # a hundred deviations of the first target, one of the second
    listed = regression_evaluation(y, worse, target_names=["a", "b"], inputs=np.c_[np.arange(300)])["largest_errors"]
    assert (listed[0]["row"], listed[0]["target"], listed[0]["values"]) == (17, "a", [17])
    sizes = [abs(e["true"] - e["predicted"]) / y[:, "ab".index(e["target"])].std() for e in listed]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(
    ("y", "mean"),
    [
        (np.array([1.0, 2.0]), np.array([np.nan, 2.0])),
        (np.array([1.0, 2.0]), np.array([np.nan, np.inf])),
        (np.array([3.0, 3.0, 3.0]), np.array([3.0, 3.0, 3.0])),
        (np.array([1e9, 1e9]), np.array([1.0, 1.0])),
        (np.array([0.0]), np.array([1.0])),
        (np.empty(0), np.empty(0)),
    ],
)
def test_odd_rows_give_json_all_the_same(y: np.ndarray, mean: np.ndarray) -> None:
    result = regression_evaluation(y, mean, inputs=lambda rows: [[None] for _ in rows])
    json.dumps(result, allow_nan=False)
    assert result["not_finite"] == int((~np.isfinite(mean)).sum())
    assert result["rows"] + result["not_finite"] == len(y)
