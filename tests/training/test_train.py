"""The training loop against recursions in NumPy and solutions known otherwise."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.linear_model import LogisticRegression

from thalweg.core.errors import ArgumentError, DivergedError
from thalweg.data.batches import ArrayBatches, Layout
from thalweg.data.disk_batches import DiskBatches
from thalweg.likelihoods import make_likelihood
from thalweg.network import Network, dense_network, flatten
from thalweg.optimizers import Optimizer, make_optimizer
from thalweg.training import EarlyStopping, StepStatistics, Trained, evaluate, train

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 3)).astype(np.float32)
Y = (X @ np.array([[1.0], [-2.0], [0.5]]) + 0.3 + 0.1 * RNG.normal(size=(50, 1))).astype(np.float32)
LABELS = (Y[:, 0] > 0).astype(np.int32)
LINEAR = dense_network(3, (), 1)
GAUSSIAN = make_likelihood("gaussian")


def optimizer(name: Any = "sgd", epochs: int = 5, steps: int = 4, **settings: Any) -> Optimizer:
    return make_optimizer(name, total_steps=epochs * steps, steps_per_epoch=steps, **settings)


def start(network: Network, seed: int = 3) -> Any:
    return network.init(jax.random.key(seed))


def sgd_in_numpy(params: Any, batches: ArrayBatches, epochs: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """θ_{t+1} = θ_t - γ ∇L for a linear model and half the squared error, partial last minibatch and all."""
    w, b = (np.asarray(params[0][name], float) for name in ("weight", "bias"))
    for epoch in range(1, epochs + 1):
        for chunk in batches.chunks(epoch):
            for xs, ys, rows in zip(chunk.x, chunk.y, chunk.rows, strict=True):
                x, y = np.asarray(xs[:rows], float), np.asarray(ys[:rows], float)
                delta = (x @ w.T + b - y) / rows
                w, b = w - rate * delta.T @ x, b - rate * delta.sum(0)
    return w, b


def test_minibatch_sgd_equals_its_recursion_with_a_partial_last_minibatch() -> None:
    batches = ArrayBatches(X, Y, 16, seed=7)
    params = start(LINEAR)
    trained = train(LINEAR, GAUSSIAN, batches, optimizer(learning_rate=0.1), epochs=5, params=params)
    w, b = sgd_in_numpy(params, batches, 5, 0.1)
    np.testing.assert_allclose(trained.params[0]["weight"], w, atol=1e-5)
    np.testing.assert_allclose(trained.params[0]["bias"], b, atol=1e-5)
    assert [row["steps"] for row in trained.history] == [4] * 5


def test_full_batch_descent_equals_its_recursion() -> None:
    batches = ArrayBatches(X, Y, 50)
    params = start(LINEAR)
    settings = optimizer(learning_rate=0.1, epochs=20, steps=1)
    trained = train(LINEAR, GAUSSIAN, batches, settings, epochs=20, params=params)
    w, _ = sgd_in_numpy(params, batches, 20, 0.1)
    np.testing.assert_allclose(trained.params[0]["weight"], w, atol=1e-5)


def test_lbfgs_finds_the_least_squares_solution() -> None:
    batches = ArrayBatches(X, Y, 50)
    trained = train(LINEAR, GAUSSIAN, batches, optimizer("lbfgs", epochs=30, steps=1), epochs=30)
    expected, *_ = np.linalg.lstsq(np.c_[X, np.ones(50)].astype(float), Y.astype(float))
    found = np.r_[np.asarray(trained.params[0]["weight"])[0], np.asarray(trained.params[0]["bias"])]
    np.testing.assert_allclose(found, expected[:, 0], atol=1e-4)
    with pytest.raises(ArgumentError, match="all 50 rows"):
        train(LINEAR, GAUSSIAN, ArrayBatches(X, Y, 16), optimizer("lbfgs"), epochs=1)


def test_logistic_regression_equals_scikit_learn() -> None:
    bernoulli, l2 = make_likelihood("bernoulli"), 0.05
    batches = ArrayBatches(X, LABELS, 50)
    settings = optimizer("lbfgs", epochs=100, steps=1, l2=l2)
    trained = train(LINEAR, bernoulli, batches, settings, epochs=100)
    reference = LogisticRegression(C=1 / (l2 * 50), tol=1e-8).fit(X, LABELS)
    np.testing.assert_allclose(trained.params[0]["weight"], reference.coef_, atol=2e-3)


def test_log_lines_hold_what_was_measured() -> None:
    batches, held_out = ArrayBatches(X, LABELS, 16), ArrayBatches(X[:20], LABELS[:20], 20)
    bernoulli = make_likelihood("bernoulli")
    settings = optimizer(learning_rate=0.1, schedule="cosine")
    trained = train(LINEAR, bernoulli, batches, settings, epochs=5, test=held_out)
    row = trained.history[-1]
    assert list(row)[:2] == ["epoch", "steps"]
    assert row.keys() >= {"train_loss", "test_loss", "train_error", "test_error", "learning_rate", "seconds"}
    logits = X[:20] @ np.asarray(trained.params[0]["weight"]).T + np.asarray(trained.params[0]["bias"])
    cost = np.logaddexp(0, logits[:, 0]) - LABELS[:20] * logits[:, 0]
    assert row["test_loss"] == pytest.approx(cost.mean(), rel=1e-5)
    assert row["test_error"] == pytest.approx(np.mean((logits[:, 0] > 0) != LABELS[:20]))
    # Cosine over 20 steps from 0.1: the last update, t = 19, used this step size.
    assert row["learning_rate"] == pytest.approx(0.05 * (1 + np.cos(np.pi * 19 / 20)), rel=1e-4)


def test_rmse_is_in_the_units_of_the_target() -> None:
    scale = np.array([10.0, 100.0])
    y = np.c_[Y, 2 * Y].astype(np.float32)
    network = dense_network(3, (), 2)
    params = start(network)
    found = evaluate(network, make_likelihood("gaussian"), params, ({},), ArrayBatches(X, y, 7), score_scale=scale)
    residual = X @ np.asarray(params[0]["weight"]).T + np.asarray(params[0]["bias"]) - y
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean((scale * residual) ** 2)), rel=1e-5)


def test_same_seed_same_bits_other_seed_other_bits() -> None:
    network = dense_network(3, (8,), 1, dropout=0.3, normalization="batch")

    def theta(seed: int) -> np.ndarray:
        batches = ArrayBatches(X, Y, 16, seed=seed)
        return np.asarray(flatten(train(network, GAUSSIAN, batches, optimizer("adam"), epochs=3, seed=seed).params))

    np.testing.assert_array_equal(theta(0), theta(0))
    assert not np.array_equal(theta(0), theta(1))


def test_rows_from_disk_train_like_rows_from_memory() -> None:
    memory, disk = ArrayBatches(X, Y, 50), DiskBatches(X, Y, 50)
    settings = optimizer(learning_rate=0.1, epochs=10, steps=1)
    params = start(LINEAR)
    first, second = (train(LINEAR, GAUSSIAN, b, settings, epochs=10, params=params) for b in (memory, disk))
    np.testing.assert_allclose(flatten(first.params), flatten(second.params), atol=1e-6)


def test_moving_average_is_what_is_kept() -> None:
    params = start(LINEAR)
    run = {"epochs": 1, "params": params}
    batches = ArrayBatches(X, Y, 50)
    settings = optimizer(learning_rate=0.1, epochs=1, steps=1)
    after = train(LINEAR, GAUSSIAN, batches, settings, **run)
    averaged = train(LINEAR, GAUSSIAN, batches, settings, average=0.999, **run)
    # In the first step d = (1 + 0) / (10 + 0).
    expected = 0.1 * flatten(params) + 0.9 * flatten(after.params)
    np.testing.assert_allclose(flatten(averaged.params), expected, atol=1e-6)


def test_early_stopping_keeps_the_best_epoch() -> None:
    validation = ArrayBatches(X[:10], RNG.normal(size=(10, 1)).astype(np.float32), 10)
    network = dense_network(3, (64,), 1)
    settings = optimizer("adam", learning_rate=0.03, epochs=200)
    trained = train(
        network,
        GAUSSIAN,
        ArrayBatches(X, Y, 16),
        settings,
        epochs=200,
        validation=validation,
        stopping=EarlyStopping(patience=3),
    )
    losses = [row["validation_loss"] for row in trained.history]
    assert trained.status == "stopped early"
    assert trained.epoch == int(np.argmin(losses)) + 1
    assert len(losses) == trained.epoch + 3
    found = evaluate(network, GAUSSIAN, trained.params, trained.state, validation)
    assert found["loss"] == pytest.approx(min(losses), rel=1e-6)


def test_annealing_goes_back_to_the_best_epoch_and_lets_the_step_size_fall() -> None:
    # Full-batch steps: the number of an epoch then decides nothing but the course of the step size.
    noise = np.random.default_rng(1).normal(size=(10, 1))
    validation = ArrayBatches(X[:10], (Y[:10] + noise).astype(np.float32), 10)
    network, batches = dense_network(3, (64,), 1), ArrayBatches(X, Y, 50)
    plain = optimizer("adam", learning_rate=0.01, epochs=200, steps=1)
    settings: dict[str, Any] = {"validation": validation, "seed": 2}
    stopped = train(network, GAUSSIAN, batches, plain, epochs=200, stopping=EarlyStopping(5), **settings)
    best, stalled = stopped.epoch, len(stopped.history)
    assert best > 5
    rule = EarlyStopping(5, anneal=0.5)
    annealed = train(network, GAUSSIAN, batches, plain, epochs=200, stopping=rule, **settings)
    fall = round(0.5 * best)
    assert annealed.status == "stopped early"
    rates = [row["learning_rate"] for row in annealed.history]
    np.testing.assert_allclose(rates, [0.01] * stalled + [0.01 * (1 - k / fall) for k in range(fall)], rtol=1e-5)

    def course(t: Any) -> Any:
        return 0.01 * jnp.where(t < best, 1.0, 1 - (t - best) / fall)

    by_hand = optimizer("adam", learning_rate=course, epochs=200, steps=1)
    whole = train(network, GAUSSIAN, batches, by_hand, epochs=best + fall, **settings)
    losses = [row["validation_loss"] for row in whole.history]
    waited = [row["validation_loss"] for row in stopped.history[best:]]
    np.testing.assert_allclose(
        [row["validation_loss"] for row in annealed.history],
        losses[:best] + waited + losses[best:],
        rtol=1e-4,
    )
    assert min(row["validation_loss"] for row in annealed.history) == pytest.approx(
        evaluate(network, GAUSSIAN, annealed.params, annealed.state, validation)["loss"], rel=1e-6
    )


def test_annealing_ends_with_the_last_epoch_where_patience_would_not() -> None:
    validation = ArrayBatches(X, Y, 50)
    rule = EarlyStopping(100, anneal=0.5)
    sgd = optimizer(learning_rate=0.01, epochs=9, steps=4)
    trained = train(LINEAR, GAUSSIAN, ArrayBatches(X, Y, 16), sgd, epochs=9, validation=validation, stopping=rule)
    # After epoch 6, the best one, half of 6 epochs are left.
    assert trained.status == "finished"
    last_steps = [1.0] * 6 + [9 / 12, 5 / 12, 1 / 12]
    np.testing.assert_allclose([row["learning_rate"] / 0.01 for row in trained.history], last_steps, rtol=1e-5)


def test_annealing_ends_once_its_own_epochs_no_longer_become_better() -> None:
    noise = np.random.default_rng(1).normal(size=(10, 1)).astype(np.float32)
    batches, validation = ArrayBatches(X, Y, 50), ArrayBatches(X[:10], Y[:10] + noise, 10)
    adam = optimizer("adam", learning_rate=0.01, epochs=400, steps=1)
    rule = EarlyStopping(5, anneal=4.0)
    network = dense_network(3, (64,), 1)
    trained = train(network, GAUSSIAN, batches, adam, epochs=400, validation=validation, stopping=rule)
    losses = [row["validation_loss"] for row in trained.history]
    rates = np.array([row["learning_rate"] for row in trained.history])
    falls = int((rates < 0.01 * (1 - 1e-4)).sum()) + 1  # the first step of a fall has the whole step size
    assert falls < 4 * (len(losses) - falls - 5)  # not all that the fall would have
    fall = losses[-falls:]
    assert int(np.argmin(fall)) == falls - 5 - 1
    assert trained.status == "stopped early"


def test_annealing_needs_a_step_size() -> None:
    own = make_optimizer(optax.adam(0.01), total_steps=8, steps_per_epoch=4)
    batches, rule = ArrayBatches(X, Y, 16), EarlyStopping(1, anneal=0.5)
    with pytest.raises(ArgumentError, match="anneal 0 for an optimizer with a step size of its own"):
        train(LINEAR, GAUSSIAN, batches, own, epochs=2, validation=batches, stopping=rule)


def test_stopping_on_a_quantity_that_is_not_there_is_refused() -> None:
    with pytest.raises(ArgumentError, match="Hold out a validation set"):
        train(LINEAR, GAUSSIAN, ArrayBatches(X, Y, 16), optimizer(), epochs=1, stopping=EarlyStopping(3))


def test_step_statistics_equal_what_numpy_finds() -> None:
    statistics = StepStatistics()
    params = start(LINEAR)
    settings = optimizer(learning_rate=0.1, epochs=2, steps=1)
    train(LINEAR, GAUSSIAN, ArrayBatches(X, Y, 50), settings, epochs=2, params=params, hooks=[statistics])
    w, b = np.asarray(params[0]["weight"], float), np.asarray(params[0]["bias"], float)
    residual = X @ w.T + b - Y
    gradient = np.r_[(residual.T @ X / 50)[0], residual.mean(0)]
    assert statistics.steps["gradient_norm"][0] == pytest.approx(np.linalg.norm(gradient), rel=1e-5)
    assert statistics.steps["update_norm"][0] == pytest.approx(0.1 * np.linalg.norm(gradient), rel=1e-4)
    expected_loss = np.mean(residual**2) / 2 + 0.5 * np.log(2 * np.pi)
    assert statistics.steps["loss"][0] == pytest.approx(expected_loss, rel=1e-5)
    assert len(statistics.steps["loss"]) == 2


@pytest.mark.parametrize(
    ("x", "rate", "quantity"),
    [(X, 1e30, "layer"), (np.where(X[7, 1] == X, np.nan, X), 0.1, "input x of the minibatch")],
)
def test_divergence_names_epoch_step_and_quantity(x: np.ndarray, rate: float, quantity: str) -> None:
    network = dense_network(3, (4,), 1)
    with pytest.raises(DivergedError, match=quantity) as caught:
        train(network, GAUSSIAN, ArrayBatches(x, Y, 16), optimizer(learning_rate=rate), epochs=3)
    error = caught.value
    assert (error.epoch, 1 <= error.step <= 4) == (1, True)
    assert "learning rate" in str(error)
    trained = error.trained
    assert isinstance(trained, Trained)
    assert trained.status == "diverged"


def test_any_optax_transformation_is_accepted() -> None:
    batches = ArrayBatches(X, Y, 16)
    trained = train(LINEAR, GAUSSIAN, batches, optimizer(optax.lion(0.01)), epochs=40)
    assert trained.history[-1]["learning_rate"] is None
    assert trained.history[-1]["train_rmse"] < 0.5 * trained.history[0]["train_rmse"]


def test_equal_settings_share_one_compiled_program() -> None:
    from thalweg.training.step import _train_program

    _train_program.cache_clear()
    for _ in range(2):
        train(LINEAR, GAUSSIAN, ArrayBatches(X, Y, 16), optimizer("adam", schedule="cosine"), epochs=5)
    assert _train_program.cache_info().misses == 1


def test_training_that_goes_on_takes_the_step_size_it_is_given() -> None:
    slow, fast = (optimizer("sgd", learning_rate=rate) for rate in (1e-3, 0.1))
    batches = ArrayBatches(X, Y, 16)
    first = train(LINEAR, GAUSSIAN, batches, slow, epochs=1)
    again = train(LINEAR, GAUSSIAN, batches, fast, epochs=1, start=first)
    assert [row["learning_rate"] for row in again.history] == pytest.approx([1e-3, 0.1])


def test_step_size_and_weight_decay_are_no_part_of_the_program() -> None:
    from thalweg.training.step import train_program

    def program(**settings: float) -> object:
        rule = make_optimizer("adamw", total_steps=10, steps_per_epoch=5, schedule="cosine", **settings)
        return train_program(LINEAR, GAUSSIAN, rule)

    first = program(learning_rate=0.1, weight_decay=0.2)
    assert program(learning_rate=0.3, weight_decay=0.1) is first
    assert program(learning_rate=0.1, weight_decay=0.0) is not first  # no decay is no work
    assert program(learning_rate=0.1, weight_decay=0.2, l2=0.5) is not first


@pytest.mark.parametrize("kind", [ArrayBatches, DiskBatches])
def test_evaluation_of_many_chunks_equals_that_of_one(kind: type) -> None:
    # More chunks than a ring has buffers, and a network slow enough to be overtaken by its reader.
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(1500, 64)).astype(np.float32), rng.integers(0, 10, 1500).astype(np.int32)
    network = dense_network(64, (1024, 1024), 10)
    params, state, categorical = start(network), network.init_state(), make_likelihood("categorical")
    whole = evaluate(network, categorical, params, state, ArrayBatches(x, y, 1500))
    batches = kind(x, y, 25)
    batches.layout = Layout(1500, 25, 4 * 64, chunk_bytes=2 * 25 * 4 * 64)
    if kind is ArrayBatches:
        batches._ordered = None
        batches.x = np.broadcast_to(x, x.shape)
        chunks = batches._host_chunks(None, 0, batches._evaluation_ring)
        batches.chunks = lambda epoch: chunks
    found = evaluate(network, categorical, params, state, batches)
    assert found["loss"] == pytest.approx(whole["loss"], rel=1e-5)
    assert found["error"] == whole["error"]


def test_divergence_in_the_last_update_is_not_missed() -> None:
    with pytest.raises(DivergedError, match=r"(weight|bias) of layer 1 \(dense\) after the update") as caught:
        train(
            LINEAR, GAUSSIAN, ArrayBatches(X, 100 * Y, 50), optimizer(learning_rate=1e38, epochs=1, steps=1), epochs=1
        )
    assert (caught.value.epoch, caught.value.step) == (1, 1)


def test_logged_learning_rate_is_the_one_used_under_plateau() -> None:
    statistics = StepStatistics()
    settings = optimizer(
        learning_rate=0.1,
        schedule="plateau",
        schedule_options={"patience": 1, "rtol": 0.9},
        epochs=8,
        steps=1,
        clip_norm=0.01,
    )
    trained = train(
        LINEAR, GAUSSIAN, ArrayBatches(X, Y, 50), settings, epochs=8, params=start(LINEAR), hooks=[statistics]
    )
    used = np.array(statistics.steps["update_norm"]) / 0.01
    assert used[-1] < 0.5 * used[0]
    np.testing.assert_allclose([row["learning_rate"] for row in trained.history], used, rtol=0.05)


def test_devices_that_do_not_divide_a_minibatch_are_refused() -> None:
    with pytest.raises(ArgumentError, match="multiple=3"):
        train(LINEAR, GAUSSIAN, ArrayBatches(X, Y, 16), optimizer(), epochs=1, devices=[None] * 3)
