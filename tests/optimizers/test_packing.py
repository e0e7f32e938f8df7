"""Packing: what is unpacked is what was packed, in few arrays; rules work on it as on the arrays one by one."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thalweg.optimizers import OPTIMIZERS, make_optimizer, packed
from thalweg.optimizers.packing import SMALL, unpacked

shapes = st.lists(st.sampled_from([(), (3,), (2, 5), (0,), (SMALL,), (SMALL + 1,), (2, SMALL)]), max_size=6)


def tree_of(shapes: list[tuple[int, ...]], types: list[Any]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        f"{i}": jnp.asarray(rng.normal(size=shape), kind)
        for i, (shape, kind) in enumerate(zip(shapes, types, strict=True))
    }


@settings(max_examples=30, deadline=None)
@given(shapes, st.data())
def test_unpacking_returns_every_array_as_it_was(shapes: list[tuple[int, ...]], data: st.DataObject) -> None:
    tree = tree_of(shapes, [data.draw(st.sampled_from([jnp.float32, jnp.float16])) for _ in shapes])
    back = unpacked(packed(tree), tree)
    assert back.keys() == tree.keys()
    for name, array in tree.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array)


def test_small_arrays_of_one_precision_lie_in_one_vector() -> None:
    kinds = [jnp.float32] * 4 + [jnp.float16]
    vector, others = packed(tree_of([(3,), (2, SMALL), (2, 5), (SMALL,), (7,)], kinds))
    assert vector.shape == (3 + 10 + SMALL,)
    assert [array.shape for array in others] == [(2, SMALL), (7,)]


@pytest.mark.parametrize("name", ["adam", "adamw", "amsgrad", "nadam"])
def test_arrays_side_by_side_are_updated_as_each_would_be_alone(name: str) -> None:
    assert name in OPTIMIZERS
    theta = tree_of([(3,), (2, 5), (2, SMALL), (4, 1)], [jnp.float32] * 4)
    optimizer = make_optimizer(name, total_steps=9, steps_per_epoch=3, learning_rate=0.1)

    def steps(params: Any, grads: Any) -> Any:
        state = optimizer.init(params)
        for k in range(3):
            updates, state = optimizer.update(jax.tree.map(lambda g, k=k: g * (k - 0.5), grads), state, params)
            params = jax.tree.map(jnp.add, params, updates)
        return params

    grads = jax.tree.map(jnp.sin, theta)
    together = steps(theta, grads)
    for key in theta:
        np.testing.assert_allclose(together[key], steps([theta[key]], [grads[key]])[0], rtol=1e-6, atol=1e-7)
