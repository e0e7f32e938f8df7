"""Overlap and hard-pixel losses against scikit-learn, plain loops and the definitions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, jaccard_score, log_loss

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods import Categorical, HardPixels, Likelihood, SoftDice, SoftJaccard

PIXELS, CLASSES = 60, 3
WEIGHT = jnp.full(PIXELS, 1 / PIXELS)


def pixels(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    outputs = 2 * rng.normal(size=(PIXELS, CLASSES)).astype(np.float32)
    return outputs, rng.choice(CLASSES, PIXELS, p=[0.8, 0.15, 0.05]).astype(np.int32)


def plain_loss(kind: str, outputs: np.ndarray, y: np.ndarray, smooth: float) -> float:
    """The formulas of the specification, class by class and pixel by pixel."""
    indices = []
    for c in range(CLASSES):
        alpha = beta = 0.0
        for a, label in zip(outputs.astype(np.float64), y, strict=True):
            probability = np.exp(a[c]) / np.exp(a).sum()
            alpha += (label == c) * probability
            beta += (label == c) + probability
        indices.append(
            (alpha + smooth) / (beta - alpha + smooth) if kind == "jaccard" else (2 * alpha + smooth) / (beta + smooth)
        )
    return 1 - float(np.mean(indices))


@pytest.mark.parametrize(("likelihood", "kind"), [(SoftJaccard(smooth=0.5), "jaccard"), (SoftDice(smooth=2.0), "dice")])
def test_overlap_is_the_formula(likelihood: Likelihood, kind: str) -> None:
    outputs, y = pixels()
    loss = likelihood.loss(outputs, y, WEIGHT)
    np.testing.assert_allclose(loss, plain_loss(kind, outputs, y, likelihood.smooth), rtol=1e-5)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("family", "index"), [(SoftJaccard, jaccard_score), (SoftDice, f1_score)])
def test_hard_masks_give_the_index_of_scikit_learn(family: type[Likelihood], index: object) -> None:
    outputs, y = pixels(1)
    loss = family(smooth=1e-6).loss(jnp.asarray(1e3 * outputs), jnp.asarray(y), jnp.asarray(WEIGHT))  # type: ignore[call-arg]
    np.testing.assert_allclose(1 - loss, index(y, outputs.argmax(axis=1), average="macro"), rtol=1e-5)  # type: ignore[operator]


@pytest.mark.parametrize("family", [SoftJaccard, SoftDice])
def test_single_precision_error_vectors_are_within_1e5_of_autodiff(family: type[Likelihood]) -> None:
    outputs, y = pixels(2)
    for likelihood in (family(), family(cross_entropy=0.5)):  # type: ignore[call-arg]
        _, error = jax.jit(likelihood.loss_and_error)(outputs, y, WEIGHT)
        gradient = jax.jit(jax.grad(likelihood.loss))(outputs, y, WEIGHT)
        assert float(jnp.abs(error - gradient).max() / jnp.abs(gradient).max()) < 1e-5


def test_cross_entropy_alone_and_mixed() -> None:
    outputs, y = pixels(3)
    probability = np.asarray(Categorical().mean(outputs), np.float64)
    cross = log_loss(y, probability / probability.sum(axis=1, keepdims=True), labels=range(CLASSES))
    np.testing.assert_allclose(SoftDice(cross_entropy=1.0).loss(outputs, y, WEIGHT), cross, rtol=1e-5)
    mixed = 0.25 * cross + 0.75 * plain_loss("dice", outputs, y, 1.0)
    np.testing.assert_allclose(SoftDice(cross_entropy=0.25).loss(outputs, y, WEIGHT), mixed, rtol=1e-5)


def test_a_rare_class_is_heard_as_well_as_a_common_one() -> None:
    """All background: cross entropy hardly minds, the overlap of the missed class is lost whole."""
    y = jnp.asarray(np.r_[np.zeros(57, np.int32), np.ones(3, np.int32)])
    outputs = jnp.tile(jnp.array([4.0, -4.0]), (PIXELS, 1))
    assert float(SoftDice(smooth=1e-3).loss(outputs, y, WEIGHT)) > 0.48


@pytest.mark.parametrize("share", [0.1, 0.25, 1.0])
def test_hard_pixels_are_the_most_costly(share: float) -> None:
    outputs, y = pixels(4)
    weight = np.where(np.arange(PIXELS) < 50, 1 / 50, 0).astype(np.float32)  # ten fillers
    costs = np.sort(-np.log(np.asarray(Categorical().mean(outputs))[np.arange(50), y[:50]]))[::-1]
    loss = HardPixels(hard_share=share).loss(jnp.asarray(outputs), jnp.asarray(y), jnp.asarray(weight))
    np.testing.assert_allclose(loss, costs[: int(np.ceil(50 * share))].mean(), rtol=1e-5)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), smooth=st.floats(1e-3, 10))
def test_overlap_lies_between_none_and_all(seed: int, smooth: float) -> None:
    outputs, y = pixels(seed)
    jaccard, dice = (f(smooth=smooth).loss(outputs, y, WEIGHT) for f in (SoftJaccard, SoftDice))
    # D = 2J / (1 + J) without smoothing, so that the Dice loss is the smaller one.
    assert -1e-6 <= float(dice) <= float(jaccard) + 1e-6 <= 1 + 2e-6


@pytest.mark.parametrize("extreme", [1e4, -1e4])
def test_extreme_outputs_stay_finite(extreme: float) -> None:
    outputs = jnp.asarray(np.tile([[extreme, 0.0, -extreme]], (PIXELS, 1)), jnp.float32)
    y = jnp.asarray(pixels()[1])
    for likelihood in (SoftJaccard(cross_entropy=0.5), SoftDice(), HardPixels()):
        loss, error = likelihood.loss_and_error(outputs, y, jnp.asarray(WEIGHT))
        assert np.isfinite(loss)
        assert np.isfinite(error).all()


def test_settings_out_of_bounds() -> None:
    for make, name in (
        (lambda: SoftDice(smooth=0.0), "smooth"),
        (lambda: SoftJaccard(cross_entropy=1.5), "cross_entropy"),
        (lambda: HardPixels(hard_share=0.0), "hard_share"),
    ):
        with pytest.raises(ArgumentError, match=name):
            make()
