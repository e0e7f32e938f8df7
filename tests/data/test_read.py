"""Every format leads to the same table."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from thalweg.core.errors import ArgumentError, DataWarning
from thalweg.data.read import FORMATS, detect, read

RNG = np.random.default_rng(1)
FRAME = pl.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, None], "c": ["x", None, "z"], "target": ["u", "v", "u"]})


def write_idx(path: Path, array: np.ndarray, code: int = 0x08) -> Path:
    raw = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    raw += array.astype(array.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def write_images(folder: Path, count: int = 3, size: tuple[int, ...] = (5, 4)) -> None:
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            Image.fromarray(RNG.integers(0, 256, size).astype(np.uint8)).save(folder / name / f"{i}.png")


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz", ".parquet", ".arrow", ".feather", ".ipc"])
def test_tables_read_alike_from_every_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data{suffix}"
    if suffix in {".csv", ".tsv"}:
        FRAME.write_csv(path, separator="\t" if suffix == ".tsv" else ",")
    elif suffix == ".csv.gz":
        path.write_bytes(gzip.compress(FRAME.write_csv().encode()))
    elif suffix == ".parquet":
        FRAME.write_parquet(path)
    else:
        FRAME.write_ipc(path)
    table = read(path)
    assert table.frame.equals(FRAME.drop("target"))
    assert table.target_array().tolist() == ["u", "v", "u"]
    assert (table.target_name, table.feature_names) == ("target", ("a", "b", "c"))


def test_arrow_streams(tmp_path: Path) -> None:
    FRAME.write_ipc_stream(tmp_path / "data.arrows")
    assert read(tmp_path / "data.arrows").frame.equals(FRAME.drop("target"))


def test_the_content_decides_about_the_format(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    FRAME.write_parquet(path)
    assert detect(path) == "parquet"
    assert len(read(str(path))) == 3


def test_the_target_may_have_any_name_and_may_be_absent(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    FRAME.write_csv(path)
    assert read(path, target="a").feature_names == ("b", "c", "target")
    assert read(path, need_target=False).target is None
    assert read(path, need_target=False).width == 4
    assert read(path, target="target", need_target=False).target_name == "target"
    assert read(path, target="gone", need_target=False).target is None


@pytest.mark.parametrize(
    "text",
    [
        "a;b;target\n1,5;2;u\n2,5;3;v\n",
        "a, b, target\n1.5, 2, u\n2.5, 3, v\n",
        "\ufeffa|b|target\r\n1.5|2|u\r\n2.5|3|v\r\n",
    ],
)
def test_text_as_spreadsheets_write_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "data.csv"
    path.write_text(text, encoding="utf-8")
    table = read(path)
    assert table.frame.to_dict(as_series=False) == {"a": [1.5, 2.5], "b": [2, 3]}
    assert table.target_array().tolist() == ["u", "v"]


def test_text_that_is_not_utf_8_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes("town,target\nKöln,u\nMünchen,v\n".encode("latin-1"))
    with pytest.raises(ValueError, match="Save it in UTF-8"):
        read(path)


def test_text_marks_missing_values(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,b,target\n1,x,0\nNA,?,1\n,,1\nnan,y,0\n")
    table = read(path)
    assert table.frame["a"].to_list()[:3] == [1, None, None]
    assert table.frame["b"].to_list() == ["x", None, None, "y"]


def test_text_without_header(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("1,2,0\n3,4,1\n")
    with pytest.warns(DataWarning, match="no header line"):
        table = read(path, target="x2")
    assert (len(table), table.feature_names) == (2, ("x0", "x1"))


def test_quoted_cells_may_hold_separators_and_line_breaks(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text('a,target\n"x, y",1\n"two\nlines",2\n')
    assert read(path).frame["a"].to_list() == ["x, y", "two\nlines"]


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ("x", "y"),
        ("X", "y"),
        ("images", "labels"),
        ("data", "target"),
        ("x_train", "y_train"),
        ("train_images", "train_labels"),
    ],
)
def test_npz_under_its_usual_keys(tmp_path: Path, x: str, y: str) -> None:
    images, labels = RNG.integers(0, 256, (6, 3, 3)).astype(np.uint8), np.arange(6) % 2
    np.savez(tmp_path / "d.npz", **{x: images, y: labels})
    table = read(tmp_path / "d.npz")
    np.testing.assert_array_equal(table.array, images.reshape(6, 9))
    assert (table.example_shape, table.array.dtype) == ((3, 3), np.uint8)
    assert table.target_array().tolist() == labels.tolist()


def test_npz_with_official_test_set_and_names(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "d.npz",
        x_train=np.ones((4, 2)),
        y_train=np.arange(4),
        x_test=np.zeros((2, 2)),
        y_test=np.arange(2),
        feature_names=np.array(["p", "q"]),
    )
    table = read(tmp_path / "d.npz")
    assert table.is_test is not None
    assert table.is_test.tolist() == [False] * 4 + [True] * 2
    assert table.feature_names == ("p", "q")


def test_npz_with_a_named_target(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", spectra=np.ones((4, 2)), purity=np.arange(4.0))
    assert read(tmp_path / "d.npz", target="purity").target_array().tolist() == [0, 1, 2, 3]


def test_npy_with_targets_beside_it_or_in_a_column(tmp_path: Path) -> None:
    x = RNG.normal(size=(5, 3))
    np.save(tmp_path / "X_train.npy", x)
    np.save(tmp_path / "y_train.npy", np.arange(5))
    np.save(tmp_path / "other.npy", np.arange(5) * 2)
    assert read(tmp_path / "X_train.npy").target_array().tolist() == [0, 1, 2, 3, 4]
    assert read(tmp_path / "X_train.npy", target="other.npy").target_array().tolist() == [0, 2, 4, 6, 8]
    for column, index in (("-1", 2), ("0", 0), ("x1", 1)):
        table = read(tmp_path / "X_train.npy", target=column)
        np.testing.assert_array_equal(table.target_array(), x[:, index])
        np.testing.assert_array_equal(table.array, np.delete(x, index, axis=1))
        assert table.target_name == f"x{index}"


def test_large_npy_files_stay_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thalweg.data.readers.arrays.MAP_BYTES", 100)
    np.save(tmp_path / "x.npy", RNG.normal(size=(50, 3)))
    np.save(tmp_path / "y.npy", np.arange(50))
    assert read(tmp_path / "x.npy").is_mapped
    assert read(tmp_path / "x.npy", target="-1").is_mapped
    assert read((np.load(tmp_path / "x.npy", mmap_mode="r"), np.arange(50))).is_mapped


@pytest.mark.parametrize("end", ["", ".gz"])
def test_idx_files_find_their_labels(tmp_path: Path, end: str) -> None:
    images = RNG.integers(0, 256, (7, 4, 4)).astype(np.uint8)
    path = write_idx(tmp_path / f"train-images-idx3-ubyte{end}", images)
    write_idx(tmp_path / f"train-labels-idx1-ubyte{end}", np.arange(7, dtype=np.uint8))
    table = read(path)
    np.testing.assert_array_equal(table.array, images.reshape(7, 16))
    assert table.target_array().tolist() == list(range(7))
    assert table.example_shape == (4, 4)
    write_idx(tmp_path / f"t10k-images-idx3-ubyte{end}", images[:2])
    write_idx(tmp_path / f"t10k-labels-idx1-ubyte{end}", np.arange(2, dtype=np.uint8))
    both = read(tmp_path)
    assert both.is_test is not None
    assert (len(both), both.is_test.sum()) == (9, 2)


@pytest.mark.parametrize(
    ("code", "dtype"), [(0x09, np.int8), (0x0B, np.int16), (0x0C, np.int32), (0x0D, np.float32), (0x0E, np.float64)]
)
def test_idx_of_every_number_type(tmp_path: Path, code: int, dtype: type) -> None:
    values = (RNG.normal(size=(3, 2)) * 50).astype(dtype)
    table = read(write_idx(tmp_path / "v.idx", values, code), need_target=False)
    np.testing.assert_array_equal(table.array, values)
    assert table.array.dtype == values.dtype


def test_a_folder_of_images(tmp_path: Path) -> None:
    write_images(tmp_path)
    table = read(tmp_path)
    assert (len(table), table.example_shape, table.array.dtype) == (6, (5, 4), np.uint8)
    assert table.target_array().tolist() == ["cat"] * 3 + ["dog"] * 3
    np.testing.assert_array_equal(table.array[4], np.asarray(Image.open(tmp_path / "dog" / "1.png")).ravel())


def test_color_images_and_one_that_is_grey(tmp_path: Path) -> None:
    write_images(tmp_path, size=(5, 4, 3))
    grey = RNG.integers(0, 256, (5, 4)).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "cat" / "9.png")
    table = read(tmp_path)
    assert table.example_shape == (5, 4, 3)
    np.testing.assert_array_equal(table.array[3].reshape(5, 4, 3)[:, :, 1], grey)


def test_folders_called_train_and_test(tmp_path: Path) -> None:
    write_images(tmp_path / "train")
    write_images(tmp_path / "test", count=1)
    table = read(tmp_path)
    assert table.is_test is not None
    assert (len(table), table.is_test.sum()) == (8, 2)


def test_images_to_predict_need_no_classes(tmp_path: Path) -> None:
    for name in "ba":
        Image.fromarray(np.full((2, 2), ord(name), np.uint8)).save(tmp_path / f"{name}.png")
    table = read(tmp_path, need_target=False)
    assert table.array[:, 0].tolist() == [97, 98]


def test_arrays_lists_and_frames_from_python() -> None:
    assert read(([[1, 2], [3, 4]], [0, 1])).array.tolist() == [[1, 2], [3, 4]]
    assert read((FRAME.drop("target"), FRAME["target"])).target_array().tolist() == ["u", "v", "u"]
    assert read((FRAME.drop("target"), [1, 2, 3])).target_array().tolist() == [1, 2, 3]
    assert read(FRAME.lazy(), target="a").target_name == "a"
    assert read((np.arange(3.0), np.arange(3))).array.shape == (3, 1)
    assert read((np.arange(6.0).reshape(3, 2), np.arange(3.0)[:, None])).target_array().shape == (3,)
    table = read("iris")
    assert read(table) is table


def test_pandas_frames() -> None:
    import pandas as pd

    table = read(pd.DataFrame({"a": [1, 2], "b": ["x", None], "y": [0.5, 1.5]}))
    assert table.frame.to_dict(as_series=False) == {"a": [1, 2], "b": ["x", None]}
    assert table.target_array().tolist() == [0.5, 1.5]


def test_the_official_test_column_is_no_feature() -> None:
    table = read(FRAME.with_columns(is_test=pl.Series([False, True, None])))
    assert table.feature_names == ("a", "b", "c")
    assert table.is_test is not None
    assert table.is_test.tolist() == [False, True, False]


def test_a_bundled_name_reads_both_parts() -> None:
    table = read("mnist")
    assert table.is_test is not None
    assert (len(table), table.is_test.sum()) == (70000, 10000)
    assert read("iris", target="species").target_name == "species"
    with pytest.raises(ArgumentError, match="'species'"):
        read("iris", target="sepal length (cm)")


def test_every_format_is_documented_by_its_suffixes() -> None:
    suffixes = [suffix for known in FORMATS.values() for suffix in known.suffixes]
    assert len(suffixes) == len(set(suffixes))
