"""Layers for tables: against formulas in NumPy, SciPy's interpolation and a loop over members."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.random import standard_normal
from thalweg.data.batches import ArrayBatches
from thalweg.likelihoods import make_likelihood
from thalweg.network import (
    BatchEnsemble,
    Embed,
    Layer,
    MemberDense,
    MemberScale,
    Network,
    Parallel,
    ParametricActivation,
    Periodic,
    PiecewiseLinear,
    Scale,
    SharedDense,
    dense_network,
    layer_from_dict,
)
from thalweg.network.piecewise_linear import knots
from thalweg.optimizers import make_optimizer, with_step_factors
from thalweg.training import train
from thalweg.training.state import initial_params

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 5)).astype(np.float32)


def started(layer: Layer, width: int) -> dict[str, NDArray[Any]]:
    """Return parameters away from their special starting values."""
    params = layer.init(jax.random.key(0), width)
    return {name: np.asarray(a) + RNG.normal(size=a.shape).astype(np.float32) for name, a in params.items()}


def output(layer: Layer, params: Any, x: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(layer.forward(params, layer.init_state(x.shape[1]), x)[0])


def test_encoded_bins_interpolate_between_knots_at_quantiles() -> None:
    layer = PiecewiseLinear(2, 4)
    encoded = np.asarray(layer.forward({}, layer.fit_state(layer.init_state(5), X), X)[0])
    np.testing.assert_array_equal(encoded[:, [0, 1, 10, 11, 12]], X)
    for feature in range(2):
        knots = np.quantile(X[:, feature], np.linspace(0, 1, 5), method="inverted_cdf")
        # Within the knots, the sum of the bins is how many of them lie below: linear interpolation of 0 … 4.
        total = encoded[:, 2 + 4 * feature : 6 + 4 * feature].sum(axis=1)
        np.testing.assert_allclose(total, np.interp(X[:, feature], knots, np.arange(5)), atol=1e-5)


def test_bins_beyond_distinct_values_stay_zero_and_outliers_are_held() -> None:
    layer = PiecewiseLinear(1, 8)
    state = layer.fit_state(layer.init_state(1), np.repeat([[0.0], [1.0]], 20, axis=0))
    encoded = np.asarray(layer.forward({}, state, np.array([[-5.0], [0.25], [9.0]], np.float32))[0])
    assert encoded[:, 1:].tolist() == [[0.0] * 8, [0.25] + [0.0] * 7, [1.0] + [0.0] * 7]


def test_a_constant_column_encodes_as_zeros() -> None:
    layer = PiecewiseLinear(1, 4)
    state = layer.fit_state(layer.init_state(1), np.full((9, 1), 2.0))
    assert not np.asarray(layer.forward({}, state, np.full((3, 1), 2.0, np.float32))[0])[:, 1:].any()


def test_waves_equal_the_cosine_formula() -> None:
    layer = Periodic(3, waves=4, dimension=3)
    params = started(layer, 5)
    expected = []
    for i in range(3):
        f, p = params["frequency"].reshape(3, 4)[i], params["phase"].reshape(3, 4)[i]
        waves = np.cos(2 * np.pi * (X[:, i, None] * f + p))
        expected += [X[:, i, None], waves @ params["weight"][i].T + params["bias"].reshape(3, 2)[i]]
    np.testing.assert_allclose(output(layer, params, X), np.hstack([*expected, X[:, 3:]]), atol=5e-5)


def test_embedding_looks_vectors_up_and_adds_errors_to_those_used() -> None:
    layer = Embed((3, 4), 2)
    codes = np.array([[0, 3], [2, 1], [2, 9]], np.float32)  # 9 counts as the last level, 3
    params, x = started(layer, 7), np.hstack([X[:3], codes])
    y, tape = layer.forward(params, {}, x)
    expected = np.hstack([X[:3], params["0"][[0, 2, 2]], params["1"][[3, 1, 3]]])
    np.testing.assert_array_equal(np.asarray(y), expected)
    delta = RNG.normal(size=expected.shape).astype(np.float32)
    grads, passed = layer.backward(params, tape, delta)
    np.testing.assert_allclose(grads["0"][2], delta[1, 5:7] + delta[2, 5:7], rtol=1e-6)
    np.testing.assert_allclose(grads["1"][3], delta[0, 7:] + delta[2, 7:], rtol=1e-6)
    np.testing.assert_array_equal(passed, np.hstack([delta[:, :5], np.zeros((3, 2), np.float32)]))


def test_vectors_of_code_0_start_at_zero_and_all_others_at_random() -> None:
    key = jax.random.key(3)
    start = Embed((3, 4), 2).init(key, 5)
    draws = 0.5 * np.asarray(standard_normal(key, (7, 2)))
    np.testing.assert_array_equal(start["0"], [[0, 0], *draws[1:3]])
    np.testing.assert_array_equal(start["1"], [[0, 0], *draws[4:]])


def test_scale_and_strength() -> None:
    params = started(Scale(), 5)
    np.testing.assert_allclose(output(Scale(), params, X), X * params["scale"], rtol=1e-6)
    layer = ParametricActivation("relu")
    params = started(layer, 5)
    expected = X + params["strength"] * (np.maximum(X, 0) - X)
    np.testing.assert_allclose(output(layer, params, X), expected, atol=1e-6)


@pytest.mark.parametrize("shared", [True, False])
def test_members_share_weights_and_differ_by_their_vectors(shared: bool) -> None:
    members, units = 3, 4
    layer = BatchEnsemble(units, members, shared=shared)
    x = X if shared else np.hstack([X, 2 * X, -X])
    params = started(layer, x.shape[1])
    outputs = output(layer, params, x).reshape(len(x), members, units)
    for m in range(members):
        own = x if shared else x[:, 5 * m : 5 * (m + 1)] * params["input_scale"].reshape(members, 5)[m]
        s, b = params["output_scale"].reshape(members, units)[m], params["bias"].reshape(members, units)[m]
        np.testing.assert_allclose(outputs[:, m], s * (own @ params["weight"].T) + b, atol=1e-5)


def test_copies_with_signs_through_one_dense_layer() -> None:
    scale, dense = MemberScale(3), SharedDense(4, 3)
    signs, weights = scale.init(jax.random.key(0), 5), started(dense, 15)
    assert set(np.unique(signs["scale"])) == {-1.0, 1.0}
    outputs = output(dense, weights, output(scale, signs, X))
    for m, r in enumerate(np.asarray(signs["scale"]).reshape(3, 5)):
        expected = (r * X) @ weights["weight"].T + weights["bias"]
        np.testing.assert_allclose(outputs[:, 4 * m : 4 * (m + 1)], expected, atol=1e-5)


def test_stacks_side_by_side_are_each_a_network_of_its_own() -> None:
    layer = Parallel(((PiecewiseLinear(2, 3), MemberScale(2), SharedDense(4, 2), "relu"), (Scale(), MemberDense(3, 1))))
    params, state = layer.init(jax.random.key(3), 5), layer.fit_state(layer.init_state(5), X)
    together = np.asarray(layer.forward(params, state, X)[0])
    apart = [
        np.asarray(Network(5, stack).apply(p, s, X)) for stack, p, s in zip(layer.stacks, params, state, strict=True)
    ]
    assert layer.width(5) == 8 + 3
    np.testing.assert_allclose(together, np.hstack(apart), atol=1e-6)
    assert layer_from_dict(layer.to_dict()) == layer
    with pytest.raises(ArgumentError, match="each with a layer"):
        Parallel(((), (Scale(),)))


def test_one_half_of_the_members_sees_bins_and_the_other_waves() -> None:
    network = dense_network(6, (8,), 5, numbers=4, levels=(9, 9), numeric_embedding="mixed", shared_members=5)
    first = network.layers[0]
    assert isinstance(first, Parallel)
    assert [type(stack[0]) for stack in first.stacks] == [PiecewiseLinear, Periodic]
    assert first.width(6) == 5 * 8
    # The first three members and the last two: heads of the others get no gradient from an output.
    params, state = network.init(jax.random.key(0)), network.init_state(np.abs(X[:, [0, 1, 2, 3, 4, 4]]))
    slopes = jax.grad(lambda p: network.apply(p, state, np.abs(X[:3, [0, 1, 2, 3, 4, 4]]))[:, 3:].sum())(params)[0]
    assert all(not np.any(leaf) for leaf in jax.tree.leaves(slopes[0]))
    assert any(np.any(leaf) for leaf in jax.tree.leaves(slopes[1]))
    alone = dense_network(6, (8,), 1, numbers=4, levels=(9, 9), numeric_embedding="mixed")
    assert [type(layer) for layer in alone.layers[:2]] == [PiecewiseLinear, Periodic]


@pytest.mark.parametrize("units", [1, 5])
def test_heads_are_one_dense_layer_a_member(units: int) -> None:
    layer = MemberDense(units, 2)
    x = np.hstack([X, X**2])
    params = started(layer, 10)
    outputs = output(layer, params, x)
    for m, own in enumerate((X, X**2)):
        place = slice(m * units, (m + 1) * units)
        np.testing.assert_allclose(outputs[:, place], own @ params["weight"][m].T + params["bias"][place], atol=1e-5)


def test_members_start_apart() -> None:
    network = Network(5, (BatchEnsemble(8, 4, shared=True), "relu", BatchEnsemble(8, 4), "relu", MemberDense(1, 4)))
    outputs = np.asarray(network.apply(network.init(jax.random.key(0)), network.init_state(), X))
    assert np.all(np.abs(np.corrcoef(outputs.T)[np.triu_indices(4, 1)]) < 0.9)


def test_steps_are_longer_by_their_factors() -> None:
    network = Network(5, (Scale(step_factor=6.0), MemberDense(1, 1)))
    assert sorted(network.step_factors()) == [1.0, 1.0, 6.0]
    adam = make_optimizer("adamw", total_steps=1, steps_per_epoch=1, weight_decay=0.1)
    grouped = with_step_factors(adam, network.step_factors())
    params = network.init(jax.random.key(0))
    grads = jax.tree.map(np.ones_like, params)
    one = adam.update(grads, adam.init(params), params)[0]
    other = grouped.update(grads, grouped.init(params), params)[0]
    np.testing.assert_allclose(other[0]["scale"], 6 * np.asarray(one[0]["scale"]), rtol=1e-6)
    np.testing.assert_array_equal(other[1]["weight"], one[1]["weight"])
    with pytest.raises(ArgumentError, match="3 arrays"):
        with_step_factors(adam, (1.0, 2.0)).update(grads, adam.init(params), params)


def test_knots_come_from_the_training_rows_and_stay_with_the_model() -> None:
    x = RNG.normal(loc=7.0, size=(64, 2)).astype(np.float32)
    batches = ArrayBatches(x, np.abs(x[:, :1] - 7), 32)
    network = Network(2, (PiecewiseLinear(2, 3), MemberDense(1, 1)))
    sgd = make_optimizer("adam", total_steps=4, steps_per_epoch=2)
    trained = train(network, make_likelihood("gaussian"), batches, sgd, epochs=2)
    np.testing.assert_allclose(
        trained.state[0]["start"], np.quantile(x, [0, 1 / 3, 2 / 3], axis=0, method="inverted_cdf").T, rtol=1e-5
    )


def test_the_heads_start_from_the_best_constant() -> None:
    y = np.full((40, 1), 3.0, np.float32)
    network = Network(5, (BatchEnsemble(4, 1, shared=True), MemberDense(1, 1)))
    params = initial_params(network, make_likelihood("gaussian"), ArrayBatches(X, y, 8), jax.random.key(0))
    assert np.asarray(params[-1]["bias"]).tolist() == [3.0]


@pytest.mark.parametrize(
    ("layer", "width", "argument"),
    [
        (PiecewiseLinear(4), 3, "numbers"),
        (Periodic(4), 3, "numbers"),
        (Embed((2, 2)), 1, "levels"),
        (BatchEnsemble(4, 3), 10, "members"),
        (MemberDense(1, 3), 10, "members"),
    ],
)
def test_inputs_of_the_wrong_width_are_refused(layer: Layer, width: int, argument: str) -> None:
    with pytest.raises(ArgumentError, match=argument):
        layer.width(width)


def test_many_equal_values_take_one_knot_and_leave_the_bins_to_the_others() -> None:
    draw = np.random.default_rng(0)
    gains = np.where(draw.random(5000) < 0.92, 0.0, np.exp(draw.normal(8, 1, 5000)))
    found = knots(gains, 16)
    assert len(found) == 17
    assert found[0] == 0.0
    inside = np.histogram(gains[gains > 0], found[1:])[0]
    assert inside.max() < 2 * inside.min()
    spread = draw.normal(size=2000)
    np.testing.assert_array_equal(knots(spread, 8), np.quantile(spread, np.linspace(0, 1, 9), method="inverted_cdf"))
