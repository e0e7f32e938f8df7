"""A model with its encoder: rows as a user has them go in, labels and units of the user come out."""

import json
from pathlib import Path

import jax
import numpy as np
import polars as pl
import pytest

from thalweg.cli.predict import read_rows
from thalweg.core.errors import DataError, DataWarning, ModelError
from thalweg.data.encode import Encoder
from thalweg.data.read import read
from thalweg.data.table import Table
from thalweg.deploy.loading import load
from thalweg.deploy.model import BUCKETS, Model
from thalweg.likelihoods import Gaussian, make_likelihood
from thalweg.network import dense_network

FRAME = pl.DataFrame(
    {"size": [1.0, 2.0, 4.0, 8.0], "color": ["red", "blue", "red", "blue"], "kind": ["ash", "birch", "birch", "cedar"]}
)


def model(table: Table, likelihood: str = "categorical") -> Model:
    encoder = Encoder.fit(table)
    outputs = 1 if encoder.classes is None else len(encoder.classes)
    network = dense_network(encoder.feature_width, (5,), outputs)
    family = Gaussian(scale=0.5) if likelihood == "gaussian" else make_likelihood(likelihood)
    return Model(network, family, network.init(jax.random.key(3)), network.init_state(), encoder)


@pytest.fixture
def trees() -> Model:
    return model(read(FRAME, target="kind"))


def test_frames_arrays_of_columns_and_tables_give_the_same(trees: Model, tmp_path: Path) -> None:
    FRAME.write_csv(tmp_path / "t.csv")
    answers = [
        trees.predict_proba(x)
        for x in (
            FRAME,
            FRAME.drop("kind"),
            FRAME.select("color", "kind", "size"),
            read(FRAME, target="kind"),
            tmp_path / "t.csv",
        )
    ]
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer, answers[0])
    assert set(trees.predict(FRAME)) <= {"ash", "birch", "cedar"}
    assert trees.classes.tolist() == ["ash", "birch", "cedar"]


def test_reload_keeps_encoder_and_labels(trees: Model, tmp_path: Path) -> None:
    trees.save(tmp_path / "m")
    again = load(tmp_path / "m")
    np.testing.assert_array_equal(again.predict_proba(FRAME), trees.predict_proba(FRAME))
    assert again.predict(FRAME).tolist() == trees.predict(FRAME).tolist()
    assert load(tmp_path / "m").evaluate(FRAME, FRAME["kind"]) == trees.evaluate(FRAME, FRAME["kind"].to_numpy())


def test_missing_extra_and_unseen(trees: Model) -> None:
    with pytest.raises(DataError, match="'size'"):
        trees.predict(FRAME.drop("size"))
    with pytest.warns(DataWarning, match="'note'"):
        trees.predict(FRAME.with_columns(note=1))
    with pytest.warns(DataWarning, match="levels that training did not have"):
        trees.predict(FRAME.with_columns(color=pl.lit("green")))
    with pytest.raises(DataError, match="unseen in training: 'oak'"):
        trees.evaluate(FRAME, ["ash", "oak", "ash", "ash"])


def test_regression_answers_are_in_the_units_of_the_target() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 3)), 1e6 + 500 * rng.normal(size=50)
    m = model(read((x, y)), "gaussian")
    z = m.outputs(x)[:, 0].astype(float)
    mean = y.mean() + y.std() * z
    np.testing.assert_allclose(m.predict(x), mean, rtol=1e-9)
    distribution = m.predict_dist(x)
    np.testing.assert_allclose(np.asarray(distribution.mean)[:, 0], mean, rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.asarray(distribution.variance))[:, 0], 0.5 * y.std(), rtol=1e-4)
    scores = m.evaluate(x, y)
    assert scores["rmse"] == pytest.approx(np.sqrt(np.mean((mean - y) ** 2)), rel=1e-4)
    sd = 0.5 * y.std()
    density = -0.5 * ((y - mean) / sd) ** 2 - np.log(sd * np.sqrt(2 * np.pi))
    assert scores["loss"] == pytest.approx(-density.mean(), rel=1e-4)


def test_mapped_arrays_pass_in_pieces(tmp_path: Path) -> None:
    rows = BUCKETS[-1] + 100
    x = np.random.default_rng(0).integers(0, 256, (rows, 4)).astype(np.uint8)
    np.save(tmp_path / "x.npy", x)
    m = model(Table("t", x, np.arange(rows) % 3, ("a", "b", "c", "d")))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    np.testing.assert_array_equal(m.outputs(mapped), m.outputs(x))
    np.testing.assert_array_equal(m.outputs(Table("t", mapped, None, ("a", "b", "c", "d"))), m.outputs(x))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("encoder", "number_names"), [1]),
        (("encoder", "number_names"), ["size", "more"]),
        (("encoder", "number_names"), 3),
        (("encoder", "numbers", "center"), [1.0, 2.0, 3.0]),
        (("encoder", "numbers", "center"), "abc"),
        (("encoder", "numbers", "scale"), 1.0),
        (("encoder", "numbers", "missing"), [7]),
        (("encoder", "levels"), []),
        (("encoder", "outputs", "classes"), ["ash", "birch"]),
        (("encoder", "outputs", "classes"), ["ash", "birch", ["cedar"]]),
        (("encoder", "outputs", "classes"), None),
        (("encoder", "outputs", "kind"), "numbers"),
        (("encoder", "outputs", "kind"), "colors"),
        (("encoder", "outputs", "names"), []),
        (("encoder", "outputs", "names"), 3),
        (("encoder",), []),
        (("network",), []),
        (("likelihood",), 3),
        (("history",), 5),
    ],
)
def test_a_description_of_wrong_parts_fails_on_loading(
    trees: Model, tmp_path: Path, place: tuple[str, ...], value: object
) -> None:
    trees.save(tmp_path / "m")
    file = tmp_path / "m" / "model.json"
    whole = part = json.loads(file.read_text())
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    file.write_text(json.dumps(whole))
    with pytest.raises(ModelError, match=r"\A[^\n]*is damaged[^\n]*\Z"):
        load(tmp_path / "m")


def test_a_target_scale_of_another_length_fails_on_loading(tmp_path: Path) -> None:
    model(read(FRAME.drop("kind"), target="size"), "gaussian").save(tmp_path / "m")
    file = tmp_path / "m" / "model.json"
    whole = json.loads(file.read_text())
    whole["encoder"]["outputs"]["scale"] = [1.0, 2.0]
    file.write_text(json.dumps(whole))
    with pytest.raises(ModelError, match="target scale is no list of 1 numbers"):
        load(tmp_path / "m")


def test_a_deeply_nested_description_fails_on_loading(trees: Model, tmp_path: Path) -> None:
    trees.save(tmp_path / "m")
    (tmp_path / "m" / "model.json").write_text("[" * 200_000)
    with pytest.raises(ModelError, match="no model description"):
        load(tmp_path / "m")


@pytest.mark.parametrize("column", [0, 1, 3])
def test_arrays_are_predicted_with_and_without_the_target_column(tmp_path: Path, column: int) -> None:
    rows = np.random.default_rng(0).normal(size=(8, 4))
    rows[:, column] = np.arange(8) % 2
    np.save(tmp_path / "all.npy", rows)
    np.save(tmp_path / "new.npy", np.delete(rows, column, axis=1))
    trained = model(read(tmp_path / "all.npy", target=str(column)))
    assert trained.encoder is not None
    answers = [
        trained.predict_proba(read_rows(str(tmp_path / name), trained.encoder)) for name in ("all.npy", "new.npy")
    ]
    np.testing.assert_array_equal(*answers)
