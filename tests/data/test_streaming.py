"""Tables larger than memory: what streams is what reading at once gives, whatever interrupts it."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from thalweg.core.errors import ArgumentError, DataError, DataWarning, StorageError
from thalweg.data.encode import Encoder
from thalweg.data.layout import Layout
from thalweg.data.read import read
from thalweg.data.streaming import parquet_pieces, records, survey, text_pieces
from thalweg.data.streaming.packing import Packing
from thalweg.data.streaming.pieces import Source, open_source
from thalweg.data.streaming.sampling import Sample, Split, draws
from thalweg.data.streaming.stream import Streamed, stream_table
from thalweg.data.table import Table

ROWS = 900


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a few kilobytes come in many pieces and go to many buckets."""
    monkeypatch.setattr(text_pieces, "PIECE_BYTES", 4096)
    monkeypatch.setattr(parquet_pieces, "PIECE_CELLS", 600)
    monkeypatch.setattr(records, "BUCKET_BYTES", 2048)
    monkeypatch.setattr(records, "ENCODED_CELLS", 500)


def frame(rows: int = ROWS) -> pl.DataFrame:
    """Return rows in a sorted order, with text, dates, gaps and a number for each row."""
    rng = np.random.default_rng(0)
    number = np.arange(rows)
    return pl.DataFrame(
        {
            "id": number,
            "size": np.where(rng.random(rows) < 0.1, np.nan, np.round(rng.normal(size=rows), 3)),
            "color": rng.choice(["red", "green", 'bl"ue', "gray, dark"], rows),
            "day": pl.date_range(pl.date(2020, 1, 1), pl.date(2030, 1, 1), eager=True).head(rows),
            "flag": rng.random(rows) < 0.5,
            "y": np.round(number / rows + rng.normal(0, 0.1, rows), 4),
        }
    ).with_columns(pl.col("size").fill_nan(None))


def write(kind: str, folder: Path, data: pl.DataFrame) -> str:
    """Write a frame in one of the forms that can be streamed; return what a user would call it."""
    folder.mkdir(exist_ok=True)
    half = len(data) // 2
    if kind == "csv":
        data.write_csv(folder / "t.csv")
    elif kind == "csv.gz":
        (folder / "t.csv.gz").write_bytes(gzip.compress(data.write_csv().encode()))
    elif kind == "parquet":
        data.write_parquet(folder / "t.parquet")
    elif kind == "folder":
        (folder / "t").mkdir()
        data[:half].write_parquet(folder / "t" / "a.parquet")
        data[half:].write_parquet(folder / "t" / "b.parquet", row_group_size=100)
        return str(folder / "t")
    else:
        data[:half].write_csv(folder / "part-1.csv")
        data[half:].write_csv(folder / "part-2.csv")
        return str(folder / "part-*.csv")
    return str(folder / f"t.{kind}")


def opened(name: str | Path) -> Source:
    source = open_source(name)
    assert source is not None
    return source


def streamed(name: str | Path, split: Split | None = None, **options: Any) -> Streamed:
    fit = options.pop("fit", Encoder.fit)
    options.setdefault("key", {})
    return stream_table(opened(name), options.pop("target", "y"), split or Split(0.0), fit, **options)


def encoded(table: Table | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows on disk, unpacked, in the order of the first column."""
    assert table is not None
    assert table.whole is not None
    x = table.whole.packing.unpack(np.asarray(table.whole.x))
    order = np.argsort(x[:, 0], kind="stable")
    return x[order], np.asarray(table.whole.y)[order]


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet", "folder", "pattern"])
def test_streamed_rows_are_those_of_memory(kind: str, tmp_path: Path) -> None:
    data = frame()
    found = streamed(write(kind, tmp_path, data))
    data.write_csv(tmp_path / "whole.csv")
    table = read(tmp_path / "whole.csv", target="y")
    encoder = Encoder.fit(table)
    x, y = encoded(found.train)
    np.testing.assert_array_equal(x, encoder.features(table))
    np.testing.assert_array_equal(y, encoder.targets(table))
    assert found.train.whole is not None
    assert found.train.whole.encoder.to_dict() == encoder.to_dict()
    assert found.train.total == ROWS
    assert not list(found.folder.glob("*.bucket"))


def test_rows_are_shuffled_whatever_their_order(tmp_path: Path) -> None:
    table = streamed(write("csv", tmp_path, frame())).train
    assert table.whole is not None
    position = table.whole.packing.unpack(np.asarray(table.whole.x))[:, 0]
    assert abs(stats.spearmanr(position, np.arange(ROWS)).statistic) < 4 / np.sqrt(ROWS)
    # Neighbors on disk are as far apart in the file as two random rows: n/3 on average.
    gaps = np.abs(np.diff(np.argsort(np.argsort(position))))
    assert gaps.mean() == pytest.approx(ROWS / 3, rel=0.1)


@pytest.mark.parametrize("split", [Split(0.3, 0.25, seed=1), Split(None, 0.5, seed=2), Split(None)])
def test_parts_are_disjoint_and_whole(split: Split, tmp_path: Path) -> None:
    found = streamed(write("csv", tmp_path, frame()), split)
    ids = [table.frame["id"].to_numpy() for table in (found.train, found.validation, found.test) if table is not None]
    assert sorted(np.concatenate(ids).tolist()) == list(range(ROWS))
    share = 0.2 if split.test is None else split.test
    assert len(ids[-1]) == pytest.approx(share * ROWS, abs=4 * np.sqrt(ROWS))


def test_official_test_rows(tmp_path: Path) -> None:
    marks = np.arange(ROWS) % 3 == 0
    name = write("parquet", tmp_path, frame().with_columns(pl.Series("is_test", marks)))
    found = streamed(name, Split(None))
    assert found.official
    assert found.test is not None
    assert (found.test.frame["id"].to_numpy() % 3 == 0).all()
    assert found.test.total + found.train.total == ROWS
    # With another test set they are left out: they are never trained on.
    other = streamed(name, Split(0.0))
    assert other.test is None
    assert (other.train.frame["id"].to_numpy() % 3 != 0).all()


class Kill(BaseException):
    """Stands for the end of the process."""


def killed_at(what: str, count: int) -> Callable[[str, int, int], None]:
    """Return what is told of progress and dies the ``count``-th time that it is of ``what``."""
    left = [count]

    def progress(now: str, done: int, total: int) -> None:
        assert 0 <= done <= total
        left[0] -= now == what
        if not left[0]:
            raise Kill

    return progress


@pytest.mark.parametrize(
    ("kind", "what", "count"),
    [("csv", "encoding", 3), ("csv.gz", "encoding", 2), ("folder", "encoding", 6), ("csv", "shuffling", 2)],
)
def test_a_killed_process_goes_on_where_it_was(kind: str, what: str, count: int, tmp_path: Path) -> None:
    name, split = write(kind, tmp_path, frame()), Split(0.2, 0.2)
    with pytest.raises(Kill):
        streamed(name, split, root=tmp_path / "cache", progress=killed_at(what, count))
    half = next((tmp_path / "cache").iterdir())
    files = half.glob("*.bucket") if what == "encoding" else [half / "train.rows"]
    for file in files:  # as if killed while writing
        with file.open("ab") as stream:
            stream.write(b"half a row")
    said: list[str] = []
    found = streamed(name, split, root=tmp_path / "cache", say=said.append)
    assert "surveying" not in " ".join(said)
    whole = streamed(name, split, root=tmp_path / "undisturbed")
    for part in ("train", "validation", "test"):
        assert (found.folder / f"{part}.rows").read_bytes() == (whole.folder / f"{part}.rows").read_bytes()
    assert any("taken up at row" in line for line in said) == (what == "encoding" or "rows" in said[0])


def test_a_cache_is_used_again_until_the_contents_change(tmp_path: Path) -> None:
    data = frame()
    name = write("csv", tmp_path, data)
    streamed(name)

    def fit(_: Table) -> Encoder:
        raise AssertionError("the cache was not used")

    said: list[str] = []
    streamed(name, fit=fit, say=said.append)
    os.utime(name, ns=(1, 1))  # touched, not changed
    streamed(name, fit=fit, say=said.append)
    assert all("used again" in line for line in said)
    text = Path(name).read_text()
    Path(name).write_text(text.replace("red", "rad", 1))  # as many bytes
    changed = streamed(name, say=said.append)
    assert any("has changed" in line for line in said)
    assert changed.train.frame["color"].n_unique() == data["color"].n_unique() + 1
    with pytest.raises(AssertionError, match="not used"):
        streamed(name, Split(0.5), fit=fit)


def test_two_processes_write_one_cache_once(tmp_path: Path) -> None:
    name = write("csv", tmp_path, frame())
    fitted, said = [], []

    def fit(table: Table) -> Encoder:
        fitted.append(table)
        return Encoder.fit(table)

    with ThreadPoolExecutor(2) as pool:  # a lock is held by a stream, of whatever process
        found = list(pool.map(lambda _: streamed(name, fit=fit, say=said.append), range(2)))
    assert len(fitted) == 1
    assert any("waiting for it" in line for line in said)
    np.testing.assert_array_equal(encoded(found[0].train)[0], encoded(found[1].train)[0])


def slip(data: pl.DataFrame, column: str, row: int, cell: str) -> str:
    """Return the CSV text of a frame with one cell replaced; rows count from 1."""
    text = data.with_columns(pl.col(column).cast(pl.String))
    cells = text[column].to_list()
    cells[row - 1] = cell
    return text.with_columns(pl.Series(column, cells)).write_csv()


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("size", "oops", "column 'size', row 700: expected a number, got 'oops'"),
        ("size", "1e39", "column 'size', row 700 holds 1e\\+39"),
        ("y", "", "target 'y': 1 of 900 rows have no value, first row 700"),
        ("y", "oops", "column 'y', row 700: expected a number, got 'oops'"),
    ],
)
def test_bad_cells_are_named_by_their_row_in_the_file(column: str, cell: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(slip(frame(), column, 700, cell))
    with pytest.raises(DataError, match=words):
        streamed(tmp_path / "t.csv")


def test_text_among_numbers_may_be_meant(tmp_path: Path) -> None:
    data = frame().with_columns(pl.col("size").round(1))
    (tmp_path / "t.csv").write_text(slip(data, "size", 700, "oops"))
    with pytest.raises(DataError, match="row 700: expected a number"):
        streamed(tmp_path / "t.csv")
    ways = {"columns": {"size": "levels"}}
    found = streamed(tmp_path / "t.csv", fit=lambda table: Encoder.fit(table, **ways), told=ways["columns"], key=ways)
    assert found.train.frame["size"][699] == "oops"


def test_types_that_show_late(tmp_path: Path) -> None:
    rows = 600
    data = pl.DataFrame(
        {
            "id": range(rows),
            "number": [str(i) if i < 500 else f"{i}.5" for i in range(rows)],
            "code": [str(i % 7) if i < 500 else "x" for i in range(rows)],
            "gap": ["" if i < 550 else str(i) for i in range(rows)],
            "blank": [f" {i % 90}" for i in range(rows)],
            "y": [i % 2 for i in range(rows)],
        }
    )
    data.write_csv(tmp_path / "t.csv")
    table, encoder = read(tmp_path / "t.csv"), streamed(tmp_path / "t.csv")
    assert encoder.train.frame.schema == table.frame.schema
    x, y = encoded(encoder.train)
    own = Encoder.fit(table)
    np.testing.assert_array_equal(x, own.features(table))
    np.testing.assert_array_equal(y, own.targets(table))


def test_line_breaks_in_quotes_and_no_header(tmp_path: Path) -> None:
    cells = ['"a\n\nb"', '"c ""d"""', "e"]
    (tmp_path / "t.csv").write_text("id,text,y\n" + "".join(f"{i},{cells[i % 3]},{i % 2}\n" for i in range(999)))
    found = streamed(tmp_path / "t.csv")
    assert found.train.frame.equals(read(tmp_path / "t.csv").frame)
    (tmp_path / "n.csv").write_text("".join(f"{i},{i / 8},{i % 2}\n" for i in range(999)))
    with pytest.warns(DataWarning, match="no header line"):
        found = streamed(tmp_path / "n.csv", target="x2")
    assert found.train.frame["x1"].to_list() == [i / 8 for i in range(999)]
    (tmp_path / "c.csv").write_text("a;y\n" + "".join(f"{i / 8};{i % 2}\n".replace(".", ",") for i in range(999)))
    assert streamed(tmp_path / "c.csv").train.frame["a"].to_list() == [i / 8 for i in range(999)]


@pytest.mark.parametrize(
    ("kind", "cut", "words"),
    [("csv", 9, "truncated"), ("csv.gz", 200, "truncated or damaged"), ("parquet", 9, "truncated")],
)
def test_truncated_files(kind: str, cut: int, words: str, tmp_path: Path) -> None:
    path = Path(write(kind, tmp_path, frame().drop("color")))
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(DataError, match=words):
        streamed(path)


def test_files_of_a_folder_have_the_same_columns(tmp_path: Path) -> None:
    name = write("folder", tmp_path, frame())
    frame().drop("flag").write_parquet(Path(name) / "c.parquet")
    with pytest.raises(DataError, match=r"c.parquet: its columns are not those of .*'flag'"):
        streamed(name)
    with pytest.raises(StorageError, match="no file fits"):
        open_source(tmp_path / "none-*.csv")
    (tmp_path / "images").mkdir()
    assert open_source(tmp_path / "images") is None
    with pytest.raises(ArgumentError, match="yy"):
        streamed(write("csv", tmp_path, frame()), target="yy")


def test_a_full_disk_leaves_a_cache_to_go_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = write("csv", tmp_path, frame())
    little = shutil.disk_usage(tmp_path)._replace(free=2**20)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: little)
        with pytest.raises(StorageError, match=r"needs .* are free .*--cache"):
            streamed(name)
    with monkeypatch.context() as patch:
        written = [0]
        write_rows = records._write

        def full(file: Path, rows: np.ndarray) -> None:
            written[0] += 1
            if written[0] > 20:
                write_rows(file, rows[: len(rows) // 2])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            write_rows(file, rows)

        patch.setattr(records, "_write", full)
        with pytest.raises(StorageError, match=r"Cannot write .*bucket: the disk is full"):
            streamed(name)
    x, _ = encoded(streamed(name).train)
    assert len(x) == ROWS


def test_every_level_gap_and_class_of_the_file_is_in_the_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "SAMPLE_ROWS", {"train": 100, "validation": 50, "test": 50})
    rows = 3000
    rng = np.random.default_rng(1)
    level = rng.integers(0, 60, rows)
    constant = np.zeros(rows)
    constant[2500] = 3.0
    gaps = rng.normal(size=rows).tolist()
    gaps[1234] = None
    label = np.where(np.arange(rows) % 997 == 5, "rare", "common")
    data = pl.DataFrame({"id": range(rows), "level": level.astype(str), "c": constant, "gap": gaps, "y": label})
    data.write_parquet(tmp_path / "t.parquet")
    train = streamed(tmp_path / "t.parquet").train
    assert train.whole is not None
    encoder = train.whole.encoder
    assert len(train) < 500
    assert set(encoder.levels[0].levels) == set(map(str, range(60)))
    assert encoder.classes == ("common", "rare")
    x, y = encoded(train)
    assert x.shape == (rows, encoder.feature_width)
    assert y.sum() == (label == "rare").sum()
    names = encoder.feature_names
    assert x[:, names.index("gap (missing)")].sum() == 1
    assert np.unique(x[:, names.index("c")]).size == 2


def test_samples_are_uniform() -> None:
    u = draws(0, 20_000, seed=3, stream=0)
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(u, draws(0, 20_000, seed=3, stream=1))[0, 1]) < 0.03
    assert abs(np.corrcoef(u, draws(0, 20_000, seed=4, stream=0))[0, 1]) < 0.03
    sample = Sample(1000, 2**30)
    for first in range(0, 20_000, 700):
        number = np.arange(first, min(first + 700, 20_000))
        sample.add(pl.DataFrame({"a": number}), number, u[number])
    chosen = sample.rows()
    assert chosen is not None
    assert set(chosen["a"].to_list()) == set(np.argsort(u)[:1000].tolist())


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 5), st.integers(0, 20), st.lists(st.sampled_from([2, 255, 256, 257, 70_000]), max_size=3), st.data()
)
def test_packed_rows_come_back_exactly(numbers: int, binary: int, codes: list[int], data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    packing = Packing(Layout(numbers, binary, tuple(codes)))
    parts = [rng.normal(size=(7, numbers)), rng.integers(-1, 2, (7, binary))]
    parts += [rng.integers(0, n, (7, 1)) for n in codes]
    x = np.concatenate(parts, axis=1).astype(np.float32)
    packed = packing.pack(x)
    assert packed.shape == (7, packing.bytes)
    np.testing.assert_array_equal(packing.unpack(packed), x)
