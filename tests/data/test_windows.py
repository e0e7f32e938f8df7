"""Windows against numpy.pad and plain loops; every pixel once an epoch; bad images in plain words."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thalweg.core.errors import ArgumentError, DataError
from thalweg.data.volumes import Volumes, as_volumes
from thalweg.data.window_batches import WindowBatches
from thalweg.data.windows import PADDINGS, WindowEncoder, Windows, window_size


def plain_windows(image: np.ndarray, window: tuple[int, ...], padding: str) -> np.ndarray:
    """Each pixel's window by slicing the image that numpy.pad gives; image (D, H, W, C)."""
    margin = [(size // 2, size // 2) for size in window]
    padded = np.pad(image, [*margin, (0, 0)], padding)  # type: ignore[call-overload]
    return np.array(
        [
            padded[tuple(slice(i, i + size) for i, size in zip(place, window, strict=True))].ravel()
            for place in product(*map(range, image.shape[:3]))
        ]
    )


def everywhere(encoder: WindowEncoder, volumes: Volumes) -> np.ndarray:
    windows = encoder.windows(volumes.values)
    return np.concatenate([windows.gather(windows.starts(p)) for p in volumes.planes(range(volumes.slices))])


@given(
    shape=st.tuples(st.integers(3, 5), st.integers(3, 7), st.integers(3, 7), st.integers(1, 3)),
    window=st.tuples(*(st.sampled_from([1, 3]),) * 3),
    padding=st.sampled_from(PADDINGS),
    kind=st.sampled_from(["uint8", "int16", "float32", "float64"]),
)
@settings(max_examples=40, deadline=None)
def test_windows_are_those_of_numpy_pad(
    shape: tuple[int, ...], window: tuple[int, int, int], padding: str, kind: str
) -> None:
    image = np.random.default_rng(0).integers(0, 100, shape).astype(kind)
    mask = np.arange(np.prod(shape[:3])).reshape(shape[:3]) % 2
    volumes = as_volumes(image, mask)
    raw = WindowEncoder.fit(volumes, range(shape[0]), window=window, padding=padding, standardize=False)
    np.testing.assert_array_equal(everywhere(raw, volumes), plain_windows(image, window, padding))
    scaled = WindowEncoder.fit(volumes, range(shape[0]), window=window, padding=padding)
    mean, std = (f(image.astype(float), axis=(0, 1, 2)) for f in (np.mean, np.std))
    expected = plain_windows((image - mean) / np.where(std > 0, std, 1), window, padding)
    if padding == "constant":  # the padding is zero before the image is scaled
        expected = plain_windows(image, window, padding)
        expected = (expected - np.tile(mean, np.prod(window))) / np.tile(np.where(std > 0, std, 1), np.prod(window))
    np.testing.assert_allclose(everywhere(scaled, volumes), expected, atol=1e-5)


def test_an_image_a_stack_and_volumes_are_the_same_pixels() -> None:
    rng = np.random.default_rng(1)
    image, mask = rng.random((2, 3, 6, 5)), rng.integers(0, 2, (2, 3, 6, 5))
    whole = as_volumes(image, mask)
    encoder = WindowEncoder.fit(whole, range(2), window=3, standardize=False)
    stacked = np.concatenate([everywhere(encoder, as_volumes(i, m)) for i, m in zip(image, mask, strict=True)])
    single = np.concatenate(
        [
            everywhere(encoder, as_volumes(i, m))
            for v, w in zip(image, mask, strict=True)
            for i, m in zip(v, w, strict=True)
        ]
    )
    np.testing.assert_array_equal(everywhere(encoder, whole), stacked)
    np.testing.assert_array_equal(stacked, single)


def test_held_out_rows_of_one_image_and_stride() -> None:
    image = np.arange(48.0).reshape(8, 6)
    volumes = as_volumes(image, (image > 20).astype(int))
    assert volumes.planes([0, 1, 4, 5, 7]) == [(0, 0, slice(0, 2)), (0, 0, slice(4, 6)), (0, 0, slice(7, 8))]
    windows = WindowEncoder.fit(volumes, range(8), window=1, standardize=False).windows(volumes.values)
    np.testing.assert_array_equal(windows.gather(windows.starts((0, 0, slice(4, 6))))[:, 0], image[4:6].ravel())
    np.testing.assert_array_equal(windows.gather(windows.starts((0, 0, slice(None)), 2))[:, 0], image[::2, ::2].ravel())


def pixel_batches(**settings: object) -> tuple[WindowBatches, np.ndarray]:
    """Batches whose windows of one pixel are its number, and the class of each pixel."""
    rng = np.random.default_rng(0)
    y = (rng.random(400) < 0.1).astype(np.uint8)
    windows = Windows(np.arange(400, dtype=np.float32).reshape(1, 4, 10, 10, 1), (1, 1, 1))
    starts = np.concatenate([windows.starts((0, d, slice(None))) for d in range(4)])
    return WindowBatches(windows, starts, y, **({"batch_size": 32, "chunk_bytes": 640} | settings)), y  # type: ignore[arg-type]


def seen(batches: WindowBatches, epoch: int | None, start: int = 0) -> list[int]:
    found = []
    for chunk in batches.chunks(epoch, start):
        np.testing.assert_allclose(chunk.weight.sum(axis=1), chunk.rows > 0, rtol=1e-6)
        pixels = chunk.x[..., 0].astype(int)
        np.testing.assert_array_equal(batches.y[pixels], chunk.y)
        found += pixels[chunk.weight > 0].tolist()
    return found


def test_every_pixel_once_an_epoch_in_an_order_of_seed_and_epoch() -> None:
    batches, _ = pixel_batches()
    assert batches.chunks_per_epoch > 2
    first = seen(batches, 1)
    assert sorted(first) == list(range(400))
    assert first == seen(pixel_batches()[0], 1)
    assert first != seen(batches, 2)
    assert first != seen(pixel_batches(seed=1)[0], 1)
    assert seen(batches, None) == list(range(400))
    # An epoch taken up again goes on as it would have.
    taken = next(iter(batches.chunks(1)))
    assert seen(batches, 1, start=1) == first[int(taken.rows.sum()) :]


def test_balanced_sampling_draws_classes_equally_and_pixels_evenly() -> None:
    batches, y = pixel_batches(sampling="balanced")
    for epoch in (1, 2):
        counts = np.bincount(seen(batches, epoch), minlength=400)
        assert counts[y == 0].sum() == counts[y == 1].sum() == 200
        assert counts[y == 0].max() == 1
        assert np.ptp(counts[y == 1]) <= 1


def test_weights_of_pixels_follow_them_through_the_order() -> None:
    weight = np.random.default_rng(1).random(400)
    for epoch in (None, 1):
        drawn = {}
        batches, _ = pixel_batches(sample_weight=weight)
        for chunk in batches.chunks(epoch):
            real = chunk.weight > 0
            rows = np.broadcast_to(chunk.rows[:, None], real.shape)[real]
            drawn |= dict(zip(chunk.x[..., 0].astype(int)[real].tolist(), chunk.weight[real] * rows, strict=True))
        np.testing.assert_allclose([drawn[n] for n in range(400)], weight / weight.mean(), rtol=1e-5)
    with pytest.raises(ArgumentError, match="sample_weight: expected 400 numbers"):
        pixel_batches(sample_weight=weight[1:])


@pytest.mark.parametrize("shape", [(6, 4), (3, 6, 4), (2, 3, 6, 4)])
def test_pixels_that_weigh_nothing_are_left_out(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    mask, weight = rng.integers(1, 3, shape), rng.integers(0, 2, shape).astype(float)
    weight[0] = 0  # a row, a slice or a volume of which nothing counts
    mask[weight == 0] = 255
    volumes = as_volumes(np.arange(mask.size, dtype=np.float32).reshape(shape), mask).weighted(weight)
    encoder = WindowEncoder.fit(volumes, range(shape[0]), window=1, standardize=False)
    assert encoder.classes == (1, 2)
    assert volumes.weighing().tolist() == [n for n in range(shape[0]) if weight[n].any()]
    windows = encoder.windows(volumes.values)
    for stride in (1, 2):
        planes = volumes.planes(range(shape[0]))
        found = [windows.gather(volumes.of_pixels(windows.starts(p, stride), p, stride))[:, 0] for p in planes]
        kept = np.zeros(shape, bool)
        kept[..., ::stride, ::stride] = weight[..., ::stride, ::stride] > 0
        np.testing.assert_array_equal(np.concatenate(found).astype(int), np.flatnonzero(kept))
        labels = [volumes.of_pixels(volumes.labels, p, stride) for p in planes]  # type: ignore[arg-type]
        np.testing.assert_array_equal(np.concatenate(labels), mask[kept])


def test_labels_that_are_known_beforehand() -> None:
    mask = np.full((4, 4), 7)
    assert WindowEncoder.fit(as_volumes(mask, mask), range(4), known=[9, 7]).classes == (7, 9)
    for wrong in ([7], ["a", "b"]):
        with pytest.raises(ArgumentError, match="classes"):
            WindowEncoder.fit(as_volumes(mask, mask), range(4), known=wrong)


def test_encoder_reads_back_what_it_wrote() -> None:
    rng = np.random.default_rng(0)
    volumes = as_volumes(rng.random((3, 8, 8, 2)), 7 * rng.integers(0, 3, (3, 8, 8)))
    encoder = WindowEncoder.fit(volumes, [0, 1], window=(1, 3, 5))
    again = WindowEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert again.to_dict() == encoder.to_dict()
    assert again.classes == (0, 7, 14)
    np.testing.assert_array_equal(again.labels(again.codes(volumes.labels)), volumes.labels)  # type: ignore[arg-type]
    np.testing.assert_allclose(encoder.mean, volumes.values[0, :2].mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(encoder.std, volumes.values[0, :2].std(axis=(0, 1, 2)))


@pytest.mark.parametrize(
    ("image", "mask", "message"),
    [
        (np.zeros((4, 8, 8)), np.zeros((4, 8, 9), int), r"masks: expected the shape of the images, \(4, 8, 8\)"),
        (np.zeros((4, 8, 8)), np.zeros(5, int), r"masks: expected the shape|images: expected a shape"),
        (np.zeros(8), np.zeros(8, int), "images: expected a shape"),
        (np.zeros((4, 4)), np.full((4, 4), -1), "labels from 0 on, got -1"),
        (np.zeros((4, 4)), np.full((4, 4), 0.5), "whole numbers, one label a pixel, got 0.5"),
        (np.array([["a"]]), np.zeros((1, 1), int), "images of numbers"),
        (np.zeros((4, 4)), np.full((4, 4), np.inf), "whole numbers, one label a pixel, got inf"),
        (np.zeros((0, 4, 4)), np.zeros((0, 4, 4)), r"images: expected at least one pixel, got none: shape \(0, 4, 4\)"),
        (np.where(np.eye(4) > 0, 1e300, 0), np.eye(4, dtype=int), r"the image is 1e\+300 at \(0, 0\)\. Scale it down"),
        (np.where(np.eye(4) > 0, np.nan, 0), np.eye(4, dtype=int), r"the image is nan at \(0, 0\)"),
    ],
)
def test_bad_images_and_masks(image: np.ndarray, mask: np.ndarray, message: str) -> None:
    with pytest.raises((ArgumentError, DataError), match=message):
        as_volumes(image, mask)


@pytest.mark.parametrize("window", [0, -3, 4, (3, 4, 5), (3, 3, 3, 3), 2.5, "x"])
def test_bad_windows(window: object) -> None:
    with pytest.raises(ArgumentError, match="window"):
        window_size(window)  # type: ignore[arg-type]


def test_windows_larger_than_the_images_and_other_faults() -> None:
    mask = np.eye(6, dtype=int)
    volumes = as_volumes(mask, mask)
    for window in (7, (3, 3, 3)):
        with pytest.raises(ArgumentError, match="window: expected no larger than the images"):
            WindowEncoder.fit(volumes, range(6), window=window)
    with pytest.raises(ArgumentError, match=r"padding: .*Did you mean 'reflect'"):
        WindowEncoder.fit(volumes, range(6), padding="reflct")
    with pytest.raises(DataError, match="all training masks hold the label 3"):
        WindowEncoder.fit(as_volumes(mask, 0 * mask + 3), range(6))
    encoder = WindowEncoder.fit(volumes, range(6))
    with pytest.raises(DataError, match="hold the label 5, which is none of the classes 0, 1"):
        encoder.codes(5 * mask)
    with pytest.raises(ArgumentError, match="images: expected 1 channels, as in training, got 3"):
        encoder.check(as_volumes(np.zeros((6, 6, 3)), mask))
