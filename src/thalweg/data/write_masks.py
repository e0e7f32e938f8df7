"""Predicted masks as files: ``.npz``, ``.npy``, NIfTI, or a folder of PNG pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.files import write_atomic, write_folder_atomic
from thalweg.data.readers.masks import NIFTI, import_nibabel

ENDINGS = (".npz", ".npy", *NIFTI)


def check_mask_ending(path: Path) -> None:
    """Check that masks can be written to a file of this name, before they are computed.

    Raises:
        ArgumentError: an ending that is not known.
        DataError: NIfTI without nibabel.
    """
    if path.name.endswith(NIFTI):
        import_nibabel()
    elif path.suffix and path.suffix not in ENDINGS:
        raise ArgumentError(
            "--output", f"{', '.join(ENDINGS)}, or a folder for PNG pictures (a name without ending)", str(path)
        )


def write_masks(
    path: Path, masks: NDArray[Any], probabilities: NDArray[np.float32] | None = None, like: Path | str | None = None
) -> None:
    """Write predicted masks.

    Args:
        path: ``.npz`` (keys ``mask`` and, if given, ``probability``), ``.npy``, ``.nii`` or ``.nii.gz``, or a folder
            for one PNG each slice, with the labels as gray levels.
        masks: (H, W), (N, H, W) or (N, D, H, W) labels.
        probabilities: (…, classes), written to an ``.npz`` only.
        like: the file the images are from; a NIfTI file lends its place in space, a folder the names of its pictures.

    Raises:
        ArgumentError: volumes or labels that the format does not hold.
        StorageError: the place is read-only, full, or holds something else.
    """
    if path.suffix == ".npz":
        arrays: dict[str, Any] = {"mask": masks} | ({} if probabilities is None else {"probability": probabilities})
        write_atomic(path, lambda file: np.savez_compressed(file, **arrays))
    elif path.suffix == ".npy":
        write_atomic(path, lambda file: np.save(file, masks))
    elif path.name.endswith(NIFTI):
        _write_nifti(path, masks, like)
    else:
        _write_pictures(path, masks, like)


def _write_nifti(path: Path, masks: NDArray[Any], like: Path | str | None) -> None:
    nibabel = import_nibabel()
    if masks.ndim == 4 and len(masks) > 1:
        raise ArgumentError("--output", "an .npz file for several volumes", str(path))
    volume = masks.reshape(masks.shape[-3:] if masks.ndim > 2 else (1, *masks.shape))
    affine = nibabel.load(like).affine if like is not None and str(like).lower().endswith(NIFTI) else np.eye(4)
    image = nibabel.Nifti1Image(volume.T.astype(np.int32 if volume.max() > 255 else np.uint8), affine)
    # The ending that says whether to compress has two parts, so the temporary file gets the bytes.
    if path.name.endswith(".gz"):
        import gzip

        write_atomic(path, gzip.compress(image.to_bytes(), mtime=0))
    else:
        write_atomic(path, image.to_bytes())


def _write_pictures(path: Path, masks: NDArray[Any], like: Path | str | None) -> None:
    from PIL import Image

    from thalweg.data.readers.masks import IMAGE_KEYS, picture_files

    if masks.max() > 255:
        raise ArgumentError("--output", "an .npz file for labels above 255", str(path))
    pictures = masks.reshape(-1, *masks.shape[-2:]).astype(np.uint8)
    width = len(str(len(pictures) - 1))
    names = [f"mask-{i:0{width}}" for i in range(len(pictures))]
    if like is not None and Path(like).is_dir():
        inside = next((s for s in Path(like).iterdir() if s.is_dir() and s.name.lower() in IMAGE_KEYS), Path(like))
        found = list(picture_files(inside))
        names = found if len(found) == len(pictures) else names
    files = [f"{name}.png" for name in names]

    def fill(folder: Path) -> None:
        for file, pixels in zip(files, pictures, strict=True):
            Image.fromarray(pixels).save(folder / file)

    write_folder_atomic(path, fill, names=files)
