"""Lanczos, the parabola, the baseline, the rolling sample: parts of instruments against closed forms."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import entropy

from thalweg.data.batches import ArrayBatches
from thalweg.diagnosis import Instruments
from thalweg.diagnosis.hessian import Hessian
from thalweg.diagnosis.lanczos import lanczos, lanczos_basis, ritz
from thalweg.diagnosis.position import positions
from thalweg.diagnosis.start import constant_loss
from thalweg.diagnosis.step import SAMPLE, block
from thalweg.diagnosis.units import count
from thalweg.likelihoods import make_likelihood
from thalweg.network import dense_network
from thalweg.optimizers import make_optimizer
from thalweg.training import train

RNG = np.random.default_rng(3)


def symmetric(eigenvalues: np.ndarray) -> np.ndarray:
    q, _ = np.linalg.qr(RNG.normal(size=(len(eigenvalues),) * 2))
    return ((q * eigenvalues) @ q.T).astype(np.float32)


def test_lanczos_finds_both_ends_of_a_spectrum_within_its_residual() -> None:
    eigenvalues = np.concatenate([[-3.0], RNG.normal(0, 0.1, 47), [6.0, 10.0]])
    h = symmetric(eigenvalues)
    for steps, tolerance in ((8, 0.02), (50, 1e-4)):
        start = jnp.asarray(RNG.choice([-1.0, 1.0], 50), jnp.float32)
        found = ritz(*map(np.asarray, lanczos(lambda v: h @ v, start, steps)))
        assert found.largest == pytest.approx(10.0, rel=tolerance)
        assert found.smallest == pytest.approx(-3.0, rel=tolerance)
        assert np.min(np.abs(eigenvalues - found.largest)) <= found.error + 1e-4


def test_a_short_recursion_needs_no_reorthogonalization_for_its_ends() -> None:
    # Outliers a hundred times the bulk converge within these steps, which is where orthogonality is lost.
    h = symmetric(np.concatenate([[-50.0], RNG.normal(0, 0.5, 195), [20.0, 40.0, 60.0, 100.0]]))
    start = jnp.asarray(RNG.choice([-1.0, 1.0], 200), jnp.float32)
    alpha, beta, basis = lanczos_basis(lambda v: h @ v, start, 16)
    assert np.abs(np.asarray(basis @ basis.T) - np.eye(16)).max() < 1e-5
    short, full = ritz(*map(np.asarray, lanczos(lambda v: h @ v, start, 16))), ritz(np.asarray(alpha), np.asarray(beta))
    assert (short.largest, short.smallest) == pytest.approx((100.0, -50.0), rel=1e-4)
    assert (full.largest, full.smallest) == pytest.approx((100.0, -50.0), rel=1e-4)


@pytest.mark.parametrize("rows", [1, 64, 200])
def test_counts_of_columns_do_not_run_over(rows: int) -> None:
    flags = RNG.random((rows, 3)) < [0.0, 0.6, 1.0]
    assert count(jnp.asarray(flags)).tolist() == flags.sum(axis=0).tolist()


def test_lanczos_ends_where_the_space_is_exhausted() -> None:
    h = np.diag(np.array([2.0, 5.0, -4.0, 0.0], np.float32))
    start = jnp.array([1.0, 1.0, 0.0, 0.0])  # H keeps it in the plane of the first two
    found = ritz(*map(np.asarray, lanczos(lambda v: h @ v, start, 4)))
    assert (found.smallest, found.largest) == pytest.approx((2.0, 5.0))


def test_ritz_values_of_a_recursion_that_is_not_finite_are_not_numbers() -> None:
    assert np.isnan(ritz(np.array([1.0, np.nan]), np.zeros(2))).all()


@pytest.mark.parametrize(("floor", "alpha"), [(4.0, -0.75), (1.0, 0.0), (0.5, 1.0), (0.25, 3.0)])
def test_position_of_a_parabola_is_exact_whatever_the_noise(floor: float, alpha: float) -> None:
    # L(τ) = (τ - floor)²: the step ends at τ = 1.
    ends = np.array([(1 - floor) ** 2 - floor**2, -2 * floor, 2 * (1 - floor)])
    noise = RNG.normal(size=(3, 3))
    for covariance in (np.zeros((3, 3)), noise @ noise.T):
        assert positions(ends[None], covariance[None])[0] == pytest.approx(alpha, abs=1e-6)


def test_position_trusts_the_quieter_slope_and_has_no_answer_uphill() -> None:
    # The slopes say "on the floor", the losses "no curvature": slopes without noise win, and lose when noisy.
    ends = np.array([[-2.0, -2.0, 0.0]])
    quiet, loud = (np.diag([a, 1e-4, b])[None] for a, b in ((1e4, 1e-4), (1e-4, 1e4)))
    assert positions(ends, quiet)[0] == pytest.approx(0.0, abs=1e-3)
    assert positions(ends, loud)[0] == pytest.approx(-1.0, abs=1e-3)
    assert np.isnan(positions(np.array([[1.0, 1.0, 1.0]]), np.zeros((1, 3, 3)))[0])


def test_descent_on_a_parabola_has_known_sharpness_and_position() -> None:
    x = RNG.normal(size=(64, 3)).astype(np.float32) * np.array([3.0, 1.0, 0.3], np.float32)
    y = (x @ np.array([[1.0], [2.0], [3.0]]) + 1).astype(np.float32)
    padded = np.c_[x, np.ones(64)].astype(np.float64)
    hessian = padded.T @ padded / 64  # of the mean of half the squared error: equal for every θ
    rate = 0.15
    network = dense_network(3, (), 1, initializer="zeros")
    instruments = Instruments(["position", Hessian(steps=4)])
    train(
        network,
        make_likelihood("gaussian"),
        ArrayBatches(x, y, 64),
        make_optimizer("sgd", learning_rate=rate, total_steps=1, steps_per_epoch=1),
        epochs=1,
        params=network.init(jax.random.key(0)),
        hooks=[instruments],
    )
    whole = instruments.history[0]["network"]
    assert whole["sharpness"] == pytest.approx(np.linalg.eigvalsh(hessian)[-1], rel=1e-4)
    assert whole["smallest_eigenvalue"] == pytest.approx(np.linalg.eigvalsh(hessian)[0], rel=1e-2)
    gradient = padded.T @ -y[:, 0].astype(np.float64) / 64
    along = rate * gradient @ hessian @ gradient / (gradient @ gradient)
    assert whole["position"] == pytest.approx(along - 1, abs=1e-2)
    assert whole["stability_limit"] == 2.0


def test_baseline_is_the_entropy_of_the_classes_and_the_spread_of_numbers() -> None:
    labels = np.repeat([0, 1, 2], [50, 30, 20]).astype(np.int32)
    # The constant leans a little towards equal frequencies, as the starting bias of an output does.
    assert constant_loss(make_likelihood("categorical"), labels, 3) == pytest.approx(entropy([0.5, 0.3, 0.2]), rel=1e-3)
    numbers = RNG.normal(2.0, 3.0, size=(200, 1)).astype(np.float32)
    expected = 0.5 * np.log(2 * np.pi) + 0.5 * numbers.var()
    assert constant_loss(make_likelihood("gaussian"), numbers, 1) == pytest.approx(expected, rel=1e-5)


def test_consecutive_blocks_of_a_large_matrix_see_every_row() -> None:
    matrix = jnp.arange(100 * (SAMPLE // 16), dtype=jnp.float32).reshape(100, -1)
    seen = {float(row[0]) for step in range(7) for row in np.asarray(block(matrix, jnp.int32(step)))}
    assert seen == {float(first) for first in np.asarray(matrix[:, 0])}


@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov"])
def test_stability_limit_is_where_the_recursion_on_a_parabola_starts_to_grow(name: str) -> None:
    optimizer = make_optimizer(name, learning_rate=1.0, momentum=0.8, total_steps=1, steps_per_epoch=1)
    beta = {"sgd": 0.0}.get(name, 0.8)
    look_ahead = beta if name == "nesterov" else 0.0

    def radius(curvature: float) -> float:
        # (θ, Δθ) ↦ (θ + Δθ', Δθ') with Δθ' = β Δθ - λ (θ + β' Δθ), β' the look-ahead
        velocity = np.array([-curvature, beta - curvature * look_ahead])
        return float(np.max(np.abs(np.linalg.eigvals(np.array([[1.0 + velocity[0], velocity[1]], velocity])))))

    assert optimizer.stability is not None
    assert radius(0.99 * optimizer.stability) < 1 < radius(1.01 * optimizer.stability)
    assert make_optimizer("adam", total_steps=1, steps_per_epoch=1).stability is None
