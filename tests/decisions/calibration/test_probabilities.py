"""Reliability, scores and recalibration of class probabilities, against scikit-learn and SciPy."""

import json

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from thalweg.core.errors import ArgumentError
from thalweg.decisions.calibration import CALIBRATIONS, Isotonic, Temperature, brier, nll, reliability


@pytest.fixture(name="answers", scope="module")
def _answers() -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are twice too sure: the truth is drawn from their softened form."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3000, 3)) * 2
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    soft = np.sqrt(p) / np.sqrt(p).sum(axis=1, keepdims=True)
    y = (rng.uniform(size=(3000, 1)) > soft.cumsum(axis=1)).sum(axis=1).clip(max=2)
    return p, y


@pytest.mark.parametrize(("by", "strategy"), [("width", "uniform"), ("mass", "quantile")])
def test_reliability_equals_scikit_learn(by: str, strategy: str) -> None:
    rng = np.random.default_rng(1)
    p = rng.beta(2, 1, 700)
    y = rng.uniform(size=700) < p**2
    curve = reliability(p, y, bins=8, by=by)  # type: ignore[arg-type]
    true, claimed = calibration_curve(y, p, n_bins=8, strategy=strategy)  # type: ignore[arg-type]
    np.testing.assert_allclose(curve.came_true[curve.count > 0], true)
    np.testing.assert_allclose(curve.claimed[curve.count > 0], claimed)
    by_hand = sum(n * abs(t - c) for n, t, c in zip(curve.count, true, claimed, strict=True)) / 700
    assert curve.error == pytest.approx(by_hand)
    if by == "mass":
        assert np.ptp(curve.count) <= 1


def test_bands_equal_the_exact_binomial_interval_of_scipy() -> None:
    p = np.array([0.1] * 20 + [0.9] * 5)
    y = np.array([True] * 3 + [False] * 17 + [True] * 5)
    curve = reliability(p, y, bins=2)
    for b, (hits, count) in enumerate([(3, 20), (5, 5)]):
        exact = stats.binomtest(hits, count).proportion_ci(method="exact")
        assert (curve.band_low[b], curve.band_high[b]) == pytest.approx((exact.low, exact.high))
    empty = reliability(np.zeros(0), np.zeros(0, bool))
    assert np.isnan(empty.error)
    assert np.isnan(empty.band_low).all()


def test_equal_claims_share_a_bin_of_equal_mass() -> None:
    curve = reliability(np.array([0.5] * 90 + [0.9] * 10), np.array([True] * 100), by="mass")
    assert sorted(curve.count) == [10, 90]
    assert reliability(np.full(5, 0.5), np.ones(5, bool), by="mass").error == pytest.approx(0.5)


def test_scores_equal_scikit_learn(answers: tuple[np.ndarray, np.ndarray]) -> None:
    p, y = answers
    assert nll(p, y) == pytest.approx(metrics.log_loss(y, p))
    parts = brier(p, y)
    assert parts.score == pytest.approx(metrics.brier_score_loss(y, p, labels=[0, 1, 2], scale_by_half=False))
    assert parts.uncertainty == pytest.approx(sum(q * (1 - q) for q in np.bincount(y) / len(y)))


def test_the_parts_of_brier_add_up_by_their_definition(answers: tuple[np.ndarray, np.ndarray]) -> None:
    # Claims that are equal within a bin leave nothing for `within`.
    p = np.round(np.clip(answers[0][:, :1], 0.01, 0.99) * 10 - 0.5) / 10 + 0.05
    p, y = np.hstack([p, 1 - p]), (answers[1] > 0).astype(int)
    parts = brier(p, y)
    assert parts.within == pytest.approx(0, abs=1e-12)
    assert parts.score == pytest.approx(parts.reliability - parts.resolution + parts.uncertainty)
    groups = [(y[p[:, 1] == q] == 1).mean() for q in p[:, 1]]
    assert parts.reliability == pytest.approx(2 * np.mean((p[:, 1] - groups) ** 2))
    assert parts.resolution == pytest.approx(2 * np.mean((groups - y.mean()) ** 2))


def test_temperature_equals_scikit_learn(answers: tuple[np.ndarray, np.ndarray]) -> None:
    p, y = answers
    logs = np.log(p)
    model = LogisticRegression().fit(logs, y)
    frozen = CalibratedClassifierCV(FrozenEstimator(model), method="temperature").fit(logs, y)
    own = Temperature.fit(model.predict_proba(logs), y)
    np.testing.assert_allclose(own(model.predict_proba(logs)), frozen.predict_proba(logs), atol=1e-5)
    assert Temperature.fit(p, y).temperature == pytest.approx(2, rel=0.1)  # as the rows were drawn


@pytest.mark.parametrize("way", ["temperature", "isotonic"])
def test_recalibration_lowers_error_and_loss_on_new_rows(way: str, answers: tuple[np.ndarray, np.ndarray]) -> None:
    p, y = answers
    mended = CALIBRATIONS[way].fit(p[:1500], y[:1500])
    new, truth = p[1500:], y[1500:]

    def error(q: np.ndarray) -> float:
        return reliability(q.max(axis=1), q.argmax(axis=1) == truth).error

    assert error(mended(new)) < error(new) / 2
    assert nll(mended(new), truth) < nll(new, truth)
    np.testing.assert_allclose(mended(new).sum(axis=1), 1)


def test_isotonic_equals_scikit_learn(answers: tuple[np.ndarray, np.ndarray]) -> None:
    p, y = np.stack([1 - answers[0][:, 0], answers[0][:, 0]], axis=1), (answers[1] == 0).astype(int)
    edge = 1 / (len(y) + 2)
    peer = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip").fit(p[:, 1], y)
    new = np.linspace(0, 1, 101)
    mapped = Isotonic.fit(p, y)(np.stack([1 - new, new], axis=1))
    np.testing.assert_allclose(mapped[:, 1], peer.predict(new))
    assert mapped.min() > 0


def test_rows_that_are_all_right_leave_the_temperature_at_one() -> None:
    p = np.array([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.1, 0.3, 0.6]])
    assert Temperature.fit(p, np.array([0, 1, 2])).temperature == 1  # the likelihood has its maximum at T → 0
    assert Temperature.fit(p, np.array([0, 1, 1])).temperature < 100


def test_temperature_keeps_the_order_of_classes_and_saturated_probabilities_finite() -> None:
    p = np.array([[1.0, 0.0, 0.0], [0.5, 0.3, 0.2]])
    softer = Temperature(3.0)(p)
    assert (softer.argsort(axis=1)[1] == p.argsort(axis=1)[1]).all()
    assert np.isfinite(np.log(softer)).all()
    np.testing.assert_allclose(Temperature(1.0)(p), p, atol=1e-30)


def test_labels_are_mended_together_by_temperature_and_one_by_one_by_isotonic() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(4000, 2)) * 3
    y = (rng.uniform(size=(4000, 2)) < 1 / (1 + np.exp(-logits / 3))).astype(int)
    positive = 1 / (1 + np.exp(-logits))
    p = np.stack([1 - positive, positive], axis=-1)
    assert Temperature.fit(p, y).temperature == pytest.approx(3, rel=0.1)
    way = Isotonic.fit(p, y)
    for k in range(2):
        np.testing.assert_allclose(way(p)[:, k], Isotonic.fit(p[:, k], y[:, k])(p[:, k]))


@pytest.mark.parametrize("way", ["temperature", "isotonic"])
def test_maps_survive_json(way: str, answers: tuple[np.ndarray, np.ndarray]) -> None:
    p, y = answers
    first = CALIBRATIONS[way].fit(p, y)
    settings = json.loads(json.dumps(first.to_dict(), allow_nan=False))
    assert settings.pop("name") == way
    assert type(first)(**settings) == first


@pytest.mark.parametrize(
    "bad",
    [
        lambda: Temperature(0.0),
        lambda: Isotonic((((0.0, 1.0), (0.5, 0.2)),)),
        lambda: Isotonic((((0.0,), (0.5, 0.2)),)),
        lambda: Isotonic((((0.0, 1.0), (0.2, float("nan"))),)),
        lambda: Isotonic((((0.0, 1.0), (0.2, 0.6)),))(np.ones((1, 3)) / 3),
        lambda: reliability(np.ones(1), np.ones(1, bool), bins=0),
        lambda: reliability(np.ones(1), np.ones(1, bool), by="depth"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_used(bad) -> None:
    with pytest.raises(ArgumentError):
        bad()
