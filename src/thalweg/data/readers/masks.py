"""Images with their masks: ``.npz`` archives, folders of pictures, NIfTI volumes."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import DataError, StorageError, nearest
from thalweg.data.bundled import DATASETS
from thalweg.data.readers.arrays import FEATURE_KEYS, TARGET_KEYS, damaged, find_key, held, load_npy, load_npz
from thalweg.data.readers.images import SUFFIXES, picture
from thalweg.data.volumes import Volumes, as_volumes

IMAGE_KEYS = ("image", "images", "volume", "volumes", "img", *FEATURE_KEYS)
MASK_KEYS = ("mask", "masks", "segmentation", "seg", *TARGET_KEYS)
NIFTI = (".nii", ".nii.gz")


def read_volumes(
    path: Path | str, *, target: str | None = None, need_mask: bool = True, channel_axis: bool | None = None
) -> Volumes:
    """Read images and their masks.

    Args:
        path: an ``.npz`` with ``image`` and ``mask`` (or ``label``); a folder with the sub-folders ``images`` and
            ``masks``, of equal file names in both; without masks also an ``.npy`` array, a folder of pictures or one
            picture. Pictures may be PNG, TIFF and the like, or NIfTI volumes (extra ``nifti``).
        target: key of the masks in an archive, when it has no usual name.
        need_mask: whether missing masks are an error.
        channel_axis: without masks, whether the images end in an axis of channels.

    Raises:
        StorageError: there is no such file.
        DataError: a file that cannot be read, lacks images or masks, or pictures of several sizes.
        ArgumentError: shapes that do not belong together.
    """
    path = Path(path).expanduser()
    if not path.exists():
        if str(path) in DATASETS:
            raise DataError(f"{path}: a bundled table; expected images with masks, an .npz or a folder.")
        near = nearest(path.name, (e.name for e in path.parent.iterdir())) if path.parent.is_dir() else ""
        raise StorageError(f"{path}: no such file or folder. {near}".rstrip())
    if path.is_dir():
        image, mask = _read_folder(path, need_mask)
    elif path.suffix == ".npz":
        image, mask = _read_archive(path, target, need_mask)
    else:
        image, mask = _read_image(path), None
        if need_mask:
            raise DataError(
                f"{path}: holds images alone; expected an .npz with image and mask, or a folder with images and masks."
            )
    return as_volumes(image, mask, name=str(path), channel_axis=channel_axis)


def _read_archive(path: Path, target: str | None, need_mask: bool) -> tuple[Any, Any]:
    arrays = load_npz(path)
    image = find_key(arrays, IMAGE_KEYS, ("{}",))
    mask = target if target in arrays else find_key(arrays, MASK_KEYS, ("{}",)) if target is None else None
    if image is None and len(others := [key for key in arrays if key != mask]) == 1 and not need_mask:
        image = others[0]
    if image is None or (mask is None and need_mask):
        wanted = "image" if image is None else target or "mask"
        raise DataError(
            f"{path}: expected the keys image and {target or 'mask (or label)'}, found {held(arrays)}. "
            f"{nearest(wanted, arrays)}".rstrip()
        )
    return arrays[image], None if mask is None else arrays[mask]


def _read_folder(path: Path, need_mask: bool) -> tuple[Any, Any]:
    parts = {entry.name.lower(): entry for entry in path.iterdir() if entry.is_dir()}
    images = next((parts[key] for key in IMAGE_KEYS if key in parts), None)
    masks = next((parts[key] for key in MASK_KEYS if key in parts), None)
    if need_mask and (images is None or masks is None):
        shown = ", ".join(sorted(parts)) or "none"
        raise DataError(f"{path}: expected the sub-folders images and masks, found {shown}.")
    files = picture_files(images or path)
    if not files:
        raise DataError(f"{images or path}: no images ({', '.join((*sorted(SUFFIXES), *NIFTI))}).")
    image = _stacked(list(files.values()))
    if masks is None or not need_mask:
        return image, None
    of_masks = picture_files(masks)
    for found, others, folder in ((files, of_masks, masks), (of_masks, files, images)):
        if alone := [name for name in found if name not in others]:
            more = f" (and {len(alone) - 1} more)" if len(alone) > 1 else ""
            raise DataError(
                f"{found[alone[0]]}: {folder} holds no file of the name {alone[0]}{more}. Images and masks go in pairs."
            )
    return image, _stacked([of_masks[name] for name in files], mask=True)


def picture_files(folder: Path) -> dict[str, Path]:
    """Return the pictures and volumes of a folder by name without ending, in order of their names."""
    found = {}
    for file in sorted(folder.iterdir()):
        ending = next((end for end in (*NIFTI[::-1], *SUFFIXES) if file.name.lower().endswith(end)), None)
        if ending is not None and file.is_file():
            found[file.name[: -len(ending)]] = file
    return found


def _stacked(files: list[Path], mask: bool = False) -> NDArray[Any]:
    arrays = [_read_mask(file) if mask else _read_image(file) for file in files]
    for file, array in zip(files, arrays, strict=True):
        if array.shape != arrays[0].shape:
            raise DataError(
                f"{file.parent}: images differ in size: {files[0].name} is {_size(arrays[0])}, {file.name} "
                f"{_size(array)}. Bring all to one size."
            )
    return np.stack(arrays)


def _read_mask(file: Path) -> NDArray[Any]:
    """Labels as they are stored: gray levels, or the numbers of a palette."""
    if file.name.lower().endswith(NIFTI):
        return read_nifti(file)
    mask = picture(file, np.asarray)
    if mask.ndim != 2:
        raise DataError(f"{file}: expected a mask of gray levels, one label a pixel, got {mask.shape[2]} colors.")
    return mask


def _read_image(file: Path) -> NDArray[Any]:
    if file.suffix == ".npy":
        return load_npy(file)
    return read_nifti(file) if file.name.lower().endswith(NIFTI) else picture(file)


def read_nifti(file: Path) -> NDArray[Any]:
    """Read a NIfTI volume, its axes reversed: (slices, height, width), a 4th axis as channels at the end.

    Raises:
        DataError: nibabel is not installed, or the file is damaged.
    """
    nibabel = import_nibabel()
    try:
        image = nibabel.load(file)
        values = np.asarray(image.dataobj)
    except (nibabel.filebasedimages.ImageFileError, OSError, EOFError, zlib.error, ValueError) as error:
        raise DataError(damaged(file, "NIfTI volume", error)) from None
    if values.ndim == 4:
        return values.transpose(2, 1, 0, 3)
    return values.T


def import_nibabel() -> Any:
    """Return nibabel.

    Raises:
        DataError: it is not installed; says how.
    """
    try:
        import nibabel
    except ImportError:
        raise DataError("NIfTI volumes need nibabel: pip install 'thalweg[nifti]'.") from None
    return nibabel


def _size(array: NDArray[Any]) -> str:
    return " × ".join(map(str, array.shape))
