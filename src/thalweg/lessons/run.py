"""Run a lesson: numbers, text, picture, files."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thalweg.core.errors import ArgumentError, StorageError, nearest
from thalweg.core.files import storage_errors, write_atomic
from thalweg.core.registry import lookup
from thalweg.lessons.registry import LESSONS, Lesson

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg")
"""Pictures are written as pixels to show anywhere, and as lines to print in any size."""


@dataclass(frozen=True)
class Result:
    """What a lesson left.

    Attributes:
        lesson: which one.
        numbers: what its ``compute`` returned, a frozen dataclass.
        text: the numbers and what they say, in plain words.
        figure: its picture, as a matplotlib figure.
        files: where the picture was written.
    """

    lesson: Lesson
    numbers: Any
    text: str
    figure: Figure
    files: tuple[Path, ...] = ()


def run(
    name: str,
    out: Path | str | None = None,
    *,
    quick: bool = False,
    formats: Sequence[str] = FORMATS,
    **settings: Any,
) -> Result:
    """Run a lesson: compute its numbers, put them into words, draw its picture.

    Args:
        name: a key of ``LESSONS``.
        out: folder for the picture, made if it is missing; without one nothing is written.
        quick: take the lesson's smaller settings, for an answer within seconds.
        formats: endings of the files, among those matplotlib writes.
        settings: of the lesson's ``compute``, such as ``seed`` or ``epochs``; they win over ``quick``.

    Returns:
        Numbers, text, figure and files.

    Raises:
        ArgumentError: no such lesson or setting; names the nearest.
        StorageError: the folder cannot be written.

    Example:
        >>> run("neuron").numbers.parameters
        (9, 4)
    """
    lesson = lookup(LESSONS, name, "lesson")
    if out is not None:
        _prepare(Path(out))
    module = lesson.load()
    chosen = (dict(lesson.quick) if quick else {}) | settings
    _check(module.compute, name, chosen)
    numbers = module.compute(**chosen)
    figure = module.draw(numbers)
    files = () if out is None else save(figure, Path(out), name, formats)
    return Result(lesson, numbers, module.tell(numbers), figure, files)


def save(figure: Figure, folder: Path, name: str, formats: Sequence[str] = FORMATS) -> tuple[Path, ...]:
    """Write a picture in each format, whole or not at all; the same picture gives the same bytes.

    Raises:
        StorageError: the folder is missing or cannot be written.
    """
    from thalweg.diagnosis.style import house_style

    files = tuple(folder / f"{name}.{ending}" for ending in formats)
    with house_style():
        for file in files:
            # The date, which SVG files carry by default, would make each file differ from the last.
            metadata = {"Date": None} if file.suffix == ".svg" else None
            write_atomic(file, partial(figure.savefig, metadata=metadata))
    return files


def _prepare(folder: Path) -> None:
    """Make the folder before anything is computed: a lesson may take a minute."""
    if folder.exists() and not folder.is_dir():
        raise StorageError(f"Cannot write pictures into {folder}: it is a file. Choose a folder.")
    with storage_errors("write", folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise StorageError(f"Cannot write {folder}: permission is denied (read-only for you).")


def _check(compute: Callable[..., Any], name: str, settings: Mapping[str, Any]) -> None:
    known = list(inspect.signature(compute).parameters)
    for setting in settings:
        if setting not in known:
            expected = f"settings among {', '.join(known)}" if known else "no settings"
            raise ArgumentError(f"lesson {name}", expected, repr(setting), nearest(setting, known))
