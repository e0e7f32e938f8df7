import errno
import os
from pathlib import Path

import pytest

from thalweg.core.errors import StorageError
from thalweg.core.files import restore_folder, storage_errors, write_atomic, write_folder_atomic


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def full_disk(path: Path) -> None:
    path.write_bytes(b"part")
    raise OSError(errno.ENOSPC, "No space left on device", str(path))


def test_atomic_write_replaces_the_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    write_atomic(target, "one")
    write_atomic(target, lambda path: path.write_text(path.suffix))
    assert target.read_text() == ".csv"
    assert names(tmp_path) == ["a.csv"]


def test_a_full_disk_keeps_the_older_file(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    target.write_text("older")
    with pytest.raises(StorageError, match="the disk is full"):
        write_atomic(target, full_disk)
    assert target.read_text() == "older"
    assert names(tmp_path) == ["a.csv"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    def other_library(path: Path) -> None:
        raise FileNotFoundError(f"No such file or directory: {path}")

    for write in (b"", other_library):
        with pytest.raises(StorageError, match=r"^Cannot write \S+/gone/a\.csv: the folder \S+/gone does not exist\.$"):
            write_atomic(tmp_path / "gone" / "a.csv", write)


def test_a_folder_is_not_overwritten_by_a_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="it is a folder"):
        write_atomic(tmp_path, b"")


def test_folder_write_is_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    write_folder_atomic(folder, lambda path: (path / "m").write_text("1"), names=("m",))

    def fail(path: Path) -> None:
        (path / "m").write_text("2")
        full_disk(path / "big")

    with pytest.raises(StorageError, match="the disk is full"):
        write_folder_atomic(folder, fail, names=("m",))
    assert (folder / "m").read_text() == "1"
    write_folder_atomic(folder, lambda path: (path / "m").write_text("3"), names=("m",))
    assert (folder / "m").read_text() == "3"
    assert names(tmp_path) == ["model"]


def test_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("")
    with pytest.raises(StorageError, match="holds other files"):
        write_folder_atomic(tmp_path, lambda path: None, names=("m",))
    assert names(tmp_path) == ["precious"]


def test_a_death_between_the_two_renames_is_mended(tmp_path: Path) -> None:
    (tmp_path / ".model.previous").mkdir()
    restore_folder(tmp_path / "model")
    assert names(tmp_path) == ["model"]


@pytest.mark.parametrize(("code", "words"), [(errno.EROFS, "read-only"), (errno.EACCES, "read-only"), (0, "odd")])
def test_reasons(code: int, words: str) -> None:
    with pytest.raises(StorageError, match=f"Cannot write x: .*{words}"), storage_errors("write", "x"):
        raise OSError(code, "odd")


@pytest.mark.skipif(os.name != "posix", reason="the numbers of errors are those of POSIX")
@pytest.mark.parametrize(
    ("code", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "permission is denied")]
)
def test_errors_of_polars_give_their_number_in_words_only(tmp_path: Path, code: int, words: str) -> None:
    def write(temporary: Path) -> None:
        raise OSError(f"{os.strerror(code)} (os error {code}): {temporary}")

    with pytest.raises(StorageError, match=f"Cannot write .*numbers.csv: {words}") as caught:
        write_atomic(tmp_path / "numbers.csv", write)
    assert ".tmp" not in str(caught.value)
