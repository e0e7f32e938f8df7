"""L-BFGS inside compiled loops, against SciPy's."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.optimize

from thalweg.core.errors import ArgumentError
from thalweg.optimizers import make_optimizer

LENGTHS = {"total_steps": 60, "steps_per_epoch": 1}


def minimize(cost: Any, start: np.ndarray, **settings: Any) -> np.ndarray:
    optimizer = make_optimizer("lbfgs", **LENGTHS, **settings)
    assert optimizer.full_batch

    def step(carry: Any, _: None) -> Any:
        theta, state = carry
        value, grads = jax.value_and_grad(cost)(theta)
        updates, state = optimizer.update(grads, state, theta, value=value, grad=grads, value_fn=cost)
        return (optax.apply_updates(theta, updates), state), value

    run = jax.jit(lambda p: jax.lax.scan(step, (p, optimizer.init(p)), None, length=60)[0][0])
    return np.asarray(run(jnp.asarray(start)))


def test_rosenbrock() -> None:
    with jax.enable_x64(True):
        found = minimize(lambda p: jnp.sum(100 * (p[1:] - p[:-1] ** 2) ** 2 + (1 - p[:-1]) ** 2), np.zeros(4))
    np.testing.assert_allclose(found, 1, atol=1e-6)


def test_logistic_regression_with_l2_equals_scipy() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 5)), rng.integers(0, 2, 100)

    def cost(W: Any) -> Any:
        margin = (2 * y - 1) * (x @ W[0])
        return jnp.mean(jnp.logaddexp(0.0, -margin))

    def penalized(w: np.ndarray) -> float:
        return float(np.mean(np.logaddexp(0, -(2 * y - 1) * (x @ w))) + 0.5 * 0.1 * np.sum(w**2))

    expected = scipy.optimize.minimize(penalized, np.zeros(5), tol=1e-10).x
    with jax.enable_x64(True):
        found = minimize(cost, np.zeros((1, 5)), l2=0.1)
    np.testing.assert_allclose(found[0], expected, atol=1e-6)


@pytest.mark.parametrize(
    "settings",
    [{"schedule": "cosine"}, {"warmup": 0.1}, {"weight_decay": 0.1}, {"l1": 0.1}, {"clip_norm": 1}, {"clip_value": 1}],
)
def test_settings_that_break_the_line_search(settings: dict[str, Any]) -> None:
    (name,) = settings
    with pytest.raises(ArgumentError, match=f"^{name}: expected .* for 'lbfgs'"):
        make_optimizer("lbfgs", **LENGTHS, **settings)
