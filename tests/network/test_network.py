"""Networks against PyTorch modules, closed forms for N_p and N_×, and what is refused."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from thalweg.core.errors import ArgumentError, ModelError
from thalweg.network import (
    BatchNorm,
    Dense,
    Dropout,
    GaussianNoise,
    LayerNorm,
    Members,
    Network,
    PReLU,
    Residual,
    dense_network,
    flatten,
    layer_from_dict,
    summary,
    unflatten,
)

X = np.random.default_rng(0).normal(size=(32, 5)).astype(np.float32)


def torch_twin(network: Network, params: Any) -> torch.nn.Sequential:
    """Return the PyTorch module with the same weights, for dense, norm and ReLU layers."""
    modules: list[torch.nn.Module] = []
    width = network.inputs
    for layer, p in zip(network.layers, params, strict=True):
        width_out = layer.width(width)
        if isinstance(layer, Dense):
            module: torch.nn.Module = torch.nn.Linear(width, width_out)
            module.load_state_dict({k: torch.tensor(np.asarray(v)) for k, v in p.items()})
        elif isinstance(layer, BatchNorm):
            module = torch.nn.BatchNorm1d(width)
        elif isinstance(layer, LayerNorm):
            module = torch.nn.LayerNorm(width)
        elif isinstance(layer, PReLU):
            module = torch.nn.PReLU(width, init=layer.slope)
        else:
            module = torch.nn.ReLU()
        modules.append(module)
        width = width_out
    return torch.nn.Sequential(*modules)


@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
@pytest.mark.parametrize("activation", ["relu", "prelu"])
def test_outputs_and_running_statistics_equal_pytorch(normalization: str, activation: str) -> None:
    network = dense_network(5, (8, 7), 3, activation, normalization=normalization)
    params, state = network.init(jax.random.key(0)), network.init_state()
    twin = torch_twin(network, params)
    twin.train()
    outputs, tapes = network.forward(params, state, X, training=True)
    np.testing.assert_allclose(outputs, twin(torch.tensor(X)).detach().numpy(), atol=1e-5)
    twin.eval()
    state = network.next_state(state, tapes)
    np.testing.assert_allclose(network.apply(params, state, X), twin(torch.tensor(X)).detach().numpy(), atol=1e-5)


def test_residual_block_adds_its_input() -> None:
    network = Network(5, (Residual((Dense(9), "tanh", Dense(5))),))
    params, state = network.init(jax.random.key(0)), network.init_state()
    w1, w2 = params[0][0], params[0][2]
    inner = np.tanh(X @ w1["weight"].T + w1["bias"]) @ w2["weight"].T + w2["bias"]
    np.testing.assert_allclose(network.apply(params, state, X), X + inner, atol=1e-5)


@given(widths=st.lists(st.integers(1, 40), min_size=2, max_size=5))
@settings(max_examples=25, deadline=None)
def test_parameters_and_multiplications_follow_their_formulas(widths: list[int]) -> None:
    totals = summary(dense_network(widths[0], tuple(widths[1:-1]), widths[-1]))
    pairs = list(zip(widths[1:], widths[:-1], strict=True))
    assert totals.parameters == sum(m * (before + 1) for m, before in pairs)
    assert totals.multiplications == sum(m * before for m, before in pairs)
    assert totals.bytes == 4 * totals.parameters


def test_summary_shows_shapes_counts_and_memory() -> None:
    text = str(summary(dense_network(784, (512,), 10)))
    assert "401,920" in text
    assert "406,528" in text
    assert "1.6 MiB" in text


def test_summary_of_networks_side_by_side() -> None:
    one = dense_network(4, (8,), 2)
    several = summary(Network(4, (Members(3, one.layers),)))
    assert (several.networks, several.rows) == (3, summary(one).rows)
    assert several.parameters == 3 * (8 * 5 + 2 * 9)
    assert several.multiplications == 3 * (8 * 4 + 2 * 8)
    lines = [line.split() for line in str(several).splitlines()]
    assert ["one", "network", "58", "48"] in lines
    assert ["all", "3", "networks", "174", "144"] in lines


def test_theta_stacks_columns_of_each_weight_then_its_bias() -> None:
    network = dense_network(3, (4,), 2)
    params = network.init(jax.random.key(0))
    parts = [part for p in (params[0], params[2]) for part in (np.asarray(p["weight"]).ravel(order="F"), p["bias"])]
    np.testing.assert_array_equal(flatten(params), np.concatenate(parts))


@pytest.mark.parametrize("residual", [False, True])
def test_theta_and_back(residual: bool) -> None:
    network = dense_network(4, (4, 6), 2, "prelu", normalization="batch", residual=residual)
    params = network.init(jax.random.key(0))
    theta = jnp.arange(summary(network).parameters, dtype=jnp.float32)
    np.testing.assert_array_equal(flatten(unflatten(theta, params)), theta)
    assert jax.tree.structure(unflatten(theta, params)) == jax.tree.structure(params)
    with pytest.raises(ArgumentError, match=f"a vector of {theta.size}"):
        unflatten(theta[:-1], params)


def test_dropout_keeps_the_mean_and_the_rate() -> None:
    x = np.ones((400, 500), np.float32)
    y, _ = Dropout(0.3).forward({}, {}, x, key=jax.random.key(0), training=True)
    assert float(jnp.mean(y == 0)) == pytest.approx(0.3, abs=4 * (0.21 / x.size) ** 0.5)
    assert float(jnp.mean(y)) == pytest.approx(1.0, abs=0.01)
    np.testing.assert_array_equal(Dropout(0.3).forward({}, {}, x)[0], x)


def test_input_noise_has_its_scale_and_only_while_training() -> None:
    x = np.zeros((400, 500), np.float32)
    y, _ = GaussianNoise(0.5).forward({}, {}, x, key=jax.random.key(0), training=True)
    assert float(jnp.std(y)) == pytest.approx(0.5, rel=0.01)
    assert float(jnp.max(jnp.abs(GaussianNoise(0.5).forward({}, {}, x)[0]))) == 0.0


def test_input_noise_leaves_codes_of_levels_alone() -> None:
    noise = dense_network(5, (4,), 2, levels=(9, 9), input_noise=0.1).layers[0]
    x = jnp.arange(20.0).reshape(4, 5)
    y, _ = noise.forward({}, {}, x, key=jax.random.key(0), training=True)
    assert bool((y[:, :3] != x[:, :3]).all())
    assert bool((y[:, 3:] == x[:, 3:]).all())


def test_description_survives_json() -> None:
    network = dense_network(4, (4, 6), 2, "gelu", normalization="layer", residual=True, dropout=0.1, input_noise=0.1)
    assert Network.from_dict(network.to_dict()) == network


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: dense_network(0, (4,), 1), "inputs: expected a whole number of at least 1, got 0"),
        (lambda: dense_network(3, (0,), 1), "hidden: expected a whole number of at least 1, got 0"),
        (lambda: dense_network(3, (4,), 1, "rleu"), "Did you mean 'relu'"),
        (lambda: dense_network(3, (4,), 1, initializer="he"), "Did you mean 'he_"),
        (lambda: dense_network(3, (4,), 1, normalization="bach"), "Did you mean 'batch'"),
        (
            lambda: dense_network(3, (4,), 1, dropout=1.0),
            "dropout: expected a number .* below 1, got 1.0",
        ),
        (lambda: Network(3, (Residual((Dense(4),)),)), "keeps its width of 3"),
        (lambda: Network(3, (4,)), "layers: expected layers or names of activations, got 4"),
    ],
)
def test_bad_networks_are_refused_with_a_word_on_how_to_mend_them(build: Any, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        build()


def test_a_damaged_layer_description_is_refused() -> None:
    with pytest.raises(ModelError, match="unexpected keyword"):
        layer_from_dict({"kind": "dropout", "share": 0.1})
    with pytest.raises(ArgumentError, match="Did you mean 'dense'"):
        layer_from_dict({"kind": "dens"})


def test_layer_normalization_of_members_is_one_for_each() -> None:
    layer, alone = LayerNorm(members=3), LayerNorm()
    x = jax.random.normal(jax.random.key(0), (5, 12))
    params = {"scale": jnp.arange(1.0, 13.0), "shift": jnp.arange(12.0)}
    y, tape = layer.forward(params, {}, x)
    for own in (slice(0, 4), slice(4, 8), slice(8, 12)):
        part = jax.tree.map(lambda a, own=own: a[own], params)
        assert jnp.allclose(y[:, own], alone.forward(part, {}, x[:, own])[0], atol=1e-5)
    delta = jax.random.normal(jax.random.key(1), y.shape)
    of_params, of_input = jax.vjp(lambda p, a: layer.forward(p, {}, a)[0], params, x)[1](delta)
    grads, passed = layer.backward(params, tape, delta)
    assert jnp.allclose(passed, of_input, atol=1e-4)
    assert all(jnp.allclose(grads[name], of_params[name], atol=1e-4) for name in params)
    layers = dense_network(3, (4, 4), 6, normalization="layer", shared_members=3).layers
    assert [one.members for one in layers if isinstance(one, LayerNorm)] == [3, 3]
