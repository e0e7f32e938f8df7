"""A folder of images with one sub-folder a class; ``train`` and ``test`` folders around them are honoured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from thalweg.core.errors import DataError
from thalweg.data.readers.idx import read_folder
from thalweg.data.table import Array, Table, join

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"}
TEST_FOLDERS = ("test", "testing", "val", "valid", "validation")


def read_images(folder: Path, target: str | None, need_target: bool) -> Table:
    """Read a folder of images, all of one size, as unsigned bytes.

    Grey images become (height, width), all others (height, width, 3). Labels are the names of the sub-folders.

    Args:
        folder: holds one sub-folder a class, or ``train`` and ``test`` with such sub-folders, or idx files.
        target: unused, the sub-folders are the labels.
        need_target: whether images without sub-folders are an error.

    Raises:
        DataError: sizes differ, an image is damaged, or there are none.
    """
    del target
    table = read_folder(folder, need_target)
    if table is not None:
        return table
    parts = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_dir()}
    train = parts.get("train") or parts.get("training")
    test = next((parts[name] for name in TEST_FOLDERS if name in parts), None)
    if train is None:
        return _read_part(folder, need_target)
    table = replace(_read_part(train, need_target), name=str(folder))
    if test is None:
        return table
    held_out = _read_part(test, need_target)
    if held_out.example_shape != table.example_shape:
        raise DataError(
            f"{folder}: images in {train.name} are {_size(table.example_shape)}, in {test.name} "
            f"{_size(held_out.example_shape)}. Bring all to one size."
        )
    return join(table, held_out)


def _read_part(folder: Path, need_target: bool) -> Table:
    labelled = [
        (file, sub.name)
        for sub in sorted(folder.iterdir())
        if sub.is_dir()
        for file in sorted(sub.rglob("*"))
        if file.suffix.lower() in SUFFIXES
    ]
    loose = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in SUFFIXES]
    if not labelled and not loose:
        raise DataError(
            f"{folder}: expected a folder with one sub-folder of images for each class, found no images "
            f"({', '.join(sorted(SUFFIXES))})."
        )
    if not labelled and need_target:
        raise DataError(
            f"{folder}: {len(loose)} images without classes. Put them into one sub-folder for each class, named by it."
        )
    files = [file for file, _ in labelled] or loose
    images = [picture(file) for file in files]
    if len({image.ndim for image in images}) > 1:  # one image in color makes all of them so
        images = [image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2) for image in images]
    sizes = Counter(image.shape for image in images)
    if len(sizes) > 1:
        usual = sizes.most_common(1)[0][0]
        odd = [file for file, image in zip(files, images, strict=True) if image.shape != usual]
        raise DataError(
            f"{folder}: images differ in size: {sizes[usual]} are {_size(usual)}, {len(odd)} are not, first "
            f"{odd[0].relative_to(folder)} ({_size(images[files.index(odd[0])].shape)}). Bring all to one size."
        )
    stack = np.stack(images)
    flat = stack.reshape(len(stack), -1)
    labels = np.array([label for _, label in labelled]) if labelled else None
    names = tuple(f"pixel{i}" for i in range(flat.shape[1]))
    return Table(str(folder), flat, labels, names, "class" if labelled else None, stack.shape[1:])


def picture(file: Path, convert: Callable[[Any], Array] | None = None) -> Array:
    """Read one picture: gray as (height, width), any other as (height, width, 3), unless converted otherwise.

    Args:
        file: any format that Pillow reads.
        convert: makes an array of the open picture.

    Raises:
        DataError: damaged, or too large.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            return (convert or _bytes)(image)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{file}: the image is truncated or damaged ({error}). Replace or remove it.") from None
    except Image.DecompressionBombError:
        raise DataError(f"{file}: the image has too many pixels to be read. Shrink or remove it.") from None


def _bytes(image: Any) -> Array:
    """Pixels as unsigned bytes, gray or red, green and blue."""
    if image.mode.startswith("I"):  # 16 bits of gray
        return (np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)
    return np.asarray(image.convert("L" if image.mode in {"1", "L", "LA"} else "RGB"))


def _size(shape: tuple[int, ...] | None) -> str:
    return " × ".join(map(str, shape or ()))
