"""Activations against PyTorch, and derivatives against autodiff."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from thalweg.core.errors import ArgumentError
from thalweg.network import ACTIVATIONS, activation, softmax_jacobian

A = np.concatenate([np.linspace(-6, 6, 41), [-1e4, -50.0, 50.0, 1e4]]).astype(np.float32)

TORCH = {
    "identity": lambda a: a,
    "sign": torch.sign,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "elu": torch.nn.functional.elu,
    "selu": torch.nn.functional.selu,
    "gelu": torch.nn.functional.gelu,
    "silu": torch.nn.functional.silu,
    "hard_swish": torch.nn.functional.hardswish,
    "mish": torch.nn.functional.mish,
    "softplus": torch.nn.functional.softplus,
    "softsign": torch.nn.functional.softsign,
    "softmax": lambda a: torch.softmax(a, -1),
}


def test_every_activation_has_an_independent_reference() -> None:
    assert set(TORCH) == set(ACTIVATIONS)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_equal_pytorch(name: str) -> None:
    np.testing.assert_allclose(
        activation(name).value(jnp.asarray(A)), TORCH[name](torch.tensor(A)).numpy(), rtol=2e-5, atol=2e-6
    )


@pytest.mark.parametrize("name", [name for name, entry in ACTIVATIONS.items() if not entry.vector])
def test_derivatives_equal_pytorch(name: str) -> None:
    a = torch.tensor(A, requires_grad=True)
    (expected,) = torch.autograd.grad(TORCH[name](a).sum(), a)
    phi = activation(name)
    found = phi.derivative(jnp.asarray(A), phi.value(jnp.asarray(A)))
    assert found.shape == A.shape
    np.testing.assert_allclose(found, expected.numpy(), rtol=2e-5, atol=2e-6)


def test_relu_has_slope_zero_at_zero() -> None:
    zero = jnp.zeros(1)
    assert float(activation("relu").derivative(zero, zero)[0]) == 0.0


def test_softmax_jacobian_and_its_product_equal_autodiff() -> None:
    rng = np.random.default_rng(0)
    a, delta = jnp.asarray(rng.normal(size=(5, 4)), jnp.float32), jnp.asarray(rng.normal(size=(5, 4)), jnp.float32)
    softmax = activation("softmax")
    y = softmax.value(a)
    jacobians = jax.vmap(jax.jacobian(jax.nn.softmax))(a)
    np.testing.assert_allclose(jax.vmap(softmax_jacobian)(y), jacobians, atol=1e-6)
    np.testing.assert_allclose(softmax.derivative(a, y), jacobians, atol=1e-6)
    np.testing.assert_allclose(softmax.pull(a, y, delta), np.einsum("bij,bi->bj", jacobians, delta), atol=1e-6)


@pytest.mark.parametrize(
    "name", ["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "hard_swish", "mish", "relu|silu"]
)
def test_gain_keeps_the_second_moment(name: str) -> None:
    z = np.random.default_rng(0).normal(size=1_000_000).astype(np.float32)
    second_moment = float(jnp.mean(jnp.square(activation(name).value(jnp.asarray(z)))))
    assert activation(name).gain * second_moment == pytest.approx(1.0, rel=0.01)


@pytest.mark.parametrize("names", ["relu|tanh", "silu|identity|hard_swish"])
def test_parts_of_the_units_have_activations_of_their_own(names: str) -> None:
    x, phi, each = np.random.default_rng(0).normal(size=(5, 12)).astype(np.float32), activation(names), names.split("|")
    parts = [torch.tensor(part, requires_grad=True) for part in np.split(x, len(each), axis=1)]
    values = [TORCH[name](part) for name, part in zip(each, parts, strict=True)]
    slopes = [torch.autograd.grad(value.sum(), part)[0] for value, part in zip(values, parts, strict=True)]
    y = phi.value(jnp.asarray(x))
    np.testing.assert_allclose(y, torch.cat(values, 1).detach().numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(phi.derivative(jnp.asarray(x), y), torch.cat(slopes, 1).numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("names", ["relu|rely", "relu|softmax", "relu|"])
def test_parts_are_activations_of_single_units(names: str) -> None:
    with pytest.raises(ArgumentError, match="activation"):
        activation(names)
