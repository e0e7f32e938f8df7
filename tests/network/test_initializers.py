"""Initial weights against the variances their papers state."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from thalweg.core.errors import ArgumentError
from thalweg.network import INITIALIZERS, Dense, Network

OUT, IN = 300, 500
VARIANCE = {
    "zeros": 0.0,
    "constant": 0.0,
    "uniform": 0.1**2 / 12,
    "normal": 1e-4,
    "glorot_uniform": 2 / (IN + OUT),
    "glorot_normal": 2 / (IN + OUT),
    "he_uniform": 2 / IN,
    "he_normal": 2 / IN,
    "lecun_uniform": 1 / IN,
    "lecun_normal": 1 / IN,
    "orthogonal": 2 / IN,
    "data": 2 / IN,
}


def test_every_initializer_has_a_stated_variance() -> None:
    assert set(VARIANCE) == set(INITIALIZERS)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_variance(name: str) -> None:
    w = np.asarray(INITIALIZERS[name](jax.random.key(0), OUT, IN, 2.0))
    assert w.shape == (OUT, IN)
    assert w.var() == pytest.approx(VARIANCE[name], rel=0.02, abs=1e-12)


@pytest.mark.parametrize("shape", [(4, 7), (7, 4), (5, 5)])
def test_orthogonal_rows_or_columns(shape: tuple[int, int]) -> None:
    w = np.asarray(INITIALIZERS["orthogonal"](jax.random.key(0), *shape, 1.0))
    small = w @ w.T if shape[0] < shape[1] else w.T @ w
    np.testing.assert_allclose(small, np.eye(min(shape)), atol=1e-5)


def test_data_dependent_start_gives_every_unit_mean_zero_and_variance_one() -> None:
    x = np.random.default_rng(0).normal(3.0, 5.0, (400, 6)).astype(np.float32)
    network = Network(6, (Dense(20, "data"), "tanh", Dense(10, "data")))
    params, state = network.init(jax.random.key(0), x), network.init_state()
    for depth in (1, 3):
        a = Network(6, network.layers[:depth]).apply(params[:depth], state[:depth], x)
        np.testing.assert_allclose(np.mean(a, axis=0), 0.0, atol=1e-4)
        np.testing.assert_allclose(np.std(a, axis=0), 1.0, atol=1e-4)


def test_data_dependent_start_without_data_says_so() -> None:
    with pytest.raises(ArgumentError, match="minibatch"):
        Network(6, (Dense(20, "data"),)).init(jax.random.key(0))
