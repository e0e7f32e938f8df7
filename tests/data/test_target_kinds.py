"""Targets by kind: what each is checked for, and that encoding goes back."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from thalweg.core.errors import ArgumentError, DataError, DataWarning
from thalweg.data.encode import Encoder
from thalweg.data.kinds import guess_kind
from thalweg.data.read import read
from thalweg.data.table import Table
from thalweg.data.targets import Targets

X = np.arange(6.0)[:, None]


def table(y: object, name: str | None = None) -> Table:
    target = y if isinstance(y, pl.Series) else np.asarray(y)
    return Table("t.csv", X[: len(target)], target, ("x",), name)


def again(targets: Targets) -> Targets:
    return Targets.from_dict(json.loads(json.dumps(targets.to_dict())))


def test_counts_stay_as_they_are() -> None:
    y = [0, 3, 1, 12, 5, 2]
    targets = again(Targets.fit(table(y, "n"), kind="counts"))
    assert (targets.task, targets.names) == ("regression", ("n",))
    np.testing.assert_array_equal(targets.transform(table(y)), np.array(y, np.float32)[:, None])
    np.testing.assert_array_equal(targets.unscale(np.array([[3.5]])), [[3.5]])


@pytest.mark.parametrize(("y", "value"), [([0, -2, 1], "-2"), ([0.0, 1.5, 2.0], "1.5")])
def test_what_is_no_count_is_named(y: list[float], value: str) -> None:
    message = rf"t\.csv: target 'n': row 2 holds {value}.*whole numbers from 0 on"
    with pytest.raises(DataError, match=message):
        Targets.fit(table(y, "n"), kind="counts")
    with pytest.raises(DataError, match=message):
        Targets.fit(table([1, 2, 4]), kind="counts").transform(table(y, "n"))


@pytest.mark.parametrize(
    "y",
    [
        [[0, 1], [1, 1], [0, 0]],
        [[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]],
        [[False, True], [True, True], [False, False]],
        [["false", "true"], ["True", "TRUE"], ["0", "0.0"]],
    ],
)
def test_labels_are_zeros_and_ones_of_any_spelling(y: list[list[object]]) -> None:
    targets = again(Targets.fit(table(y, "sun, sea")))
    assert (targets.kind, targets.task, targets.names) == ("labels", "multilabel", ("sun", "sea"))
    assert targets.transform(table(y)).tolist() == [[0, 1], [1, 1], [0, 0]]


def test_what_is_no_label_is_named() -> None:
    with pytest.raises(DataError, match=r"row 3, label 'sea': expected 0 or 1, or true or false, got 2"):
        Targets.fit(table([[0, 1], [1, 1], [0, 2]], "sun,sea"), kind="labels")
    with pytest.warns(DataWarning, match="label 'sea' is 1 in all 2 rows"):
        Targets.fit(table([[0, 1], [1, 1]], "sun,sea"), kind="labels")


def test_one_hot_columns_with_names_are_classes_of_these_names() -> None:
    y = np.eye(3)[[0, 2, 1, 1, 0, 2]]
    targets = again(Targets.fit(table(y, "ash,birch,cedar")))
    assert targets.classes == ("ash", "birch", "cedar")
    assert targets.labels(targets.transform(table(y, "ash,birch,cedar"))).tolist()[:2] == ["ash", "cedar"]


def test_ordered_numbers_ascend_and_so_does_text_that_spells_numbers() -> None:
    assert Targets.fit(table([10, 9, 2, 9, 10, 2]), kind="ordered").classes == (2, 9, 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Targets.fit(table(["10", "9", "2", "9"]), kind="ordered").classes == ("2", "9", "10")


def test_the_order_of_words_is_given_or_warned_of() -> None:
    y = ["low", "high", "middle", "low", "low", "high"]
    with pytest.warns(DataWarning, match="that of their letters: high < low < middle. Give another with --classes"):
        assert Targets.fit(table(y), kind="ordered").classes == ("high", "low", "middle")
    targets = again(Targets.fit(table(y), kind="ordered", classes=("low", "middle", "high", "top")))
    assert targets.classes == ("low", "middle", "high", "top")
    assert targets.transform(table(y)).tolist() == [0, 2, 1, 0, 0, 2]
    with pytest.raises(DataError, match=r"unseen in training: 'tiny'"):
        targets.transform(table(["low", "tiny"]))


def test_the_order_of_an_enumeration_is_its_own() -> None:
    grades = pl.Enum(["low", "middle", "high"])
    y = pl.Series(["high", "low", "middle", "low"], dtype=grades)
    assert Targets.fit(table(y), kind="ordered").classes == ("low", "middle", "high")


def test_given_classes_keep_the_type_of_the_data() -> None:
    targets = Targets.fit(table([1, 3, 1, 3]), classes=("3", "2", "1"))
    assert (targets.kind, targets.classes) == ("classes", (3, 2.0, 1))
    with pytest.raises(DataError, match=r"row 3 holds 'hihg', which is not among .*low, high. Did you mean 'high'"):
        Targets.fit(table(["low", "high", "hihg"]), classes=("low", "high"))
    with pytest.raises(ArgumentError, match="classes: expected a target of classes beside it, not counts"):
        Targets.fit(table([1, 3, 1, 3]), kind="counts", classes=("1", "3"))


def test_models_of_schema_1_had_a_task() -> None:
    old = {"task": "regression", "classes": None, "mean": [1.0], "scale": [2.0]}
    targets = Targets.from_dict(old, "price")
    assert (targets.kind, targets.names) == ("numbers", ("price",))
    assert (
        Targets.from_dict({"task": "classification", "classes": ["a", "b"], "mean": [0], "scale": [1]}).kind
        == "classes"
    )


def test_several_columns_of_numbers_are_standardized_one_by_one() -> None:
    y = np.array([[1.0, 200.0], [2.0, 150.0], [4.0, 900.0]])
    targets = Targets.fit(table(y, "a,b"))
    assert (guess_kind(y), targets.names) == ("numbers", ("a", "b"))
    np.testing.assert_allclose(targets.scale, y.std(axis=0))
    with pytest.raises(DataError, match="expected 2 numbers a row, got 1"):
        targets.transform(table(y[:, 0]))


FRAME = pl.DataFrame({"x": [1.0, 2.0, 5.0], "a": [1.5, 2.0, 9.0], "b": [True, False, True], "size, cm": [3, 4, 5]})


def test_several_targets_by_name() -> None:
    several = read(FRAME, target="a, b")
    assert several.feature_names == ("x", "size, cm")
    np.testing.assert_array_equal(several.target_array(), [[1.5, 1], [2, 0], [9, 1]])
    assert read(FRAME, target="size, cm").feature_names == ("x", "a", "b")
    with pytest.raises(ArgumentError, match=r"target: expected a column of data.*got 'c'"):
        read(FRAME, target="a,c")
    with pytest.raises(ArgumentError, match="target: expected different columns"):
        read(FRAME, target="a,a")
    encoder = Encoder.fit(several)
    assert encoder.target_names == ("a", "b")
    # Rows to predict may hold all, some or none of the target columns.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for columns in (FRAME, FRAME.drop("a"), FRAME.drop("a", "b")):
            rows = read(columns, target="a,b", need_target=False)
            np.testing.assert_array_equal(encoder.features(rows), encoder.features(several))


def test_names_of_targets_in_arrays_and_frames() -> None:
    y = FRAME.select("a", "b")
    for frame in (y, pd.DataFrame(y.to_dict(as_series=False))):
        assert Encoder.fit(read((np.arange(3.0), frame))).target_names == ("a", "b")
    assert Encoder.fit(read((np.arange(3.0), y.to_numpy()))).target_names == ("y1", "y2")


def test_several_targets_of_numpy_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    all_columns = rng.normal(size=(5, 4))
    np.save(tmp_path / "all.npy", all_columns)
    several = read(tmp_path / "all.npy", target="-1,x2")
    assert (several.feature_names, several.target_name) == (("x0", "x1"), "x3,x2")
    np.testing.assert_array_equal(several.target_array(), all_columns[:, [3, 2]])
    np.savez(tmp_path / "named.npz", x=all_columns, y=all_columns[:, :2] > 0, target_names=["sun", "sea"])
    assert Targets.fit(read(tmp_path / "named.npz"), kind="labels").names == ("sun", "sea")
    assert read(tmp_path / "named.npz", target="sun,sea", need_target=False).width == 4
