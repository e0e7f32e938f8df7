"""The bundled sets against the loaders of scikit-learn and the published hashes."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import thalweg.data
from thalweg.core.errors import ArgumentError
from thalweg.data import bundled
from thalweg.data.bundled import DATASETS, load_dataset

MNIST = Path(thalweg.data.__file__).parent / "mnist"
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
SMALL = [name for name in DATASETS if name != "mnist"]


@pytest.mark.parametrize("name", SHA256)
def test_the_shipped_mnist_files_have_the_published_content(name: str) -> None:
    raw = gzip.decompress((MNIST / f"{name}.gz").read_bytes())
    assert hashlib.sha256(raw).hexdigest() == SHA256[name]


def test_mnist_takes_at_most_12_megabytes() -> None:
    assert sum(file.stat().st_size for file in MNIST.iterdir()) <= 12e6


def test_mnist_has_the_official_parts() -> None:
    start = time.perf_counter()
    train, test = load_dataset("mnist")
    assert time.perf_counter() - start < 5  # about 0.25 s; the limit only catches a blunder
    assert test is not None
    assert (len(train), len(test), train.width, train.example_shape) == (60000, 10000, 784, (28, 28))
    assert train.array.dtype == np.uint8
    # Known from the description of the set: mean pixel 33.3184, first label 5, 5923 zeros.
    assert train.array.mean() == pytest.approx(33.3184, abs=1e-4)
    labels = train.target_array()
    assert labels[0] == 5
    assert (labels == 0).sum() == 5923


@pytest.mark.parametrize("name", SMALL)
def test_small_sets_equal_those_of_scikit_learn(name: str) -> None:
    from sklearn import datasets

    options = {"scaled": False} if name == "diabetes" else {}
    bunch = getattr(datasets, f"load_{name}")(**options)
    table, test = load_dataset(name)
    assert test is None
    np.testing.assert_array_equal(table.array, bunch.data)
    assert list(table.feature_names) == list(bunch.feature_names)
    expected = bunch.target
    if name not in {"digits", "diabetes"}:
        expected = np.asarray(bunch.target_names)[bunch.target]
    np.testing.assert_array_equal(table.target_array(), expected)


@pytest.mark.parametrize("name", SMALL)
def test_small_sets_fall_back_on_the_loaders(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _ = load_dataset(name)

    def moved(file: str) -> str:
        raise FileNotFoundError(file)

    monkeypatch.setattr(bundled, "_text", moved)
    table, _ = load_dataset(name)
    assert table.hash() == expected.hash()


@pytest.mark.parametrize("name", DATASETS)
def test_the_registry_tells_the_truth(name: str) -> None:
    train, test = load_dataset(name)
    known = DATASETS[name]
    assert known.rows == len(train) + (0 if test is None else len(test))
    assert known.features == train.width
    assert all([known.source, known.licence, known.description])


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ArgumentError, match="Did you mean 'iris'"):
        load_dataset("irsi")


def test_reading_iris_imports_neither_scikit_learn_nor_jax_nor_polars() -> None:
    code = (
        "import sys; from thalweg.data.read import read; from thalweg.data.encode import Encoder;"
        "from thalweg.data.split import split, shared_rows; train, test = split(read('iris'), 0.2);"
        "e = Encoder.fit(train); e.features(test); e.targets(test); shared_rows(train, test);"
        "print([m for m in ('sklearn', 'jax', 'polars', 'pandas', 'narwhals', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
