"""Tables: rows, hashes, joining."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from thalweg.data import table as table_module
from thalweg.data.table import Table, join


def arrays() -> Table:
    return Table("t", np.arange(12.0).reshape(4, 3), np.array([0, 1, 0, 1]), ("a", "b", "c"))


def frame() -> Table:
    features = pl.DataFrame({"a": [1, 2, None], "b": ["x", None, "z"]})
    return Table("t", features, pl.Series("y", [1.0, 2.0, 3.0]), ("a", "b"), "y")


def test_rows_by_index_mask_and_slice() -> None:
    table = arrays()
    assert table.rows([2, 0]).array[:, 0].tolist() == [6.0, 0.0]
    assert table.rows(np.array([True, False, False, True])).target_array().tolist() == [0, 1]
    assert np.shares_memory(table.rows(slice(1, 3)).array, table.array)
    assert frame().rows([2]).frame["b"].to_list() == ["z"]


def test_a_slice_of_a_mapped_array_stays_on_disk(tmp_path: Path) -> None:
    mapped = np.lib.format.open_memmap(tmp_path / "x.npy", mode="w+", dtype=np.float32, shape=(10, 2))
    part = Table("t", mapped, None, ("a", "b")).rows(slice(0, 5))
    assert part.is_mapped


@pytest.mark.parametrize("table", [arrays(), frame()])
def test_the_hash_follows_content(table: Table) -> None:
    assert table.hash() == replace(table, name="other").hash()
    assert table.hash() != table.rows(slice(0, 2)).hash()
    assert table.hash() != replace(table, feature_names=tuple("pqr"[: table.width])).hash()
    assert table.hash() != table.rows(list(range(len(table)))[::-1]).hash()


def test_the_hash_of_a_frame_tells_missing_from_zero() -> None:
    zero = Table("t", pl.DataFrame({"a": [1, 0]}), None, ("a",))
    gap = Table("t", pl.DataFrame({"a": [1, None]}), None, ("a",))
    assert zero.hash() != gap.hash()


def test_large_arrays_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_module, "HASH_WHOLE_BYTES", 1000)
    monkeypatch.setattr(table_module, "HASH_BLOCK_BYTES", 80)
    table = Table("t", np.arange(2000.0).reshape(1000, 2), None, ("a", "b"))
    changed = replace(table, features=table.array.copy())
    changed.array[0, 0] = 7.0
    assert table.hash() != changed.hash()


def test_joining_marks_the_test_rows() -> None:
    both = join(arrays(), arrays().rows([0]))
    assert both.is_test is not None
    assert both.is_test.tolist() == [False] * 4 + [True]
    assert len(both.target_array()) == 5
