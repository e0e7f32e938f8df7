"""The segmenter: images and masks as samples. scikit-learn's suite is of tables; what applies of it stands here."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, cross_validate
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


def test_images_to_watch_have_weights() -> None:
    weight = np.where(RNG.random((2, 12, 12)) < 0.5, 0.0, RNG.random((2, 12, 12)))
    ours = DenseSegmenter(**SMALL)
    ours.fit(IMAGES[:4], MASKS[:4], eval_set=(IMAGES[4:], np.where(weight > 0, MASKS[4:], -1), weight))
    p = ours.predict_proba(IMAGES[4:]).astype(float)
    true = np.take_along_axis(p, (MASKS[4:] == 7)[..., None].astype(int), axis=-1)[..., 0]
    expected = float(np.average(-np.log(true), weights=weight))
    assert ours.history_[-1]["validation_loss"] == pytest.approx(expected, rel=1e-4)


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


PLAIN = SMALL | {"schedule": "constant", "dropout": 0.1}


def same(one: DenseSegmenter, other: DenseSegmenter) -> bool:
    mine, theirs = (jax.tree.leaves(estimator.model_.params) for estimator in (one, other))
    return all(map(np.array_equal, mine, theirs))


def test_an_image_that_weighs_nothing_is_left_out() -> None:
    weight, kept = np.array([1.0, 0.0, 2.0, 0.5, 0.0, 1.0]), [0, 2, 3, 5]
    wrong = np.where(weight[:, None, None] > 0, MASKS, 255)  # a label that occurs nowhere else
    ours = DenseSegmenter(**PLAIN).fit(IMAGES, wrong, sample_weight=weight)
    assert same(ours, DenseSegmenter(**PLAIN).fit(IMAGES[kept], MASKS[kept], weight[kept]))
    assert not same(ours, DenseSegmenter(**PLAIN).fit(IMAGES[kept], MASKS[kept]))
    assert ours.classes_.tolist() == [2, 7]


def test_pixels_that_weigh_nothing_may_have_any_label() -> None:
    known = RNG.random(MASKS.shape) < 0.5
    one, other = (
        DenseSegmenter(**PLAIN, class_weight={7: 2.0}).fit(IMAGES, np.where(known, MASKS, label), sample_weight=known)
        for label in (9 - MASKS, 255)
    )
    assert same(one, other)
    assert one.score(IMAGES, MASKS) > 0.9
    assert one.score(IMAGES, np.where(known, MASKS, 255), known) > 0.9
    for label in (-1, np.nan):
        masks = np.where(known, MASKS, label)
        assert same(one, DenseSegmenter(**PLAIN, class_weight={7: 2.0}).fit(IMAGES, masks, sample_weight=known))
        assert one.score(IMAGES, masks, known) == one.score(IMAGES, np.where(known, MASKS, 255), known)
        with pytest.raises(ValueError, match=r"-1 in a mask|got nan"):
            DenseSegmenter(**PLAIN).fit(IMAGES, masks, sample_weight=known + 0.1)
    # An image each with a weight of its own is one weight for all pixels of it.
    weight = np.arange(6.0)
    of_pixels = np.ones(MASKS.shape) * weight[:, None, None]
    of_images = DenseSegmenter(**PLAIN).fit(IMAGES, MASKS, sample_weight=weight)
    assert same(of_images, DenseSegmenter(**PLAIN).fit(IMAGES, MASKS, sample_weight=of_pixels))


def test_a_weight_of_two_is_an_image_twice() -> None:
    # Equal shares of the labels in each image: the first bias is the same, and the rest of a full-batch fit.
    masks = np.where(np.median(IMAGES, axis=(1, 2), keepdims=True) < IMAGES, 7, 2)
    settings = SMALL | {"full_batch": True, "standardize": False, "learning_rate": 0.1}
    weight = np.array([2, 1, 3, 1, 0, 1])
    ours = DenseSegmenter(**settings).fit(IMAGES, masks, sample_weight=weight)
    peer = DenseSegmenter(**settings).fit(IMAGES.repeat(weight, axis=0), masks.repeat(weight, axis=0))
    assert np.allclose(ours.predict_proba(IMAGES), peer.predict_proba(IMAGES), atol=1e-5)
    plain = DenseSegmenter(**settings).fit(IMAGES, masks)
    assert not np.allclose(ours.predict_proba(IMAGES), plain.predict_proba(IMAGES), atol=1e-4)


def test_balanced_labels_count_what_their_pixels_weigh() -> None:
    rare = np.where(IMAGES > 0.9, 7, 2)
    weight = RNG.random(rare.shape)
    ours = DenseSegmenter(**SMALL, class_weight="balanced").fit(IMAGES, rare, sample_weight=weight)
    sums = np.array([weight[rare == label].sum() for label in (2, 7)])
    assert ours.model_.likelihood.class_weights == pytest.approx(sums.sum() / (2 * sums), rel=1e-5)


def test_held_out_images_keep_their_weights() -> None:
    weight = np.array([1.0, 1.0, 0.0, 1.0, 5.0, 1.0])
    ours = DenseSegmenter(**SMALL, validation=0.4).fit(IMAGES, MASKS, sample_weight=weight)
    # Of the five that weigh something the last two are watched.
    p = ours.predict_proba(IMAGES[4:]).astype(float)
    cost = -np.log(np.take_along_axis(p, (MASKS[4:] == 7)[..., None].astype(int), axis=-1)).mean(axis=(1, 2, 3))
    assert ours.history_[-1]["validation_loss"] == pytest.approx(float((5 * cost[0] + cost[1]) / 6), rel=1e-4)


def test_the_score_of_weighted_pixels(fitted: DenseSegmenter) -> None:
    weight = RNG.random(MASKS.shape)
    noisy = np.where(RNG.random(MASKS.shape) < 0.3, 9 - MASKS, MASKS)
    predicted = fitted.predict(IMAGES)
    for given, of_pixels in ((weight, weight), (np.arange(6), np.ones(MASKS.shape) * np.arange(6)[:, None, None])):
        peer = f1_score(noisy.ravel(), predicted.ravel(), average="macro", sample_weight=of_pixels.ravel())
        assert fitted.score(IMAGES, noisy, sample_weight=given) == pytest.approx(peer)
    assert fitted.score(IMAGES, noisy, np.full(6, 3.0)) == pytest.approx(fitted.score(IMAGES, noisy))


def test_weights_are_routed_to_fit_and_score() -> None:
    weight = np.where(np.arange(6) % 3 == 0, 0.0, 1.0)
    wrong = np.where(weight[:, None, None] > 0, MASKS, 255)
    with config_context(enable_metadata_routing=True):
        ours = DenseSegmenter(**SMALL).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        told = cross_validate(ours, IMAGES, wrong, cv=3, params={"sample_weight": weight}, error_score="raise")
    assert told["test_score"].min() > 0.9


def test_epochs_by_partial_fit_are_epochs_of_fit() -> None:
    weights = {"class_weight": {7: 3.0}}
    whole = DenseSegmenter(**(PLAIN | weights | {"epochs": 4})).fit(IMAGES, MASKS, sample_weight=np.arange(6))
    parts = DenseSegmenter(**PLAIN, **weights)
    for _ in range(4):
        parts.partial_fit(IMAGES, MASKS, sample_weight=np.arange(6))
    assert same(whole, parts)
    assert whole.loss_curve_ == parts.loss_curve_
    warm = DenseSegmenter(**(PLAIN | weights | {"epochs": 2}), warm_start=True)
    for _ in range(2):
        warm = pickle.loads(pickle.dumps(warm)).fit(IMAGES, MASKS, sample_weight=np.arange(6))
    assert same(whole, warm)
    assert DenseSegmenter(**(PLAIN | {"epochs": 2})).fit(IMAGES, MASKS).fit(IMAGES, MASKS).n_iter_ == 2
    assert clone(warm).warm_start


def test_the_schedule_of_a_warm_start_is_that_of_the_whole_course() -> None:
    whole = DenseSegmenter(**(SMALL | {"epochs": 4})).fit(IMAGES, MASKS)
    parts = DenseSegmenter(**(SMALL | {"epochs": 2}), warm_start=True).fit(IMAGES, MASKS).fit(IMAGES, MASKS)
    rates = [row["learning_rate"] for row in parts.history_]
    assert rates[2:] == [row["learning_rate"] for row in whole.history_][2:]
    assert len(set(rates)) > 1


def test_partial_fit_keeps_the_scale_and_knows_labels_that_come_later() -> None:
    ours = DenseSegmenter(**(SMALL | {"batch_size": 64}))
    ours.partial_fit(IMAGES[0], np.full((12, 12), 2, np.int16), classes=[7, 2])
    windows = ours.model_.windows
    assert ours.classes_.tolist() == [2, 7]
    assert ours.predict(IMAGES).dtype == np.int16
    for _ in range(9):
        for image, mask in zip(IMAGES[1:], MASKS[1:], strict=True):
            ours.partial_fit(image, mask)
    assert ours.model_.windows is windows
    assert ours.score(IMAGES, MASKS) > 0.9
    assert [row["learning_rate"] for row in ours.history_] == pytest.approx([0.01] * 46)
    assert ours.partial_fit(IMAGES[0, :2], MASKS[0, :2]).n_iter_ == 47  # fewer pixels than a minibatch
    with pytest.raises(ValueError, match="not the same as on last call"):
        ours.partial_fit(IMAGES, MASKS, classes=[2, 7, 8])
    with pytest.raises(ValueError, match="label 9, which is none of the classes 2, 7"):
        ours.partial_fit(IMAGES, np.full(MASKS.shape, 9))
    with pytest.raises(ArgumentError, match="images: expected 1 channels"):
        ours.partial_fit(IMAGES[..., None].repeat(2, axis=-1), MASKS)
    with pytest.raises(ArgumentError, match="expected None or a dictionary for partial_fit, which sees a part of the"):
        ours.set_params(class_weight="balanced").partial_fit(IMAGES, MASKS)


def test_weights_of_labels_stay_on_the_scale_of_the_first_call(tmp_path: Path) -> None:
    ours, weight = DenseSegmenter(**PLAIN, class_weight={7: 5.0}), RNG.random(MASKS.shape)
    ours.partial_fit(IMAGES, MASKS, sample_weight=weight)
    first = ours.model_.likelihood
    factors = np.array(first.class_weights)
    assert factors[1] == pytest.approx(5 * factors[0])
    assert np.average(factors[(MASKS == 7).astype(int)], weights=weight) == pytest.approx(1)
    for label in (2, 7):
        assert ours.partial_fit(IMAGES, np.full(MASKS.shape, label)).model_.likelihood == first
    ours.save(tmp_path / "model")
    loaded = DenseSegmenter.load(tmp_path / "model").partial_fit(IMAGES[:2], MASKS[:2])
    assert loaded.model_.likelihood == first
    # A dictionary that has changed is that of the calls to come.
    factors = np.array(
        ours.set_params(class_weight={7: 3.0}).partial_fit(IMAGES, MASKS).model_.likelihood.class_weights
    )
    assert factors[1] == pytest.approx(3 * factors[0])


def test_the_weight_of_a_single_image_changes_nothing() -> None:
    one, other = (
        DenseSegmenter(**PLAIN).partial_fit(IMAGES[:1], MASKS[:1]).partial_fit(IMAGES[1:2], MASKS[1:2], None, [weight])
        for weight in (1.0, 4.0)
    )
    assert same(one, other)


def test_weights_of_labels_that_the_first_call_does_not_have() -> None:
    ours = DenseSegmenter(**PLAIN, class_weight={7: 5.0}).partial_fit(IMAGES, np.full(MASKS.shape, 2), [2, 7])
    assert ours.partial_fit(IMAGES, MASKS).model_.likelihood.class_weights == pytest.approx((1, 5))
    with pytest.raises(ArgumentError, match="class_weight: expected classes among"):
        ours.set_params(class_weight={3: 2.0}).partial_fit(IMAGES, MASKS)


def test_early_stopping_together_with_partial_fit() -> None:
    ours = DenseSegmenter(**(SMALL | {"learning_rate": 0.3}), patience=2)
    for _ in range(30):
        ours.partial_fit(IMAGES[:4], MASKS[:4], eval_set=(IMAGES[4:], MASKS[4:]))
    losses = [row["validation_loss"] for row in ours.history_]
    assert ours.best_epoch_ == int(np.argmin(losses)) + 1
    assert ours.n_iter_ == ours.best_epoch_ + 2 < 30
    before = ours.n_iter_
    ours.set_params(warm_start=True).fit(IMAGES[:4], 9 - MASKS[:4], eval_set=(IMAGES[4:], 9 - MASKS[4:]))
    losses = [row["validation_loss"] for row in ours.history_[before:]]
    assert ours.best_epoch_ == before + int(np.argmin(losses)) + 1


def test_a_loaded_segmenter_goes_on(tmp_path: Path) -> None:
    ours = DenseSegmenter(**SMALL, likelihood="soft_dice", warm_start=True).fit(IMAGES, MASKS)
    ours.save(tmp_path / "model")
    loaded = DenseSegmenter.load(tmp_path / "model").set_params(likelihood="auto").fit(IMAGES, MASKS)
    assert loaded.n_iter_ == 18
    assert loaded.model_.likelihood.name == "soft_dice"
    assert loaded.loss_curve_[9] < loaded.loss_curve_[0]


OTHERS: list[tuple[dict[str, Any], str]] = [
    ({"hidden": (9,)}, "network"),
    ({"window": 3}, r"window \(1, 1, 1\)"),
    ({"padding": "edge"}, "padding 'reflect'"),
    ({"standardize": False}, "standardize True"),
]


def test_another_network_or_other_windows_cannot_go_on(fitted: DenseSegmenter, tmp_path: Path) -> None:
    fitted.save(tmp_path / "model")
    for other, name in OTHERS:
        for ours in (pickle.loads(pickle.dumps(fitted)), DenseSegmenter.load(tmp_path / "model")):
            ours.set_params(**other, warm_start=True)
            with pytest.raises(ArgumentError, match=f"warm_start: expected the {name} of the fit .* warm_start=False"):
                ours.fit(IMAGES, MASKS)
            with pytest.raises(ArgumentError, match=f"partial_fit: expected the {name} of the fit .* take a clone"):
                ours.partial_fit(IMAGES, MASKS)


def test_a_blank_first_image_is_no_sign_of_another_scale() -> None:
    ours = DenseSegmenter(**SMALL).partial_fit(np.zeros((12, 12)), MASKS[0])
    assert ours.partial_fit(IMAGES[1], MASKS[1]).n_iter_ == 2
    with pytest.raises(ArgumentError, match="expected the standardize True of the fit before, got False"):
        ours.set_params(standardize=False).partial_fit(IMAGES[1], MASKS[1])


def test_minibatches_are_of_at_most_all_pixels() -> None:
    weight = np.ones(MASKS.shape)
    weight[:, :3] = 0
    settings = SMALL | {"stride": 2, "epochs": 2}
    ours = DenseSegmenter(**settings, batch_size=10**6, warm_start=True).fit(IMAGES, MASKS, weight)
    assert same(ours, DenseSegmenter(**settings, full_batch=True).fit(IMAGES, MASKS, weight))
    assert ours.fit(IMAGES[:1], MASKS[:1]).partial_fit(IMAGES[:1], MASKS[:1]).n_iter_ == 5
    assert DenseSegmenter(**SMALL, batch_size=145).partial_fit(IMAGES[0], MASKS[0]).n_iter_ == 1


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones(5), r"sample_weight.shape == \(5,\), expected \(6,\)!"),
        (np.ones((6, 12, 11)), r"sample_weight: expected 6 numbers, one an image, or one a pixel, \(6, 12, 12\), got"),
        (np.zeros(6), "at least one non-zero number"),
        (np.zeros(MASKS.shape), "at least one non-zero number"),
        (-np.ones(6), "Negative values in data passed to `sample_weight`"),
        (-np.ones(MASKS.shape), "Negative values in data passed to `sample_weight`"),
        (np.full(MASKS.shape, np.nan), "Input sample_weight contains NaN"),
        (np.where(np.arange(12) % 2, 1.0, 0.0) * np.ones(MASKS.shape), "sample_weight: expected pixels .* stride=1"),
    ],
)
def test_weights_that_cannot_be_used(weight: np.ndarray, message: str) -> None:
    for method in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match=message):
            getattr(DenseSegmenter(**SMALL, stride=2), method)(IMAGES, MASKS, sample_weight=weight)


def test_what_cannot_be_used(fitted: DenseSegmenter) -> None:
    with pytest.raises(NotFittedError):
        clone(fitted).predict(IMAGES)
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        DenseSegmenter().fit(IMAGES, None)
    with pytest.raises(ValueError, match="masks"):
        DenseSegmenter(**SMALL).fit(IMAGES, MASKS[:, :5])
    for watched, message in (
        (IMAGES, r"expected \(images, masks\) or \(images, masks, weights\), got ndarray"),
        ((IMAGES, MASKS, None, None), r"expected \(images, masks\) or .*, got a tuple of 4"),
        ((IMAGES, MASKS, np.ones(5)), r"sample_weight.shape == \(5,\), expected \(6,\)!"),
        ((IMAGES, MASKS, np.ones((6, 2))), r"sample_weight: expected 6 numbers, one an image, or one a pixel"),
        ((IMAGES, 1, np.ones(6)), "(Input should have at least 1 dimension|Singleton array)"),
        ((IMAGES, np.full(MASKS.shape, -1)), "expected labels from 0 on, got -1 in a mask"),
    ):
        with pytest.raises((TypeError, ValueError), match=f"eval_set: {message}"):
            DenseSegmenter(**SMALL).fit(IMAGES, MASKS, eval_set=watched)
    with pytest.raises(ArgumentError, match="eval_set: masks: expected the shape of the images"):
        DenseSegmenter(**SMALL).fit(IMAGES, MASKS, eval_set=(IMAGES, MASKS[:, :5]))
    with pytest.raises(ArgumentError, match="eval_set: expected as many channels as X has, "):
        DenseSegmenter(**SMALL).fit(IMAGES, MASKS, eval_set=(np.zeros((*MASKS.shape, 5)), MASKS))
    with pytest.raises(ValueError, match="window"):
        DenseSegmenter(**(SMALL | {"window": 2})).fit(IMAGES, MASKS)
