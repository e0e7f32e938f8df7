"""Against scikit-learn's metrics, and by hand where it has none."""

import base64
import json

import numpy as np
import pytest
from sklearn import metrics

from thalweg.runs.evaluation import classification_evaluation

CLASSES = 5


@pytest.fixture(name="answers", scope="module")
def _answers() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.choice(CLASSES, 800, p=[0.4, 0.3, 0.2, 0.06, 0.04])
    p = rng.dirichlet(np.ones(CLASSES), 800)
    p[np.arange(800), y] += 0.5
    return y, p / p.sum(axis=1, keepdims=True)


def test_confusion_and_scores_equal_scikit_learn(answers: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = answers
    result = classification_evaluation(y, p, list("abcde"))
    guess = p.argmax(axis=1)
    assert result["confusion"] == metrics.confusion_matrix(y, guess).tolist()
    expected = metrics.precision_recall_fscore_support(y, guess, zero_division=0)
    for column, key in zip(expected, ("precision", "recall", "f1", "support"), strict=True):
        np.testing.assert_allclose([row[key] for row in result["per_class"]], column)
    assert result["error"] == pytest.approx(1 - metrics.accuracy_score(y, guess))
    assert result["loss"] == pytest.approx(metrics.log_loss(y, p))
    assert result["mistakes"] == metrics.zero_one_loss(y, guess, normalize=False)


def test_constant_guess_equals_a_dummy_classifier(answers: tuple[np.ndarray, np.ndarray]) -> None:
    from sklearn.dummy import DummyClassifier

    y, p = answers
    dummy = DummyClassifier(strategy="most_frequent").fit(np.zeros((len(y), 1)), y)
    base = classification_evaluation(y, p, list("abcde"))["baseline"]
    assert base["error"] == pytest.approx(1 - dummy.score(np.zeros((len(y), 1)), y))
    assert base["guess"] == "abcde"[dummy.predict([[0]])[0]]
    other = classification_evaluation(y, p, list("abcde"), majority=4)["baseline"]
    assert other == {"guess": "e", "mistakes": int((y != 4).sum()), "error": pytest.approx((y != 4).mean())}


def test_reliability_equals_scikit_learn() -> None:
    from sklearn.calibration import calibration_curve

    rng = np.random.default_rng(1)
    positive = rng.uniform(0.5, 1, 500)  # the winner is always class 1, so its confidence is P(1)
    y = rng.binomial(1, positive**2)
    result = classification_evaluation(y, np.stack([1 - positive, positive], axis=1), ["no", "yes"])
    right, claimed = calibration_curve(y, positive, n_bins=10)
    bins = [b for b in result["reliability"] if b["count"]]
    np.testing.assert_allclose([b["accuracy"] for b in bins], right)
    np.testing.assert_allclose([b["confidence"] for b in bins], claimed)
    weights = np.array([b["count"] for b in bins]) / 500
    assert result["calibration_error"] == pytest.approx(float(weights @ np.abs(right - claimed)))


def test_mistakes_are_the_surest_wrong_answers(answers: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = answers
    x = np.arange(800.0)[:, None] + np.array([0, 0.5])
    listed = classification_evaluation(y, p, list("abcde"), inputs=x, feature_names=["u", "v"])["confident_mistakes"]
    guess, sure = p.argmax(axis=1), p.max(axis=1)
    wrong = [i for i in np.argsort(-sure) if guess[i] != y[i]]
    assert [m["row"] for m in listed] == wrong[:12]
    for m in listed:
        assert m["true"] == "abcde"[y[m["row"]]]
        assert m["predicted"] == "abcde"[guess[m["row"]]]
        assert m["confidence"] == pytest.approx(sure[m["row"]])
        assert m["probability_true"] == pytest.approx(p[m["row"], y[m["row"]]])
        assert m["values"] == [m["row"], m["row"] + 0.5]


def test_inputs_are_asked_for_the_mistakes_alone(answers: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = answers
    asked: list[int] = []

    def rows(wanted: np.ndarray) -> list[list[object]]:
        asked.extend(wanted.tolist())
        return [["text", None, np.float32(0.1), np.nan, True] for _ in wanted]

    listed = classification_evaluation(y, p, list("abcde"), inputs=rows, feature_names=list("stuvw"))
    assert asked == [m["row"] for m in listed["confident_mistakes"]]
    assert listed["confident_mistakes"][0]["values"] == ["text", None, 0.1, None, "True"]


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 1), (4, 3, 3)])
def test_pictures_survive_the_way_through_png(shape: tuple[int, ...]) -> None:
    from io import BytesIO

    from PIL import Image

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (6, *shape), dtype=np.uint8)
    y, p = np.zeros(6, int), np.tile([0.1, 0.9], (6, 1))
    for inputs in (pixels, pixels.reshape(6, -1), pixels / 255):
        listed = classification_evaluation(y, p, ["a", "b"], inputs=inputs, example_shape=shape)["confident_mistakes"]
        assert len(listed) == 6
        for m in listed:
            back = np.asarray(Image.open(BytesIO(base64.b64decode(m["png"]))))
            np.testing.assert_array_equal(back.reshape(shape), pixels[m["row"]])


def test_rows_that_are_not_finite_are_counted_and_left_out(answers: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = answers
    broken = p.copy()
    broken[[3, 7], 0] = np.nan
    result = classification_evaluation(y, broken, list("abcde"))
    kept = np.setdiff1d(np.arange(800), [3, 7])
    assert result["not_finite"] == 2
    assert result["rows"] == 798
    assert result["confusion"] == metrics.confusion_matrix(y[kept], p[kept].argmax(axis=1)).tolist()
    nothing = classification_evaluation(y, np.full_like(p, np.nan), list("abcde"))
    assert (nothing["rows"], nothing["error"], nothing["loss"]) == (0, None, None)
    json.dumps(nothing, allow_nan=False)


def test_a_class_never_met_or_never_predicted_has_no_score() -> None:
    result = classification_evaluation(np.array([0, 0, 1]), np.eye(3)[[0, 0, 0]], ["a", "b", "c"])
    assert [row["precision"] for row in result["per_class"]] == [pytest.approx(2 / 3), None, None]
    assert [row["recall"] for row in result["per_class"]] == [1, 0, None]
    assert result["loss"] is not None  # ln 0 is cut off


def test_a_thousand_classes_give_pairs_instead_of_a_matrix() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 1000, 5000)
    p = rng.dirichlet(np.ones(1000) * 0.01, 5000)
    result = classification_evaluation(y, p, range(1000))
    assert result["confusion"] is None
    pairs, counts = np.unique(np.stack([y, p.argmax(axis=1)])[:, y != p.argmax(axis=1)], axis=1, return_counts=True)
    found = {(str(t), str(g)): int(n) for (t, g), n in zip(pairs.T, counts, strict=True)}
    assert [q["count"] for q in result["confused_pairs"]] == sorted(found.values(), reverse=True)[:30]
    for q in result["confused_pairs"]:
        assert found[q["true"], q["predicted"]] == q["count"]
        assert q["share"] == pytest.approx(q["count"] / (y == int(q["true"])).sum())
    assert len(json.dumps(result, allow_nan=False)) < 300_000
