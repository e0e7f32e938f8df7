"""Images and masks from files, and masks into files."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from thalweg.core.errors import ArgumentError, DataError, StorageError
from thalweg.data.readers.masks import read_volumes
from thalweg.data.write_masks import check_mask_ending, write_masks

RNG = np.random.default_rng(0)
IMAGES, MASKS = RNG.integers(0, 256, (3, 6, 5)).astype(np.uint8), RNG.integers(0, 3, (3, 6, 5)).astype(np.uint8)


@pytest.mark.parametrize(("image", "mask"), [("image", "mask"), ("images", "label"), ("x", "y"), ("Image", "Masks")])
def test_archives_by_their_usual_keys(tmp_path: Path, image: str, mask: str) -> None:
    np.savez(tmp_path / "d.npz", **{image: IMAGES, mask: MASKS})
    volumes = read_volumes(tmp_path / "d.npz")
    np.testing.assert_array_equal(volumes.values[0, ..., 0], IMAGES)
    np.testing.assert_array_equal(volumes.labels[0], MASKS)  # type: ignore[index]
    assert (volumes.shape, volumes.channel_axis) == ((3, 6, 5), False)


def test_archives_that_do_not_tell_what_is_what(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", image=IMAGES, masc=MASKS)
    with pytest.raises(DataError, match=r"keys image and mask .*found image \(3, 6, 5\), masc .*Did you mean 'masc'"):
        read_volumes(tmp_path / "d.npz")
    assert read_volumes(tmp_path / "d.npz", target="masc").labels is not None
    with pytest.raises(DataError, match="keys image and masq"):
        read_volumes(tmp_path / "d.npz", target="masq")
    assert read_volumes(tmp_path / "d.npz", need_mask=False, channel_axis=False).labels is None
    (tmp_path / "d.npz").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(DataError, match="truncated or damaged"):
        read_volumes(tmp_path / "d.npz")
    with pytest.raises(StorageError, match=r"Did you mean 'd\.npz'"):
        read_volumes(tmp_path / "e.npz")
    np.save(tmp_path / "a.npy", IMAGES)
    with pytest.raises(DataError, match="holds images alone"):
        read_volumes(tmp_path / "a.npy")


def pictures(folder: Path, color: bool) -> None:
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for i in range(3):
        pixels = np.repeat(IMAGES[i][..., None], 3, axis=2) if color else IMAGES[i]
        Image.fromarray(pixels).save(folder / "images" / f"s{i}.png")
        Image.fromarray(MASKS[i]).save(folder / "masks" / f"s{i}.tif")


@pytest.mark.parametrize("color", [False, True])
def test_folders_of_pictures(tmp_path: Path, color: bool) -> None:
    pictures(tmp_path, color)
    volumes = read_volumes(tmp_path)
    assert volumes.values.shape == (1, 3, 6, 5, 3 if color else 1)
    np.testing.assert_array_equal(volumes.values[0, ..., -1], IMAGES)
    np.testing.assert_array_equal(volumes.labels[0], MASKS)  # type: ignore[index]
    write_masks(tmp_path / "out", MASKS, like=tmp_path)
    for i in range(3):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out" / f"s{i}.png")), MASKS[i])
    Image.fromarray(IMAGES[0][:4]).save(tmp_path / "images" / "s2.png")
    with pytest.raises(DataError, match=r"s0.png is 6 × 5.*, s2.png 4 × 5"):
        read_volumes(tmp_path / "images", need_mask=False, channel_axis=color)


def test_colored_masks_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="sub-folders images and masks, found none"):
        read_volumes(tmp_path)
    pictures(tmp_path, color=False)
    Image.fromarray(np.zeros((6, 5, 3), np.uint8)).save(tmp_path / "masks" / "s0.tif")
    with pytest.raises(DataError, match="mask of gray levels, one label a pixel, got 3 colors"):
        read_volumes(tmp_path)


@pytest.mark.parametrize(("gone", "lacking"), [("masks/s1.tif", "masks"), ("images/s1.png", "images")])
def test_a_picture_without_its_partner_is_named(tmp_path: Path, gone: str, lacking: str) -> None:
    pictures(tmp_path, color=False)
    (tmp_path / gone).unlink()
    with pytest.raises(
        DataError, match=rf"s1\.\w+: \S*{lacking} holds no file of the name s1\. Images and masks go in pairs"
    ):
        read_volumes(tmp_path)


def test_text_under_the_name_of_an_archive_is_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "d.npz").write_text("no archive")
    with pytest.raises(DataError, match=r"d\.npz: is no npz archive of numbers or text"):
        read_volumes(tmp_path / "d.npz")
    with pytest.raises(DataError, match="iris: a bundled table; expected images with masks"):
        read_volumes("iris")


def test_nifti_there_and_back(tmp_path: Path) -> None:
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(IMAGES.T, affine), tmp_path / "scan.nii.gz")
    volumes = read_volumes(tmp_path / "scan.nii.gz", need_mask=False, channel_axis=False)
    np.testing.assert_array_equal(volumes.values[0, ..., 0], IMAGES)
    write_masks(tmp_path / "mask.nii.gz", MASKS, like=tmp_path / "scan.nii.gz")
    written = nibabel.load(tmp_path / "mask.nii.gz")
    np.testing.assert_array_equal(np.asarray(written.dataobj), MASKS.T)
    np.testing.assert_array_equal(written.affine, affine)
    (tmp_path / "scan.nii.gz").write_bytes(b"no volume")
    with pytest.raises(DataError, match="NIfTI volume is truncated or damaged"):
        read_volumes(tmp_path / "scan.nii.gz", need_mask=False)


def test_arrays_there_and_back(tmp_path: Path) -> None:
    probability = RNG.random((3, 6, 5, 3)).astype(np.float32)
    write_masks(tmp_path / "m.npz", MASKS, probability)
    with np.load(tmp_path / "m.npz") as archive:
        np.testing.assert_array_equal(archive["mask"], MASKS)
        np.testing.assert_array_equal(archive["probability"], probability)
    write_masks(tmp_path / "m.npy", MASKS)
    np.testing.assert_array_equal(np.load(tmp_path / "m.npy"), MASKS)


def test_endings_that_hold_no_masks(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"--output: expected \.npz, \.npy, \.nii"):
        check_mask_ending(tmp_path / "m.csv")
    with pytest.raises(ArgumentError, match="labels above 255"):
        write_masks(tmp_path / "m", MASKS.astype(np.uint16) + 300)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "notes.txt").touch()
    with pytest.raises(StorageError, match="holds other files"):
        write_masks(tmp_path / "kept", MASKS)
