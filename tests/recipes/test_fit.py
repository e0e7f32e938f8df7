import os
import signal
from pathlib import Path

import numpy as np
import optax
import pytest

from thalweg.core.errors import ArgumentError, DataError, DivergedError
from thalweg.deploy import load
from thalweg.likelihoods import Laplace
from thalweg.network import dense_network
from thalweg.recipes.fit import fit
from thalweg.training import Hook


@pytest.fixture
def blobs() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.arange(300) % 3
    x = rng.normal(size=(300, 2)) * 0.3 + np.array([[0, 0], [2, 0], [0, 2]])[y]
    return x, y


def test_three_classes_are_learned_and_kept(blobs: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    x, y = blobs
    model = fit(dense_network(2, (16,), 3), x[:200], y[:200], test=(x[200:], y[200:]), epochs=40, learning_rate=0.01)
    assert model.history[-1]["test_error"] <= 0.03
    assert [row["steps"] for row in model.history] == [13] * 40
    assert model.evaluate(x[200:], y[200:])["error"] == model.history[-1]["test_error"]
    model.save(tmp_path / "m")
    np.testing.assert_array_equal(load(tmp_path / "m").predict(x), model.predict(x))


def test_labels_may_be_words(blobs: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    x, y = blobs
    words = np.array(["cat", "ant", "bee"])[y]
    model = fit(dense_network(2, (16,), 3), x, words, test=(x, words), epochs=40, learning_rate=0.01)
    assert model.classes.tolist() == ["ant", "bee", "cat"]
    assert (model.predict(x) == words).mean() > 0.95
    model.save(tmp_path / "m")
    np.testing.assert_array_equal(load(tmp_path / "m").predict(x), model.predict(x))
    np.testing.assert_allclose(model.encode(x), x, rtol=1e-6)  # features pass unchanged


def test_labels_may_be_any_whole_numbers(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = blobs
    model = fit(dense_network(2, (8,), 3), x, np.array([-1, 5, 70])[y], epochs=1, likelihood="categorical")
    assert model.classes.tolist() == [-1, 5, 70]


def test_a_class_may_be_absent(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = blobs
    assert fit(dense_network(2, (8,), 7), x, y, epochs=1).predict_proba(x).shape == (300, 7)


def test_two_classes_with_one_output(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = blobs
    model = fit(dense_network(2, (8,), 1), x, y == 2, epochs=30, learning_rate=0.01)
    assert model.likelihood.name == "bernoulli"
    assert model.predict(x).dtype == bool
    assert (model.predict(x) == (y == 2)).mean() > 0.95


def test_regression_with_a_likelihood_object_and_an_optax_transformation() -> None:
    x = np.linspace(-1, 1, 200)[:, None]
    y = 3 * x[:, 0] + 1
    model = fit(
        dense_network(1, (), 1),
        x,
        y,
        likelihood=Laplace(scale=0.5),
        optimizer=optax.adam(0.05),
        epochs=30,
        batch_size=20,
    )
    assert np.abs(model.predict(x) - y).max() < 0.2
    assert model.history[-1]["learning_rate"] is None


def noisy_line(rows: int, deviation: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, size=(rows, 1))
    return x, 2 * x[:, 0] + deviation * rng.normal(size=rows)


def test_the_noise_scale_is_fitted_for_likelihoods_by_name() -> None:
    line = dense_network(1, (), 1)
    settings = {"optimizer": "lbfgs", "epochs": 10}
    x, y = noisy_line(400, 0.1, 0)
    held_out = noisy_line(400, 0.3, 1)
    for likelihood, validation, expected in [
        ("gaussian", None, 0.1),
        ("auto", held_out, 0.3),
        ("laplace", None, 0.1 * np.sqrt(2 / np.pi)),  # the mean absolute residual
        (Laplace(scale=0.5), held_out, 0.5),
    ]:
        model = fit(line, x, y, likelihood=likelihood, validation=validation, **settings)
        assert model.likelihood.to_dict()["scale"] == pytest.approx(expected, rel=0.1)


class CtrlC(Hook):
    """Press Ctrl-C as an epoch begins."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch_start(self, epoch: int) -> None:
        if epoch == self.epoch:
            os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_is_never_silent(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    network = dense_network(2, (8,), 3)
    with pytest.raises(KeyboardInterrupt):
        fit(network, *blobs, epochs=4, hooks=[CtrlC(1)])
    with pytest.warns(UserWarning, match="interrupted after 2 of 4 epochs"):
        model = fit(network, *blobs, epochs=4, hooks=[CtrlC(3)])
    assert len(model.history) == 2


def test_lbfgs_takes_the_whole_set() -> None:
    x = np.linspace(-1, 1, 50)[:, None]
    model = fit(dense_network(1, (), 1), x, 2 * x, optimizer="lbfgs", epochs=10, likelihood="gaussian")
    assert model.history[-1]["steps"] == 1
    np.testing.assert_allclose(model.predict(x), 2 * x[:, 0], atol=1e-3)


def test_arrays_on_disk_stream(blobs: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    x, y = blobs
    np.save(tmp_path / "x.npy", x.astype(np.float32))
    np.save(tmp_path / "y.npy", y)
    model = fit(dense_network(2, (16,), 3), tmp_path / "x.npy", tmp_path / "y.npy", epochs=40, learning_rate=0.01)
    assert (model.predict(x) == y).mean() > 0.95


def test_same_seed_same_bits(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = blobs
    network = dense_network(2, (8,), 3, dropout=0.2)
    a, b, c = (fit(network, x, y, epochs=2, seed=seed).outputs(x) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_patience_keeps_the_best_epoch(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = blobs
    noise = np.random.default_rng(1).integers(0, 3, 100)
    model = fit(
        dense_network(2, (64,), 3),
        x[:200],
        y[:200],
        validation=(x[200:], noise),
        patience=2,
        epochs=50,
        learning_rate=0.05,
    )
    best = min(row["validation_loss"] for row in model.history)
    assert len(model.history) < 50
    assert model.evaluate(x[200:], noise)["loss"] == pytest.approx(best, rel=1e-4)
    with pytest.raises(ArgumentError, match="anneal: expected patience beside it"):
        fit(dense_network(2, (64,), 3), x, y, anneal=0.5)


def test_sample_weights_matter(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = blobs
    weight = np.where(y == 0, 1.0, 0.0)
    model = fit(dense_network(2, (8,), 3), x, y, sample_weight=weight, epochs=30, learning_rate=0.01)
    assert (model.predict(x) == 0).all()


def test_bad_arguments_are_named(blobs: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    x, y = blobs
    network = dense_network(2, (8,), 3)
    with pytest.raises(ArgumentError, match="x: expected 2 features"):
        fit(network, x[:, :1], y)
    with pytest.raises(ArgumentError, match="y: expected 3 classes, as the network has, got 4"):
        fit(network, x, np.array(["a", "b", "c", "d"])[np.arange(300) % 4])
    with pytest.raises(ArgumentError, match="likelihood: expected"):
        fit(network, x, x[:, 0], likelihood="categorical")
    with pytest.raises(ArgumentError, match=r"x: expected an array or the path of a \.npy file"):
        fit(network, "data.csv", y)
    with pytest.raises(ArgumentError, match=r"batch_size: expected .* 300 rows"):
        fit(network, x, y, batch_size=301)
    with pytest.raises(ArgumentError, match="Did you mean 'categorical'"):
        fit(network, x, y, likelihood="categoricl")
    with pytest.raises(DivergedError, match="epoch 1, step"):
        fit(dense_network(2, (8,), 1), x, y.astype(float), likelihood="gaussian", optimizer="sgd", learning_rate=1e9)
    with pytest.raises(ArgumentError, match="batch_size: expected none or all 300 rows for 'lbfgs', got 16"):
        fit(network, x, y, optimizer="lbfgs", batch_size=16)


@pytest.mark.parametrize(
    ("likelihood", "targets", "outputs"),
    [
        ("heteroscedastic", 1, 2),
        ("quantile", 2, 10),
        ("gaussian_mixture", 1, 9),
        ("poisson", 1, 1),
        ("multilabel", 3, 3),
    ],
)
def test_a_network_of_another_width_is_told_the_right_one(likelihood: str, targets: int, outputs: int) -> None:
    x = np.zeros((6, 2))
    y = np.arange(6 * targets).reshape(6, targets) % 2
    with pytest.raises(
        ArgumentError, match=rf"network: .* got {outputs + 1}\. Build the network with outputs={outputs}\."
    ):
        fit(dense_network(2, (4,), outputs + 1), x, y, likelihood=likelihood)


def test_targets_of_another_kind_are_named() -> None:
    x = np.zeros((3, 2))
    with pytest.raises(DataError, match=r"y: row 2 holds -1\.0; expected whole numbers from 0 on"):
        fit(dense_network(2, (4,), 1), x, [0, -1, 2], likelihood="poisson")
    with pytest.raises(DataError, match=r"y: row 3, label 'y2': expected 0 or 1, or true or false, got 5"):
        fit(dense_network(2, (4,), 2), x, [[0, 1], [1, 1], [0, 5]], likelihood="multilabel")


def test_labels_and_counts_from_arrays(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    labels = fit(dense_network(2, (), 2), x, x > 0, epochs=30, learning_rate=0.1)
    assert labels.likelihood.name == "multilabel"
    assert (labels.predict(x) == (x > 0)).mean() > 0.95
    assert labels.predict_proba(x).shape == (200, 2)
    assert labels.evaluate(x, x > 0)["error"] == pytest.approx((labels.predict(x) != (x > 0)).mean())
    counts = fit(
        dense_network(2, (), 1), x, rng.poisson(np.exp(x[:, 0])), likelihood="poisson", epochs=30, learning_rate=0.1
    )
    assert np.corrcoef(np.log(counts.predict(x)), x[:, 0])[0, 1] > 0.95
