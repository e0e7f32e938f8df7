import json
import math
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import torch

from thalweg.core.errors import ArgumentError, ModelError, StorageError
from thalweg.deploy.artefact import SCHEMA_VERSION
from thalweg.deploy.loading import load
from thalweg.deploy.model import BUCKETS, Model
from thalweg.likelihoods import Categorical, Gaussian, Likelihood, Mixture, make_likelihood
from thalweg.network import dense_network


def model(likelihood: str | Likelihood = "categorical", outputs: int = 3, **network: Any) -> Model:
    net = dense_network(4, (8, 8), outputs, **network)
    params = net.init(jax.random.key(1))
    return Model(
        net, make_likelihood(likelihood), params, net.init_state(), None, [{"epoch": 1, "test_loss": math.nan}]
    )


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)


def by_torch(model: Model, x: np.ndarray) -> torch.Tensor:
    a = torch.from_numpy(x)
    dense = [entry for entry in model.params if "weight" in entry]
    for i, layer in enumerate(dense):
        a = a @ torch.tensor(np.asarray(layer["weight"])).T + torch.tensor(np.asarray(layer["bias"]))
        a = a.relu() if i < len(dense) - 1 else a
    return a


def test_classifier_answers_equal_pytorch(x: np.ndarray) -> None:
    m = model()
    logits = by_torch(m, x)
    np.testing.assert_allclose(m.predict_proba(x), logits.softmax(1).numpy(), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(m.predict(x), logits.argmax(1).numpy())
    y = np.arange(300) % 3
    scores = m.evaluate(x, y)
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(y)).item()
    assert scores == {
        "rows": 300,
        "loss": pytest.approx(loss, rel=1e-5),
        "error": (logits.argmax(1).numpy() != y).mean(),
    }


def test_regression_answers_equal_pytorch(x: np.ndarray) -> None:
    m = model(Gaussian(scale=2.0), outputs=1)
    mean = by_torch(m, x).numpy()
    np.testing.assert_allclose(m.predict(x), mean[:, 0], rtol=1e-4, atol=1e-6)
    y = np.linspace(-1, 1, 300)
    scores = m.evaluate(x, y)
    assert scores["rmse"] == pytest.approx(np.sqrt(np.mean((mean[:, 0] - y) ** 2)), rel=1e-5)
    assert float(m.predict_dist(x).mean[0, 0]) == pytest.approx(mean[0, 0], rel=1e-4)
    assert scores["loss"] == pytest.approx(
        -float(m.predict_dist(x).log_prob(y[:, None].astype(np.float32)).mean()), rel=1e-5
    )


def test_two_outputs_keep_their_axis(x: np.ndarray) -> None:
    assert model("laplace", outputs=2).predict(x).shape == (300, 2)


def test_one_logit_gives_two_probabilities(x: np.ndarray) -> None:
    proba = model("bernoulli", outputs=1).predict_proba(x)
    np.testing.assert_allclose(proba.sum(1), 1, rtol=1e-6)
    assert proba.shape == (300, 2)


@pytest.mark.parametrize("rows", [0, 1, 15, 16, 17, 257, BUCKETS[-1] + 1])
def test_any_number_of_rows(rows: int) -> None:
    m = model()
    x = np.random.default_rng(0).normal(size=(rows, 4))
    assert m.predict_proba(x).shape == (rows, 3)
    np.testing.assert_allclose(m.outputs(x), by_torch(m, x.astype(np.float32)).numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shared", [1, 8], ids=["network", "members"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_a_row_alone_gets_the_answer_it_gets_beside_others(shared: int, outputs: int) -> None:
    network = dense_network(30, (192, 192), outputs * shared, numeric_embedding="mixed", shared_members=shared)
    base = make_likelihood("gaussian" if outputs == 1 else "categorical")
    m = Model(network, Mixture(base, shared), network.init(jax.random.key(0)), network.init_state())
    x = np.random.default_rng(0).normal(size=(8, 30))
    np.testing.assert_array_equal(np.concatenate([m.outputs(row[None]) for row in x]), m.outputs(x))
    assert m.outputs(x[:1]).flags.writeable


def test_sizes_share_programs() -> None:
    m = model()
    for rows in range(1, 60):
        m.predict(np.zeros((rows, 4)))
    assert m._forward._cache_size() <= len(BUCKETS)


def test_class_weights_and_smoothing_leave_evaluation_alone(x: np.ndarray) -> None:
    y = np.arange(300) % 3
    learned = model(Categorical(class_weights=(1.0, 5.0, 2.0), label_smoothing=0.2))
    assert learned.evaluate(x, y)["loss"] == pytest.approx(model().evaluate(x, y)["loss"])


@pytest.mark.parametrize(
    "network", [{}, {"normalization": "batch", "residual": True, "dropout": 0.5}, {"activation": "prelu"}]
)
def test_save_and_load_gives_the_same_answers(tmp_path: Path, x: np.ndarray, network: dict[str, Any]) -> None:
    m = model(**network)
    m.save(tmp_path / "m")
    again = load(tmp_path / "m")
    np.testing.assert_array_equal(again.outputs(x), m.outputs(x))
    assert again.network == m.network
    assert again.likelihood == m.likelihood
    assert again.history == [{"epoch": 1, "test_loss": None}]
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == ["model.json", "weights.safetensors"]


def test_data_dependent_start_loads(tmp_path: Path, x: np.ndarray) -> None:
    net = dense_network(4, (8,), 3, initializer="data")
    m = Model(net, Categorical(), net.init(jax.random.key(0), x), net.init_state())
    m.save(tmp_path / "m")
    np.testing.assert_array_equal(load(tmp_path / "m").outputs(x), m.outputs(x))


def test_wrong_shapes_are_named(x: np.ndarray) -> None:
    m = model()
    with pytest.raises(ArgumentError, match="x: expected rows of 4 features, got shape"):
        m.predict(x[:, :3])
    with pytest.raises(ArgumentError, match="y: expected 300 targets"):
        m.evaluate(x, np.zeros(3, int))
    with pytest.raises(ArgumentError, match="predict_dist"):
        model("gaussian", 1).predict_proba(x)


def test_damaged_newer_and_missing_models(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    with pytest.raises(ModelError, match="no model folder"):
        load(folder)
    model().save(folder)
    whole = {name: (folder / name).read_bytes() for name in ("model.json", "weights.safetensors")}

    def changed(name: str, content: bytes | None, message: str) -> None:
        for file, data in whole.items():
            (folder / file).write_bytes(data)
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)
        with pytest.raises(ModelError, match=message):
            load(folder)

    description = json.loads(whole["model.json"])

    def told(**changes: Any) -> bytes:
        return json.dumps(description | changes).encode()

    changed("weights.safetensors", None, "weights.safetensors is missing")
    changed("weights.safetensors", whole["weights.safetensors"][:-1], "damaged")
    changed("weights.safetensors", b"", "damaged")
    changed("model.json", b"{", "damaged")
    changed("model.json", b"[]", "damaged")
    changed(
        "model.json", told(schema_version=SCHEMA_VERSION + 1, thalweg="9.0"), r"newer thalweg \(9.0, schema 4.*Upgrade"
    )
    changed("model.json", told(network={"inputs": 4}), "damaged")
    changed("model.json", told(likelihood={"name": "none"}), "likelihood")
    changed("model.json", told(network=dense_network(5, (8, 8), 3).to_dict()), r"params.0.weight has shape \(8, 4\)")
    changed("model.json", told(network=dense_network(4, (8,), 8).to_dict()), "damaged")


def test_weights_are_plain_safetensors(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    m = model()
    m.save(tmp_path / "m")
    arrays = load_file(tmp_path / "m" / "weights.safetensors")
    np.testing.assert_array_equal(arrays["params.0.weight"].numpy(), np.asarray(m.params[0]["weight"]))


def test_a_failed_save_keeps_the_older_model(tmp_path: Path, x: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    m = model()
    m.save(tmp_path / "m")

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="disk is full"):
        model(activation="tanh").save(tmp_path / "m")
    monkeypatch.undo()
    np.testing.assert_array_equal(load(tmp_path / "m").outputs(x), m.outputs(x))
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_a_folder_with_files_of_others_is_never_replaced(tmp_path: Path) -> None:
    model().save(tmp_path / "m")
    model().save(tmp_path / "m")
    (tmp_path / "m" / "notes.txt").write_text("mine")
    with pytest.raises(StorageError, match=r"'notes\.txt'\. Choose another folder"):
        model().save(tmp_path / "m")
    assert (tmp_path / "m" / "notes.txt").read_text() == "mine"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.json").write_text("{}")
    (tmp_path / "other" / "thesis.tex").write_text("mine")
    with pytest.raises(StorageError, match=r"thesis\.tex"):
        model().save(tmp_path / "other")
