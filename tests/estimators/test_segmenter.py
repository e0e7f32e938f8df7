"""The segmenter: images and masks as samples. scikit-learn's suite is of tables; what applies of it stands here."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.utils import estimator_checks as checks

from thalweg import DenseSegmenter, fit_segmentation
from thalweg.core.errors import ArgumentError

RNG = np.random.default_rng(5)
IMAGES = RNG.random((6, 12, 12))
MASKS = np.where(IMAGES > 0.5, 7, 2)
SMALL: dict[str, Any] = {"window": 1, "hidden": (8,), "learning_rate": 0.01, "epochs": 9}

APPLY = [
    checks.check_estimator_cloneable,
    checks.check_estimator_tags_renamed,
    checks.check_valid_tag_types,
    checks.check_estimator_repr,
    checks.check_no_attributes_set_in_init,
    checks.check_parameters_default_constructible,
    checks.check_get_params_invariance,
    checks.check_set_params,
    checks.check_do_not_raise_errors_in_init_or_set_params,
    checks.check_mixin_order,
]
"""The checks that fit nothing; all others fit rows of a table, which have no pixels."""


@pytest.mark.parametrize("check", APPLY, ids=lambda check: check.__name__)
def test_what_applies_of_the_suite_of_scikit_learn(check: Any) -> None:
    check("DenseSegmenter", DenseSegmenter())


def test_the_suite_itself_says_that_images_are_not_for_it() -> None:
    with pytest.warns(checks.SkipTestWarning, match="requires input"):
        assert {check.func.__name__ for _, check in checks.estimator_checks_generator(DenseSegmenter())} <= {
            "check_estimator_cloneable"
        }


@pytest.fixture(scope="module")
def fitted() -> DenseSegmenter:
    return DenseSegmenter(**SMALL).fit(IMAGES[:4], MASKS[:4])


def test_it_trains_what_fit_segmentation_trains(fitted: DenseSegmenter) -> None:
    peer = fit_segmentation(IMAGES[:4], MASKS[:4], **SMALL)
    assert np.array_equal(fitted.predict_proba(IMAGES), peer.predict_proba(IMAGES))
    assert fitted.predict(IMAGES).dtype == MASKS.dtype
    assert fitted.classes_.tolist() == [2, 7]


def test_the_score_is_the_mean_dice_index(fitted: DenseSegmenter) -> None:
    predicted, true = fitted.predict(IMAGES[4:]), MASKS[4:]
    dice = [
        2 * np.sum((predicted == label) & (true == label)) / (np.sum(predicted == label) + np.sum(true == label))
        for label in (2, 7)
    ]
    assert fitted.score(IMAGES[4:], true) == pytest.approx(np.mean(dice))
    assert fitted.score(IMAGES[4:], true) > 0.9


def test_copies_searches_and_folders(fitted: DenseSegmenter, tmp_path: Path) -> None:
    answer = fitted.predict_proba(IMAGES)
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(IMAGES), answer)
    fitted.save(tmp_path / "model")
    loaded = DenseSegmenter.load(tmp_path / "model")
    assert np.array_equal(loaded.predict_proba(IMAGES), answer)
    assert loaded.get_params() == fitted.get_params()
    search = GridSearchCV(DenseSegmenter(**SMALL), {"learning_rate": [1e-9, 0.01]}, cv=2).fit(IMAGES, MASKS)
    assert search.best_params_ == {"learning_rate": 0.01}


def test_images_to_watch() -> None:
    ours = DenseSegmenter(**(SMALL | {"learning_rate": 0.1}), patience=2)
    ours.fit(IMAGES[:4], MASKS[:4], eval_set=(IMAGES[4:], MASKS[4:]))
    losses = [row["validation_loss"] for row in ours.history_]
    assert ours.best_epoch_ == int(np.argmin(losses)) + 1
    assert ours.model_.evaluate(IMAGES[4:], MASKS[4:])["loss"] == pytest.approx(min(losses), rel=1e-4)


def test_decisions_for_pixels(fitted: DenseSegmenter) -> None:
    p = fitted.predict_proba(IMAGES[4:]).astype(float)
    cost = np.array([[0.0, 1.0], [9.0, 0.0]])  # rows are the labels 2 and 7
    decided = fitted.decide(IMAGES[4:], cost)
    assert decided.actions.shape == MASKS[4:].shape
    assert np.array_equal(decided.labels(), np.array(["2", "7"])[(p @ cost).argmin(axis=-1)])
    assert np.any(decided.labels() != decided.map_labels())
    handed_over = fitted.decide(IMAGES[4:], reject=0.1)
    assert np.array_equal(handed_over.rejected, p.min(axis=-1) > 0.1)
    assert fitted.decide(IMAGES[4:], reject=0.1, budget=3).rejected.sum() == 3


def test_weights_of_labels() -> None:
    rare = np.where(IMAGES > 0.9, 7, 2)
    share = np.mean(rare == 7)
    settings = SMALL | {"likelihood": "categorical"}
    balanced = DenseSegmenter(**settings, class_weight="balanced").fit(IMAGES, rare)
    weighted = DenseSegmenter(**settings, class_weight={7: (1 - share) / share}).fit(IMAGES, rare)
    assert np.allclose(weighted.predict_proba(IMAGES), balanced.predict_proba(IMAGES), atol=1e-5)
    plain = DenseSegmenter(**SMALL).fit(IMAGES, rare).predict_proba(IMAGES)
    two = DenseSegmenter(**SMALL, class_weight={2: 1, 7: 9}).fit(IMAGES, rare)
    assert two.predict_proba(IMAGES)[..., 1].mean() > plain[..., 1].mean() + 0.05
    with pytest.raises(ArgumentError, match="class_weight: expected classes among"):
        DenseSegmenter(**SMALL, class_weight={3: 2.0}).fit(IMAGES, rare)


def test_what_cannot_be_used(fitted: DenseSegmenter) -> None:
    with pytest.raises(NotFittedError):
        clone(fitted).predict(IMAGES)
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        DenseSegmenter().fit(IMAGES, None)
    with pytest.raises(ValueError, match="masks"):
        DenseSegmenter(**SMALL).fit(IMAGES, MASKS[:, :5])
    with pytest.raises(ValueError, match="eval_set"):
        DenseSegmenter(**SMALL).fit(IMAGES, MASKS, eval_set=IMAGES)
    with pytest.raises(ValueError, match="window"):
        DenseSegmenter(**(SMALL | {"window": 2})).fit(IMAGES, MASKS)
