"""Each kind of bad input gets one clear line that names the place and the cure."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from thalweg.core.errors import ArgumentError, DataError, DataWarning, StorageError, ThalwegError
from thalweg.data.bundled import load_dataset
from thalweg.data.encode import Encoder
from thalweg.data.read import read
from thalweg.data.split import split

RNG = np.random.default_rng(3)


def frame(n: int = 30) -> pl.DataFrame:
    return pl.DataFrame({"age": RNG.normal(40, 9, n), "income": RNG.normal(3, 1, n), "target": np.arange(n) % 2})


def refuses(error: type[ThalwegError], pattern: str):
    """The error is raised, in one line of bearable length."""
    return pytest.raises(error, match=rf"\A(?=.{{1,600}}\Z)[^\n]*{pattern}[^\n]*\Z")


def test_a_missing_file_suggests_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("a,target\n1,2\n")
    with refuses(StorageError, r"no such file or folder\. Did you mean 'people\.csv'\?"):
        read(tmp_path / "poeple.csv")
    with refuses(StorageError, "Did you mean 'mnist'"):
        read("mnits")
    with refuses(StorageError, "Bundled names: mnist, iris"):
        read("zzzzqqqq")


def test_an_unknown_column_suggests_the_nearest() -> None:
    with refuses(ArgumentError, r"target: expected a column of data: .*got 'incom'\. Did you mean 'income'\?"):
        read(frame(), target="incom")
    with refuses(ArgumentError, r"target: expected the name of a column.*Columns: 'age', 'income'"):
        read(frame().drop("target"))


@pytest.mark.parametrize("name", ["data.docx", "data", "data.json"])
def test_an_unknown_format(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    with refuses(DataError, r"unknown format; expected one of .*\.parquet"):
        read(tmp_path / name)


def test_a_file_that_is_not_what_its_suffix_says(tmp_path: Path) -> None:
    for name in ("d.parquet", "d.npz", "d.npy", "d.arrow"):
        (tmp_path / name).write_text("hello, world")
        with refuses(DataError, "not an? .* file: it starts with b'hello, w'"):
            read(tmp_path / name)
    (tmp_path / "d.xlsx").write_bytes(b"PK\x03\x04 rest")
    with refuses(DataError, "Save the sheet as CSV"):
        read(tmp_path / "d.xlsx")


def cut(path: Path, share: float = 0.6) -> Path:
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])
    return path


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".arrows", ".npz", ".npy", ".csv.gz"])
def test_truncated_files(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"x{suffix}"
    table = frame(500)
    if suffix == ".parquet":
        table.write_parquet(path)
    elif suffix == ".arrow":
        table.write_ipc(path)
    elif suffix == ".arrows":
        table.write_ipc_stream(path)
    elif suffix == ".csv.gz":
        path.write_bytes(gzip.compress(table.write_csv().encode()))
    elif suffix == ".npz":
        np.savez(path, x=table.select("age", "income").to_numpy(), y=table["target"].to_numpy())
    else:
        np.save(path, table.to_numpy())
    with refuses(DataError, "(truncated|damaged)"):
        read(cut(path, share), target="-1" if suffix == ".npy" else None)


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_damaged_bytes_in_the_middle(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    (frame(500).write_parquet if suffix == ".parquet" else frame(500).write_ipc)(path)
    raw = bytearray(path.read_bytes())
    raw[-300:-8] = bytes(292)
    path.write_bytes(raw)
    with refuses(DataError, "damaged"):
        read(path)


@pytest.mark.parametrize("share", [0.0005, 0.001, 0.5, 0.999])
@pytest.mark.parametrize("end", ["", ".gz"])
def test_truncated_idx(tmp_path: Path, end: str, share: float) -> None:
    raw = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (10, 28, 28)) + bytes(7840)
    path = tmp_path / f"images-idx3-ubyte{end}"
    path.write_bytes(gzip.compress(raw, mtime=0) if end else raw)
    cut(path, share if not end else max(share, 0.4))
    with refuses(DataError, "(truncated|not an idx file)"):
        read(path)


def test_idx_labels_missing_or_of_another_length(tmp_path: Path) -> None:
    raw = b"\0\0\x08\x02" + (3).to_bytes(4, "big") + (2).to_bytes(4, "big") + bytes(6)
    (tmp_path / "images-idx2-ubyte").write_bytes(raw)
    with refuses(DataError, "no labels file found"):
        read(tmp_path / "images-idx2-ubyte")
    (tmp_path / "labels").write_bytes(b"\0\0\x08\x01" + (2).to_bytes(4, "big") + bytes(2))
    with refuses(DataError, "3 examples, but labels holds 2"):
        read(tmp_path / "images-idx2-ubyte", target=str(tmp_path / "labels"))
    with refuses(DataError, "holds 2 labels and no examples"):
        read(_renamed(tmp_path / "labels", "labels-idx1-ubyte"))


def _renamed(path: Path, name: str) -> Path:
    return path.rename(path.with_name(name))


def test_a_truncated_csv(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("a,b,target\n1,2,3\n4,5")
    with refuses(DataError, "the last line has 2 of 3 cells, the file looks truncated"):
        read(path)


def test_csv_with_too_many_cells_or_doubled_names(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("a,target\n1,2\n1,2,3,4\n5,6\n")
    with refuses(DataError, "not a table of text separated by ','"):
        read(path)
    path.write_text("a,a,target\n1,2,3\n")
    with refuses(DataError, "several columns are called 'a'"):
        read(path)


@pytest.mark.parametrize("text", ["", "\n\n", "a,b,target\n"])
def test_an_empty_table(tmp_path: Path, text: str) -> None:
    (tmp_path / "d.csv").write_text(text)
    with refuses(DataError, "empty"):
        read(tmp_path / "d.csv")


def test_empty_arrays_and_frames() -> None:
    with refuses(DataError, "the table is empty"):
        read((np.zeros((0, 3)), np.zeros(0)))
    with refuses(DataError, "the table is empty"):
        read(frame().head(0))
    with refuses(DataError, "no feature column is left"):
        read(frame().select("target"))


def test_lengths_must_agree() -> None:
    with refuses(ArgumentError, "y: expected 3 targets, one for each row of x, got 2"):
        read((np.zeros((3, 1)), [1, 2]))
    with refuses(ArgumentError, "y: expected 30 targets, one for each row, got 2"):
        read((frame(), [1, 2]))


def test_one_class_only() -> None:
    with refuses(DataError, "at least two classes, got only 'a' in all 5 rows"):
        Encoder.fit(read((np.arange(5), ["a"] * 5)))


def test_a_constant_target_is_warned_of_and_kept() -> None:
    table = read((np.arange(30), np.full(30, 3.5)))
    with pytest.warns(DataWarning, match=r"all 30 rows hold 3\.5: nothing but that can be learned"):
        encoder = Encoder.fit(table)
    y = encoder.targets(table)
    assert not y.any()
    assert (encoder.unscale_targets(y) == 3.5).all()


@pytest.mark.parametrize(
    "y", [[1.0, None, 2.5, float("nan")], ["a", None, "b", None], np.array([0.5, np.nan, 1.5, np.nan])]
)
def test_a_target_with_missing_values(y: list[object]) -> None:
    series = pl.Series("target", y, strict=False) if isinstance(y, list) else y
    for target in (series, np.array(y)):
        table = read((np.arange(4.0), target))
        with refuses(DataError, "target: 2 of 4 rows have no value, first row 2"):
            Encoder.fit(table)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, 1e31, -1e200])
@pytest.mark.parametrize("form", ["frame", "array", "float32"])
def test_infinite_and_absurd_values(bad: float, form: str) -> None:
    table = frame(3000).with_columns(target=pl.lit(pl.Series(np.arange(3000) % 2)))
    values = table["income"].to_numpy().copy()
    values[2345] = bad
    table = table.with_columns(income=pl.Series(values))
    x = table.select("age", "income").to_numpy()
    with np.errstate(over="ignore"):
        data = {"frame": table, "array": (x, table["target"]), "float32": (x.astype(np.float32), table["target"])}[form]
    column = "income" if form == "frame" else "x1"
    with refuses(DataError, f"column '{column}', row 2346 holds -?(inf|1e|9|1.0).*; expected numbers within"):
        Encoder.fit(read(data))
    good = Encoder.fit(
        read(frame() if form == "frame" else (frame().select("age", "income").to_numpy(), frame()["target"]))
    )
    with refuses(DataError, f"column '{column}', row 2346 holds"):
        good.features(read(data))
    with refuses(DataError, "target: row 2346 holds"):
        Encoder.fit(read((x[:, :1], values)))


def test_text_where_numbers_are_needed(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    rows = [f"{i},{i * 1.5},{i % 2}" for i in range(40)]
    rows[16] = "sixteen,24,0"
    path.write_text("\n".join(["age,income,target", *rows]))
    with refuses(DataError, "column 'age', row 17: expected a number, got 'sixteen'"):
        Encoder.fit(read(path))
    rows[16], rows[20] = "16,24,0", "20,30,lots"
    path.write_text("\n".join(["age,income,target", *[re.sub(r",(\d)$", rf",{i}.\1", r) for i, r in enumerate(rows)]]))
    with refuses(DataError, "row 21: expected a number, got 'lots'"):
        Encoder.fit(read(path))
    with refuses(DataError, "row 1: expected a number, got 'a'"):
        Encoder.fit(read((np.arange(4), ["a", "b", "a", "b"])), kind="numbers")


def test_text_in_a_column_of_numbers_when_predicting() -> None:
    encoder = Encoder.fit(read(frame()))
    odd = frame().with_columns(age=pl.Series(["old"] * 30))
    with refuses(DataError, r"column 'age', row 1: expected a number, got 'old' \(30 such cells\)"):
        encoder.features(read(odd))


def test_codes_with_letters_are_categories_and_no_slips() -> None:
    codes = pl.Series([str(i % 8) for i in range(99)] + ["A"])
    encoder = Encoder.fit(read(pl.DataFrame({"code": codes, "target": np.arange(100) % 2})))
    assert len(encoder.levels[0].levels) == 9


def test_labels_unseen_in_training() -> None:
    encoder = Encoder.fit(read((np.arange(6), ["a", "b"] * 3)))
    with refuses(DataError, "labels unseen in training: 'c' in 2 rows, first in row 2; expected 'a', 'b'"):
        encoder.targets(read((np.arange(4), ["a", "c", "b", "c"])))
    digits = Encoder.fit(read((np.arange(6), [0, 1] * 3)))
    with refuses(DataError, "labels unseen in training: -1, 7 in 2 rows"):
        digits.targets(read((np.arange(3), [0, 7, -1])))


def test_missing_columns_name_the_nearest() -> None:
    encoder = Encoder.fit(read(frame()))
    with refuses(DataError, "expected the 2 columns of training, 1 are missing: 'income'"):
        encoder.features(read(frame().drop("income")))
    iris = Encoder.fit(load_dataset("iris")[0])
    with refuses(DataError, "4 are missing"):
        iris.features(read((np.zeros((2, 7)), None), need_target=False))


def test_unclear_npz_keys_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", spectra=np.ones((4, 2)), purity=np.ones(4))
    with refuses(DataError, r"found spectra \(4, 2\), purity \(4,\)"):
        read(tmp_path / "d.npz")
    with refuses(ArgumentError, "got 'puriti'. Did you mean 'purity'"):
        read(tmp_path / "d.npz", target="puriti")


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{"a": 1}]), allow_pickle=True)
    np.savez(tmp_path / "x.npz", x=np.array([{"a": 1}]), y=np.ones(1))
    for name in ("x.npy", "x.npz"):
        with refuses(DataError, "holds Python objects, which are not read because that can run code"):
            read(tmp_path / name, target="-1" if name == "x.npy" else None)


def test_arrays_of_text_and_nested_columns() -> None:
    with refuses(ArgumentError, "x: expected an array of numbers"):
        read((np.array([["a"], ["b"]]), [0, 1]))
    nested = pl.DataFrame({"a": [[1], [2]], "target": [0, 1]})
    with refuses(DataError, "column 'a' holds List"):
        Encoder.fit(read(nested))


def test_bad_folders_of_images(tmp_path: Path) -> None:
    with refuses(DataError, "found no images"):
        read(tmp_path)
    for name, size in (("a", 4), ("b", 4), ("c", 5)):
        (tmp_path / name).mkdir()
        Image.fromarray(np.zeros((size, size), np.uint8)).save(tmp_path / name / "1.png")
    with refuses(DataError, r"images differ in size: 2 are 4 × 4, 1 are not, first c/1\.png \(5 × 5\)"):
        read(tmp_path)
    (tmp_path / "c" / "1.png").write_bytes((tmp_path / "a" / "1.png").read_bytes()[:40])
    with refuses(DataError, r"1\.png: the image is truncated or damaged"):
        read(tmp_path)


def test_images_without_classes(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "1.png")
    with refuses(DataError, "1 images without classes"):
        read(tmp_path)


def test_a_table_without_target_cannot_be_fitted() -> None:
    with refuses(ArgumentError, "target: expected the name of a column"):
        Encoder.fit(read(frame(), need_target=False))
    with refuses(ArgumentError, "data: expected"):
        read(np.zeros((3, 2)))


def test_a_split_needs_known_targets_to_stratify() -> None:
    with refuses(DataError, "1 of 4 rows have no value, first row 3"):
        split(read((np.arange(4), pl.Series(["a", "b", None, "a"]))), 0.5)


def test_empty_idx_and_single_numbers_and_huge_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "train-images-idx3-ubyte"
    empty.write_bytes(bytes([0, 0, 8, 3]) + np.array([0, 28, 28], ">u4").tobytes())
    with refuses(DataError, r"the idx file is empty \(shape \(0, 28, 28\)\)"):
        read(empty, need_target=False)
    empty.write_bytes(bytes([0, 0, 8, 200]) + bytes(800))
    with refuses(DataError, "promises 200 dimensions"):
        read(empty, need_target=False)
    np.save(tmp_path / "one.npy", np.array(3.0))
    np.save(tmp_path / "none.npy", np.empty((0, 3)))
    for target in ("-1", "x0", None):
        with refuses(DataError, "one single number"):
            read(tmp_path / "one.npy", target=target, need_target=False)
        with refuses(DataError, "the table is empty"):
            read(tmp_path / "none.npy", target=target, need_target=False)
    for name in ("a", "b"):
        (tmp_path / "images" / name).mkdir(parents=True)
        Image.new("L", (20, 20)).save(tmp_path / "images" / name / "1.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with refuses(DataError, "too many pixels"):
        read(tmp_path / "images")
