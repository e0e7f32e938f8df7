"""Against scikit-learn's metrics."""

import json

import numpy as np
import pytest
from sklearn import metrics

from thalweg.runs.evaluation import multilabel_evaluation

NAMES = ["sun", "sea", "rare"]


@pytest.fixture(name="answers", scope="module")
def _answers() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = (rng.uniform(size=(300, 3)) < [0.5, 0.3, 0.05]).astype(int)
    return y, np.clip(0.6 * y + 0.4 * rng.uniform(size=y.shape) - 0.1 * rng.uniform(size=y.shape), 0.01, 0.99)


def test_measures_equal_scikit_learn(answers: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = answers
    p = np.where(np.random.default_rng(1).uniform(size=p.shape) < 0.1, 1 - p, p)
    result = multilabel_evaluation(y, p, NAMES)
    guess = (p > 0.5).astype(int)
    assert result["error"] == pytest.approx(metrics.hamming_loss(y, guess))
    assert result["rows_wrong"] == pytest.approx(300 * metrics.zero_one_loss(y, guess))
    assert result["loss"] == pytest.approx(sum(metrics.log_loss(y[:, k], p[:, k]) for k in range(3)))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(y, guess, zero_division=np.nan)
    for k, label in enumerate(result["per_label"]):
        assert (label["label"], label["support"]) == (NAMES[k], support[k])
        assert [label["precision"], label["recall"], label["f1"]] == pytest.approx([precision[k], recall[k], f1[k]])
        assert label["baseline_error"] == pytest.approx(min(y[:, k].mean(), 1 - y[:, k].mean()))
    assert sum(b["count"] for b in result["reliability"]) == y.size


def test_confident_mistakes_come_first_and_say_which_label(answers: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = (a.copy() for a in answers)
    y[7, 1], p[7, 1] = 1, 0.001
    result = multilabel_evaluation(y, p, NAMES, inputs=p, feature_names=NAMES)
    first = result["confident_mistakes"][0]
    assert (first["row"], first["true"], first["predicted"]) == (7, "sea", "not sea")
    assert first["confidence"] == pytest.approx(0.999)
    assert len(first["values"]) == 3


def test_rows_without_a_probability_are_left_out_and_all_is_json(answers: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = (a.copy() for a in answers)
    p[3, 0] = np.nan
    result = multilabel_evaluation(y, p, NAMES, common=[1, 0, 0])
    assert (result["rows"], result["not_finite"]) == (299, 1)
    assert result["baseline"]["guess"] == "sun, not sea, not rare"
    json.dumps(result, allow_nan=False)
    json.dumps(multilabel_evaluation(y[:0], p[:0], NAMES), allow_nan=False)
