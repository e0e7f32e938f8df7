"""Every registered optimizer and schedule keeps the contract of optimizers/optimizer.py."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from thalweg.core.errors import ArgumentError
from thalweg.optimizers import (
    OPTIMIZERS,
    SCHEDULES,
    Optimizer,
    make_optimizer,
    make_step_size,
    optimizer_options,
    schedule_options,
)

STEPS = 60
OBJECT = optax.lion(0.01)
NAMES_AND_OBJECTS = [*OPTIMIZERS, pytest.param(OBJECT, id="optax.lion")]
# AdaDelta finds its own units and starts slowly; plain descent needs γ < 2 / largest curvature.
RATES = {"sgd": 0.2, "momentum": 0.05, "nesterov": 0.05, "adadelta": 1.0}


def quadratic(params: Any) -> jax.Array:
    """½ θᵀ diag(1, 2, … ) θ around 1, summed over the leaves: convex, with its least value 0 at θ = 1."""
    total = jnp.zeros((), params["W"].dtype)
    for leaf in jax.tree.leaves(params):
        shifted = (leaf - 1).ravel()
        total += 0.5 * jnp.sum(jnp.arange(1, shifted.size + 1, dtype=leaf.dtype) * shifted**2)
    return total


def start(dtype: Any = np.float32) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {"W": rng.normal(size=(2, 3)).astype(dtype), "b": rng.normal(size=3).astype(dtype)}


def descend(optimizer: Optimizer, params: Any, steps: int = STEPS) -> tuple[Any, Any, jax.Array]:
    """Scan the steps as the training loop does."""

    def step(carry: Any, _: None) -> tuple[Any, jax.Array]:
        params, state = carry
        value, grads = jax.value_and_grad(quadratic)(optimizer.gradient_point(params, state))
        updates, state = optimizer.update(grads, state, params, value=value, grad=grads, value_fn=quadratic)
        return (optax.apply_updates(params, updates), state), quadratic(params)

    (params, state), values = jax.jit(lambda p: jax.lax.scan(step, (p, optimizer.init(p)), None, length=steps))(
        jax.tree.map(jnp.asarray, params)
    )
    return params, state, values


def make(optimizer: Any, **settings: Any) -> Optimizer:
    rate = RATES.get(optimizer, 0.1) if isinstance(optimizer, str) else 0.1
    return make_optimizer(optimizer, **{"learning_rate": rate, "total_steps": STEPS, "steps_per_epoch": 10} | settings)


@pytest.mark.parametrize("optimizer", NAMES_AND_OBJECTS)
def test_decreases_a_convex_quadratic(optimizer: Any) -> None:
    params, state, values = descend(make(optimizer), start())
    assert np.isfinite(values).all()
    assert quadratic(params) < (0.99 if optimizer == "adadelta" else 0.5) * values[0]
    assert state.step == STEPS


# A line search in half precision makes no sense.
@pytest.mark.parametrize(
    ("optimizer", "dtype"),
    [
        (optimizer, dtype)
        for optimizer in (*OPTIMIZERS, OBJECT)
        for dtype in (np.float32, np.float64, jnp.bfloat16)
        if not (optimizer == "lbfgs" and dtype == jnp.bfloat16)
    ],
)
def test_state_is_arrays_that_keep_shape_and_precision(optimizer: Any, dtype: Any) -> None:
    settings = {} if optimizer == "lbfgs" or not isinstance(optimizer, str) else {"schedule": "plateau"}
    with jax.enable_x64(dtype == np.float64):
        chosen = make(optimizer, **settings)
        params = jax.tree.map(jnp.asarray, start(dtype))

        def update(params: Any, state: Any) -> Any:
            value, grads = jax.value_and_grad(quadratic)(params)
            return chosen.update(grads, state, params, value=value, grad=grads, value_fn=quadratic)

        before = jax.jit(chosen.init)(params)
        updates, after = jax.eval_shape(update, params, before)

        def kind(tree: Any) -> Any:
            return jax.tree.map(lambda a: (a.shape, a.dtype, a.weak_type), tree)

        assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(before))
        assert jax.tree.structure(before) == jax.tree.structure(after)
        assert jax.tree.leaves(kind(before)) == jax.tree.leaves(kind(after))
        assert jax.tree.leaves(kind(updates)) == jax.tree.leaves(kind(params))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_default_options_are_accepted_and_unknown_ones_named(name: str) -> None:
    options = optimizer_options(name)
    make(name, options=options)
    with pytest.raises(ArgumentError, match="options: expected"):
        make(name, options={"bogus": 1})
    for option in options:
        with pytest.raises(ArgumentError, match=f"Did you mean '{option}'"):
            make(name, options={option + "_": 1})


@pytest.mark.parametrize("name", [name for name, choice in OPTIMIZERS.items() if optimizer_options(name)])
def test_options_out_of_bounds_are_named(name: str) -> None:
    for option, value in optimizer_options(name).items():
        if isinstance(value, bool):
            continue
        for bad in (-1, float("nan"), "x"):
            with pytest.raises(ArgumentError, match=f"^{option}: expected a .*number"):
                make(name, options={option: bad})


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_is_traceable_positive_and_bounded_by_the_learning_rate(name: str) -> None:
    for warmup in (0, 0.2, 3):
        step_size = make_step_size(0.3, name, total_steps=97, steps_per_epoch=10, warmup=warmup)
        rates = np.asarray(jax.jit(jax.vmap(step_size.planned))(jnp.arange(300)))
        assert rates.dtype == np.float32
        assert np.isfinite(rates).all()
        assert (rates >= 0).all()
        assert (rates[:97] > 0).all()
        assert rates.max() == pytest.approx(0.3, rel=0.01)
        if warmup:
            rise = 19 if warmup == 0.2 else 30
            unwarmed = make_step_size(0.3, name, total_steps=97 - rise, steps_per_epoch=10)
            rest = np.asarray(jax.vmap(unwarmed.planned)(jnp.arange(300 - rise)))
            np.testing.assert_allclose(rates[rise:], rest, rtol=1e-6)
            np.testing.assert_allclose(rates[:rise], rest[0] * np.arange(1, rise + 1) / (rise + 1), rtol=1e-6)


@pytest.mark.parametrize("name", [name for name in SCHEDULES if schedule_options(name)])
def test_schedule_options_are_checked(name: str) -> None:
    lengths = {"total_steps": 97, "steps_per_epoch": 10}
    options = schedule_options(name)
    make_step_size(0.1, name, options=options, **lengths)
    for option, value in options.items():
        with pytest.raises(ArgumentError, match=f"Did you mean '{option}'"):
            make_step_size(0.1, name, options={option + "_": 1}, **lengths)
        if not isinstance(value, bool):
            with pytest.raises(ArgumentError, match=f"^{option}: expected a .*number"):
                make_step_size(0.1, name, options={option: -1}, **lengths)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_learning_rate_is_what_the_update_uses(name: str) -> None:
    optimizer = make(name, schedule="constant" if OPTIMIZERS[name].full_batch else "cosine")
    params = jax.tree.map(jnp.asarray, start())
    state = jax.jit(optimizer.init)(params)
    rate = optimizer.learning_rate(jnp.int32(30), state)
    if OPTIMIZERS[name].full_batch:
        assert rate is None
    else:
        assert float(rate) == pytest.approx(RATES.get(name, 0.1) / 2, rel=1e-6)
