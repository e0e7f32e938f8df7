"""The lessons as a whole: what each leaves, how they are listed and run, and what is said to bad input."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
import typer

import thalweg as tw
from thalweg.cli import engine, main
from thalweg.core.errors import ArgumentError, StorageError
from thalweg.lessons.run import save

DOCS = Path(__file__).parents[2] / "docs" / "lessons"


@pytest.mark.parametrize("name", tw.lessons.LESSONS)
def test_a_lesson_has_a_page_with_its_picture_and_command(name: str) -> None:
    page = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    assert f"pictures/{name}.svg" in page
    assert f"thalweg lesson {name}" in page
    assert f"lessons/{name}\n" in DOCS.with_suffix(".md").read_text(encoding="utf-8")
    # Its commands can be read, and so can its Python; what they call is tested where it lives.
    group: Any = typer.main.get_command(main.app)
    for kind, block in re.findall(r"^```(sh|python)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        if kind == "python":
            compile(block, name, "exec")
            continue
        for line in block.splitlines():
            program, command, *arguments = shlex.split(line, comments=True)
            assert program == "thalweg"
            group.commands[command].make_context(command, arguments)


def test_every_lesson_is_run_by_a_test() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in tw.lessons.LESSONS if f'run_lesson("{name}"' not in tests] == []


def test_the_same_picture_is_the_same_bytes_whatever_the_callers_settings(tmp_path: Path) -> None:
    done = tw.lessons.run("neuron", tmp_path, points=21)
    first = [file.read_bytes() for file in done.files]
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        again = save(done.lesson.load().draw(done.numbers), tmp_path, "again")
        assert mpl.rcParams["font.size"] == 30
    assert [file.read_bytes() for file in again] == first


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(ArgumentError, match=r"lesson: .*'nuron'.* Did you mean 'neuron'"):
        tw.lessons.run("nuron")
    with pytest.raises(ArgumentError, match=r"lesson digits: .*'epoch'.* Did you mean 'epochs'"):
        tw.lessons.run("digits", epoch=3)


def test_an_unwritable_folder_is_told_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("")
    monkeypatch.setattr(tw.lessons.Lesson, "load", lambda self: pytest.fail("computed first"))
    for folder in ("taken", "taken/below"):
        with pytest.raises(StorageError, match="taken"):
            tw.lessons.run("neuron", tmp_path / folder)


def run_command(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main.run([str(argument) for argument in arguments])
    return code, *capsys.readouterr()


def test_the_command_lists_and_runs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "keep_compiled", lambda: None)
    code, out, _ = run_command(capsys, "lesson")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[:-1]] == list(tw.lessons.LESSONS)
    code, out, _ = run_command(capsys, "lesson", "neuron", "--out", tmp_path / "new" / "folder")
    assert code == 0
    assert "whole cascade                 13" in out
    shown = [Path(line.split(maxsplit=1)[1]) for line in out.splitlines() if line.startswith("picture")]
    assert shown == sorted((tmp_path / "new" / "folder").iterdir())


def test_the_command_says_what_is_wrong_in_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for arguments, word in ((["nurn"], "Did you mean 'neuron'"), (["neuron", "--out", tmp_path / "file"], "file")):
        code, out, err = run_command(capsys, "lesson", *arguments)
        assert (code, len(err.splitlines())) == (2, 1)
        assert word in err
        assert "whole cascade" not in out
