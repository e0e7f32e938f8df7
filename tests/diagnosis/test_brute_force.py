"""Instruments in the training program against brute force outside it: per-example gradients, dense Hessians, NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from probe import Probe
from scipy.special import expit

from thalweg.core.random import fold_in
from thalweg.data.batches import ArrayBatches
from thalweg.diagnosis import Instruments
from thalweg.diagnosis.hessian import Hessian
from thalweg.likelihoods import Likelihood, Members, make_likelihood
from thalweg.network import (
    Dense,
    Dropout,
    MemberDense,
    MemberScale,
    Network,
    Parallel,
    Residual,
    Scale,
    SharedDense,
)
from thalweg.optimizers import make_optimizer
from thalweg.training import train

RNG = np.random.default_rng(0)
ROWS, BATCH = 21, 8  # the last minibatch has five rows and is filled up with three of weight zero
CATEGORICAL = make_likelihood("categorical")
NETWORKS = {
    # More rows than inputs, and sample weights.
    "narrow": Network(5, (Dense(4), "tanh", Dense(6), "relu", Dense(3))),
    # Fewer rows than inputs: the Hessian is taken in coordinates of the rows.
    "wide": Network(20, (Dense(6), "relu", Residual((Dense(6), "sigmoid")), Dropout(0.2), Dense(3))),
    # Three members that share weights; two see the inputs in one way and the third in another.
    "members": Network(
        5,
        (
            Parallel(((MemberScale(2), SharedDense(4, 2)), (Scale(), MemberScale(1), SharedDense(4, 1)))),
            *("tanh", SharedDense(6, 3), "relu", MemberDense(3, 3)),
        ),
    ),
}
LIKELIHOODS = {name: Members(CATEGORICAL, 3) if name == "members" else CATEGORICAL for name in NETWORKS}


@dataclass(frozen=True)
class Case:
    """A run of three steps, what its instruments wrote, and brute force on what its steps saw."""

    network: Network
    likelihood: Likelihood
    record: dict[str, Any]
    steps: list[dict[str, Any]]

    @property
    def layers(self) -> dict[str, dict[str, float]]:
        return self.record["layers"]

    @property
    def whole(self) -> dict[str, float]:
        return self.record["network"]

    def outputs(self, params: Any, step: dict[str, Any]) -> Any:
        key = jax.random.wrap_key_data(step["key"])
        return self.network.forward(params, self.network.init_state(), step["x"], key=key, training=True)[0]

    @cached_property
    def errors(self) -> list[dict[str, np.ndarray]]:
        """For each step and layer B ∂L/∂a_l of the rows that count, by a shift of a_l."""

        @jax.jit
        def errors(step: dict[str, Any]) -> Any:
            shapes: dict[str, Any] = {}

            def loss(shifts: dict[str, Any]) -> Any:
                key = jax.random.wrap_key_data(step["key"])
                network, state = self.network, self.network.init_state()
                outputs = _shifted(network.layers, step["params"], state, step["x"], key, shifts, shapes)
                return jnp.sum(self.likelihood.cost(outputs, step["y"]) * step["weight"])

            jax.eval_shape(loss, {})
            return jax.grad(loss)({name: jnp.zeros(shapes[name]) for name in self.layers})

        found = []
        for step in self.steps:
            counted = step["weight"] > 0
            found.append({name: np.asarray(e)[counted] * counted.sum() for name, e in errors(step).items()})
        return found

    @cached_property
    def gradients(self) -> list[list[dict[str, np.ndarray]]]:
        """For each step and each row that counts: gradient by layer of that row's share of the loss, times B."""

        @jax.jit
        def one_by_one(params: Any, step: dict[str, Any]) -> Any:
            def share(p: Any, n: Any) -> Any:
                return (self.likelihood.cost(self.outputs(p, step), step["y"]) * step["weight"])[n]

            return jax.vmap(jax.grad(share), (None, 0))(params, jnp.arange(BATCH))

        found = []
        for step in self.steps:
            counted = np.flatnonzero(step["weight"] > 0)
            tree = jax.tree.map(np.asarray, one_by_one(step["params"], step))
            rows = []
            for n in counted:
                entries = {name: _entry(tree, name, n) * len(counted) for name in self.layers}
                rows.append(entries)
            found.append(rows)
        return found

    @cached_property
    def hessians(self) -> list[np.ndarray]:
        flat, unravel = ravel_pytree(self.steps[0]["params"])

        @jax.jit
        def dense(theta: Any, step: dict[str, Any]) -> Any:
            return jax.hessian(
                lambda t: jnp.sum(self.likelihood.cost(self.outputs(unravel(t), step), step["y"]) * step["weight"])
            )(theta)

        assert flat.size < 300
        return [np.asarray(dense(ravel_pytree(s["params"])[0], s), np.float64) for s in self.steps]


def _shifted(layers: Any, params: Any, state: Any, x: Any, key: Any, shifts: Any, shapes: Any, prefix: str = "") -> Any:
    """Outputs of layers with shifts added to the outputs of those named; all layers' shapes are noted."""
    for i, layer in enumerate(layers):
        name, own = f"{prefix}{i}", fold_in(key, i)
        if isinstance(layer, Residual):
            x = x + _shifted(layer.layers, params[i], state[i], x, own, shifts, shapes, f"{name}.")
        elif isinstance(layer, Parallel):
            parts = [
                _shifted(stack, params[i][s], state[i][s], x, fold_in(own, s), shifts, shapes, f"{name}.{s}.")
                for s, stack in enumerate(layer.stacks)
            ]
            x = jnp.concatenate(parts, axis=1)
        else:
            x, _ = layer.forward(params[i], state[i], x, key=own, training=True)
            shapes[name] = x.shape
            x = x + shifts.get(name, 0.0)
    return x


def _entry(tree: Any, name: str, row: int) -> np.ndarray:
    for i in map(int, name.split(".")):
        tree = tree[i]
    return np.concatenate([np.ravel(tree[kind][row]) for kind in ("weight", "bias")]).astype(np.float64)


@pytest.fixture(scope="module", params=list(NETWORKS))
def case(request: pytest.FixtureRequest) -> Case:
    network, likelihood = NETWORKS[request.param], LIKELIHOODS[request.param]
    x = RNG.normal(size=(ROWS, network.inputs)).astype(np.float32)
    y = RNG.integers(0, 3, ROWS).astype(np.int32)
    weight = RNG.uniform(0.5, 2.0, ROWS) if request.param == "narrow" else None
    # As many Lanczos steps as numbers: the extreme eigenvalues are then exact.
    instruments, probe = Instruments(["all", Hessian(steps=80)]), Probe()
    train(
        network,
        likelihood,
        ArrayBatches(x, y, BATCH, weight),
        make_optimizer("momentum", learning_rate=0.3, total_steps=3, steps_per_epoch=3),
        epochs=1,
        params=network.init(jax.random.key(1)),
        hooks=[instruments, probe],
    )
    assert not instruments.unsupported
    return Case(network, likelihood, instruments.history[0], probe.steps)


def rms(arrays: list[np.ndarray]) -> float:
    """Root of the mean over steps of the mean square."""
    return float(np.sqrt(np.mean([np.mean(np.square(a)) for a in arrays])))


# The other network draws at random.
@pytest.mark.parametrize("case", ["narrow"], indirect=True)
def test_sizes_of_activations_and_units_follow_a_forward_pass_in_numpy(case: Case) -> None:
    first, second, outputs, inputs = [], [], [], []
    for step in case.steps:
        h = step["x"][step["weight"] > 0].astype(np.float64)
        inputs.append(h)
        params = step["params"]
        first.append(np.tanh(h @ params[0]["weight"].T + params[0]["bias"]))
        second.append(np.maximum(first[-1] @ params[2]["weight"].T + params[2]["bias"], 0))
        outputs.append(second[-1] @ params[4]["weight"].T + params[4]["bias"])
    for name, arrays in (("0", first), ("2", second), ("4", outputs)):
        assert case.layers[name]["activation_rms"] == pytest.approx(rms(arrays), rel=1e-5)
    assert case.whole["input_rms"] == pytest.approx(rms(inputs), rel=1e-5)
    assert case.layers["0"]["saturated"] == pytest.approx(np.mean([np.mean(1 - a**2 < 0.05) for a in first]), abs=1e-6)
    assert case.layers["2"]["saturated"] == pytest.approx(np.mean([np.mean(a == 0) for a in second]), abs=1e-6)
    dead = np.all([np.all(a == 0, axis=0) for a in second], axis=0)
    assert case.layers["2"]["dead"] == np.mean(dead)
    assert "dead" not in case.layers["4"]
    for name, arrays in (("0", first), ("2", second)):
        eigenvalues = [np.linalg.svd(a - a.mean(axis=0), compute_uv=False) ** 2 for a in arrays]
        effective, stable = (
            np.mean([f(s) for s in eigenvalues])
            for f in (lambda s: s.sum() ** 2 / np.sum(s**2), lambda s: s.sum() / s.max())
        )
        assert case.layers[name]["effective_rank"] == pytest.approx(effective, rel=1e-4)
        assert case.layers[name]["stable_rank"] == pytest.approx(stable, rel=1e-2)


def test_sizes_of_gradients_error_vectors_and_updates(case: Case) -> None:
    for name, found in case.layers.items():
        path = [int(i) for i in name.split(".")]

        def weights(tree: Any, path: list[int] = path) -> np.ndarray:
            for i in path:
                tree = tree[i]
            return np.asarray(tree["weight"], np.float64)

        assert found["gradient_rms"] == pytest.approx(rms([weights(s["grads"]) for s in case.steps]), rel=1e-4)
        assert found["weight_rms"] == pytest.approx(rms([weights(s["params"]) for s in case.steps]), rel=1e-4)
        update = rms([weights(s["after"]) - weights(s["params"]) for s in case.steps])
        assert found["update_ratio"] == pytest.approx(update / found["weight_rms"], rel=1e-3)
        start, end = weights(case.steps[0]["params"]), weights(case.steps[-1]["after"])
        assert found["distance_from_start"] == pytest.approx(
            np.linalg.norm(end - start) / np.linalg.norm(start), rel=1e-4
        )
        assert found["error_rms"] == pytest.approx(rms([errors[name] for errors in case.errors]), rel=1e-4)


@pytest.mark.parametrize("case", ["members"], indirect=True)
def test_what_members_share_is_measured_over_rows_and_members(case: Case) -> None:
    assert list(case.layers) == ["0.0.1", "0.1.2", "2", "4"]
    found: dict[str, list[np.ndarray]] = {name: [] for name in case.layers}
    for step in case.steps:
        x, params = step["x"][step["weight"] > 0].astype(np.float64), step["params"]
        (signs, first), (scale, sign, other) = params[0]
        seen = [x * r for r in signs["scale"].reshape(2, 5)], [x * scale["scale"] * sign["scale"]]
        a = [[np.tanh(h @ w["weight"].T + w["bias"]) for h in hs] for hs, w in zip(seen, (first, other), strict=True)]
        second = [np.maximum(h @ params[2]["weight"].T + params[2]["bias"], 0) for h in (*a[0], *a[1])]
        last = zip(second, params[4]["weight"], params[4]["bias"].reshape(3, 3), strict=True)
        outputs = [h @ w.T + b for h, w, b in last]
        # Of shape rows × members × units.
        for name, members in zip(case.layers, (*a, second, outputs), strict=True):
            found[name].append(np.stack(members, axis=1))
    for name, arrays in found.items():
        assert case.layers[name]["activation_rms"] == pytest.approx(rms(arrays), rel=1e-5)
    for name in ("0.0.1", "0.1.2"):
        saturated = np.mean([np.mean(1 - h**2 < 0.05) for h in found[name]])
        assert case.layers[name]["saturated"] == pytest.approx(saturated, abs=1e-6)
    assert case.layers["2"]["saturated"] == pytest.approx(np.mean([np.mean(h == 0) for h in found["2"]]), abs=1e-6)
    assert case.layers["2"]["dead"] == np.mean(np.all([np.all(h == 0, axis=(0, 1)) for h in found["2"]], axis=0))
    assert "dead" not in case.layers["4"]
    for name in ("0.0.1", "0.1.2", "2"):
        rows = [h.reshape(-1, h.shape[-1]) for h in found[name]]
        eigenvalues = [np.linalg.svd(h - h.mean(axis=0), compute_uv=False) ** 2 for h in rows]
        effective = np.mean([s.sum() ** 2 / np.sum(s**2) for s in eigenvalues])
        assert case.layers[name]["effective_rank"] == pytest.approx(effective, rel=1e-4)


def test_scatter_of_gradients_equals_that_of_gradients_taken_one_by_one(case: Case) -> None:
    def pooled(gradients: list[np.ndarray]) -> dict[str, float]:
        """S, S/B and the squared norm of the mean, averaged over the steps, of (B, parameters) gradients."""
        variance = [np.sum(np.var(g, axis=0, ddof=1)) for g in gradients]
        noise = [v / len(g) for v, g in zip(variance, gradients, strict=True)]
        size = [np.sum(g.mean(axis=0) ** 2) for g in gradients]
        return {"S": np.mean(variance), "noise": np.mean(noise), "size": np.mean(size)}

    by_layer = {name: [np.stack([row[name] for row in rows]) for rows in case.gradients] for name in case.layers}
    for name, gradients in by_layer.items():
        expected = pooled(gradients)
        assert case.layers[name]["gradient_variance"] == pytest.approx(expected["S"], rel=1e-3)
        norms = [np.sum(g**2, axis=1).mean() for g in gradients]
        assert case.layers[name]["example_gradient_rms"] == pytest.approx(np.sqrt(np.mean(norms)), rel=1e-4)
        signal = expected["size"] - expected["noise"]
        if signal > 1e-3 * expected["size"]:
            assert case.layers[name]["signal_to_noise"] == pytest.approx(np.sqrt(signal / expected["noise"]), rel=2e-2)
    whole = [np.concatenate(parts, axis=1) for parts in zip(*by_layer.values(), strict=True)]
    expected = pooled(whole)
    signal = expected["size"] - expected["noise"]
    assert case.whole["gradient_variance"] == pytest.approx(expected["S"], rel=1e-3)
    assert case.whole["norm_test"] == pytest.approx(np.sqrt(expected["noise"] / expected["size"]), rel=1e-3)
    noise_scale = case.whole["noise_scale"]
    assert noise_scale is None if signal <= 0 else noise_scale == pytest.approx(expected["S"] / signal, rel=2e-2)
    along = [np.var(g @ g.mean(axis=0), ddof=1) / len(g) for g in whole]
    assert case.whole["inner_product_test"] == pytest.approx(np.sqrt(np.mean(along)) / expected["size"], rel=1e-3)
    norms = [np.linalg.norm(g, axis=1) for g in whole]
    assert case.whole["example_gradient_max"] == pytest.approx(np.mean([n.max() for n in norms]), rel=1e-4)
    # The lower median, where the number of rows is even.
    middle = np.mean([np.sort(n)[(len(n) - 1) // 2] for n in norms])
    assert case.whole["example_gradient_median"] == pytest.approx(middle, rel=1e-4)


def test_curvature_equals_that_of_the_dense_hessian(case: Case) -> None:
    spectra = [np.linalg.eigvalsh(h) for h in case.hessians]
    largest, smallest = (float(np.mean([s[i] for s in spectra])) for i in (-1, 0))
    assert case.whole["sharpness"] == pytest.approx(largest, rel=1e-3)
    assert case.whole["sharpness_max"] == pytest.approx(max(s[-1] for s in spectra), rel=1e-3)
    assert case.whole["sharpness_error"] < 1e-2 * largest
    assert case.whole["smallest_eigenvalue"] == pytest.approx(smallest, rel=2e-3)
    assert case.whole["negative_curvature"] == pytest.approx(max(0.0, -smallest) / largest, rel=3e-3)
    assert case.whole["sharpness_times_step"] == pytest.approx(0.3 * largest, rel=1e-3)
    assert case.whole["stability_limit"] == pytest.approx(2 * 1.9)
    # Hutchinson's estimate varies by 2 Σ_{i≠j} H_ij² a draw, at most 2‖H‖_F²; three draws were averaged.
    trace = np.mean([np.trace(h) for h in case.hessians])
    spread = np.sqrt(np.mean([2 * np.sum(h**2) for h in case.hessians]) / len(case.hessians))
    assert abs(case.whole["trace"] - trace) < 4 * spread
    size = len(case.hessians[0])
    told = case.whole["trace"]
    condition = case.whole["sharpness"] * size / told if told > 0 else None  # saddles have a mean curvature below zero
    assert case.whole["condition"] == (None if condition is None else pytest.approx(condition, rel=1e-6))


def test_position_equals_a_weighted_least_squares_fit(case: Case) -> None:
    costs = jax.jit(lambda params, step: case.likelihood.cost(case.outputs(params, step), step["y"]) * step["weight"])
    slopes = jax.jit(lambda params, step, along: jax.jvp(lambda p: costs(p, step), (params,), (along,))[1])
    alphas = []
    for step in case.steps:
        counted = step["weight"] > 0
        along = jax.tree.map(np.subtract, step["after"], step["params"])
        ends = [np.asarray(costs(step[end], step), np.float64)[counted] for end in ("params", "after")]
        descents = [np.asarray(slopes(step[end], step, along), np.float64)[counted] for end in ("params", "after")]
        told = np.stack([ends[1] - ends[0], *descents]) * counted.sum()
        covariance = np.cov(told) / counted.sum()
        # Whitened by the Cholesky factor, it is an ordinary least-squares fit.
        whiten = np.linalg.inv(np.linalg.cholesky(covariance + 1e-6 * np.trace(covariance) * np.eye(3)))
        design = np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 2.0]])
        w1, w2 = np.linalg.lstsq(whiten @ design, whiten @ told.mean(axis=1), rcond=None)[0]
        alphas.append(-1 - 2 * w2 / w1 if w1 < 0 else np.nan)
    known = np.array(alphas)[np.isfinite(alphas)]
    assert known.size
    expected = np.quantile(known, (0.1, 0.5, 0.9))
    found = [case.whole[name] for name in ("position_low", "position", "position_high")]
    np.testing.assert_allclose(found, expected, rtol=2e-2, atol=2e-2)
    assert case.whole["uphill"] == pytest.approx(1 - known.size / len(alphas))


def test_a_unit_that_never_speaks_is_dead_and_one_driven_hard_is_saturated() -> None:
    network = Network(2, (Dense(4), "relu", Dense(5), "sigmoid", Dense(1)))
    params = network.init(jax.random.key(0))
    silenced = params[0] | {"bias": np.array([-100, -100, -100, 1], np.float32)}
    driven = params[2] | {"bias": np.array([30, 30, 0, 0, 0], np.float32)}
    params = (silenced, params[1], driven, *params[3:])
    x = RNG.normal(size=(16, 2)).astype(np.float32)
    instruments = Instruments("units")
    train(
        network,
        make_likelihood("gaussian"),
        ArrayBatches(x, x[:, :1], 4),
        make_optimizer("sgd", learning_rate=1e-6, total_steps=4, steps_per_epoch=4),
        epochs=1,
        params=params,
        hooks=[instruments],
    )
    layers = instruments.history[0]["layers"]
    assert layers["0"]["dead"] == 0.75
    a = np.maximum(x @ silenced["weight"].T + silenced["bias"], 0) @ driven["weight"].T + driven["bias"]
    slopes = expit(a) * (1 - expit(a))
    assert layers["2"]["saturated"] == pytest.approx(np.mean(slopes < 0.0125), abs=1e-6)
    assert layers["2"]["dead"] == np.mean(np.all(slopes < 0.0125, axis=0)) >= 0.4
