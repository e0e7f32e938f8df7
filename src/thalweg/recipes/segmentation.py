"""A run on images with masks: slices held out, pixels to train on, and the segmenter that comes of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.data.kinds import TASKS
from thalweg.data.readers.masks import read_volumes
from thalweg.data.volumes import Volumes
from thalweg.data.window_batches import WindowBatches
from thalweg.data.windows import WindowEncoder, Windows, window_size
from thalweg.deploy import Model, Segmenter
from thalweg.likelihoods import LIKELIHOODS
from thalweg.recipes.choices import build_network, check_names, choose_likelihood
from thalweg.recipes.config import RunConfig
from thalweg.recipes.plan import Plan
from thalweg.recipes.prepare import make_plan
from thalweg.recipes.tables import Tables, fraction
from thalweg.training import Trained

BATCH_SIZE = 1024
"""Pixels of a minibatch by default."""

EVALUATION_PIXELS = 100_000
"""Test loss and error of an epoch are taken over so many pixels, drawn once; the evaluation at the end takes all."""

EVALUATION_BATCH = 8192
"""Pixels of a minibatch in evaluation: losses of overlap want many."""

_SLICE = re.compile(r"(-?\d+)?(:(-?\d+)?){1,2}")


@dataclass(frozen=True, eq=False)
class Slices:
    """Some places on the first axis of images: rows of one image, slices of a stack, or volumes.

    Args:
        volumes: the images with their masks.
        numbers: the places, ascending.
    """

    volumes: Volumes
    numbers: NDArray[np.intp]

    @property
    def name(self) -> str:
        """Where the images are from."""
        return self.volumes.name

    def __len__(self) -> int:
        """Return the number of pixels."""
        return len(self.numbers) * self.volumes.pixels_per_slice

    def count(self, stride: int = 1) -> int:
        """Return the number of pixels of every ``stride``-th row and column that weigh something."""
        volumes, labels = self.volumes, self.volumes.labels
        assert labels is not None, "slices of a run have masks"
        return sum(volumes.of_pixels(labels, plane, stride).size for plane in volumes.planes(self.numbers))

    def hash(self) -> str:
        """Return a digest of images and masks."""
        digest = hashlib.sha256(repr((self.volumes.shape, self.numbers.tolist())).encode())
        for volume, depth, rows in self.volumes.planes(self.numbers):
            for array in (self.volumes.values, self.volumes.labels):
                if array is not None:
                    digest.update(np.ascontiguousarray(array[volume, depth, rows]).tobytes())
        return digest.hexdigest()

    def classes(self, encoder: WindowEncoder, stride: int = 1) -> NDArray[Any]:
        """Return the class numbers of every ``stride``-th row and column (pixels,), but for pixels that weigh nothing.

        Raises:
            ArgumentError: all of these pixels weigh nothing.
            DataError: a label that is no class.
        """
        volumes, labels = self.volumes, self.volumes.labels
        assert labels is not None, "slices of a run have masks"
        planes = volumes.planes(self.numbers)
        y = np.concatenate([encoder.codes(volumes.of_pixels(labels, plane, stride), self.name) for plane in planes])
        if not len(y):
            expected = f"pixels that weigh something among those of stride {stride}"
            raise ArgumentError("sample_weight", expected, "none", "Use --stride 1.")
        return y

    def starts(self, windows: Windows, stride: int = 1) -> NDArray[Any]:
        """Return where the windows of the same pixels start."""
        volumes = self.volumes
        planes = volumes.planes(self.numbers)
        return np.concatenate([volumes.of_pixels(windows.starts(plane, stride), plane, stride) for plane in planes])

    def weights(self, stride: int = 1) -> NDArray[np.float32] | None:
        """Return the weights of the same pixels, None for equal ones."""
        volumes, weights = self.volumes, self.volumes.weights
        if weights is None:
            return None
        planes = volumes.planes(self.numbers)
        return np.concatenate([np.asarray(volumes.of_pixels(weights, plane, stride), np.float32) for plane in planes])


@dataclass(frozen=True, eq=False)
class SegmentationPlan(Plan):
    """A plan whose rows are pixels and whose model is a segmenter."""

    def model(self, trained: Trained) -> Model:
        return Segmenter(
            self.network,
            self.likelihood,
            trained.params,
            trained.state,
            history=[dict(row) for row in trained.history],
            windows=self.encoder,
        )


def prepare_segmentation(
    config: RunConfig,
    volumes: Volumes | None = None,
    test: Volumes | None = None,
    validation: Volumes | None = None,
    *,
    encoder: WindowEncoder | None = None,
    known: Sequence[Any] | None = None,
) -> SegmentationPlan:
    """Read images and masks, hold slices out, and build what the settings ask for.

    Args:
        config: the settings; ``data`` is read unless images are given.
        volumes: images with masks, and perhaps weights of their pixels.
        test: images with masks to test on.
        validation: images with masks to watch; by default the share of the slices that the settings name.
        encoder: one that is fitted already, as when training goes on; by default it is fitted on the training slices.
        known: all labels there are, where the masks may lack some.

    Raises:
        ThalwegError: settings or data that cannot be used, in one line.
    """
    check_names(config, held_out=validation is not None)
    _check_likelihood(config.likelihood)
    window_size(config.window)
    volumes = volumes or read_volumes(config.data, target=config.target)
    tables = make_slices(config, volumes, test)
    if validation is not None:
        tables = replace(tables, validation=Slices(validation, np.arange(validation.slices)))
    if encoder is None:
        encoder = WindowEncoder.fit(
            volumes,
            tables.train.numbers,
            window=config.window,
            padding=config.padding,
            standardize=config.standardize,
            classes=config.classes,
            known=known,
        )
    else:
        encoder.check(volumes)
    windows = encoder.windows(volumes.values)
    y, weight = tables.train.classes(encoder, config.stride), tables.train.weights(config.stride)
    likelihood = choose_likelihood(config, encoder, y, weight)
    network = build_network(config, encoder.feature_width, likelihood.output_width(y, len(encoder.classes)))
    likelihood.check(network.outputs, y)
    batches = partial(WindowBatches, windows, tables.train.starts(windows, config.stride), y)
    count = len(y)
    return make_plan(
        SegmentationPlan,
        config,
        tables,
        encoder,
        network,
        likelihood,
        lambda size: batches(size, config.sampling, weight, config.seed),
        count,
        largest_batch=BATCH_SIZE,
        validation=_evaluated(tables.validation, encoder, None if validation else windows, config.seed),
        test=_evaluated(tables.test, encoder, windows if test is None and _own(tables) else None, config.seed),
        opening=_opening(tables, encoder, count),
        facts=_facts(tables, encoder, count),
    )


def _check_likelihood(name: str) -> None:
    fitting = [known for known, family in LIKELIHOODS.items() if TASKS[family.targets] == "classification"]
    if name not in {"auto", *fitting}:
        raise ArgumentError("likelihood", f"one of auto, {', '.join(fitting)}", repr(name))


def make_slices(config: RunConfig, volumes: Volumes, test: Volumes | None = None) -> Tables[Slices]:
    """Hold slices out for the test and for early stopping.

    A fraction is taken from the end, so that neighbors of held-out slices, which look alike, are few.

    Raises:
        ArgumentError: nothing would be left, or nothing held out.
    """
    numbers = volumes.weighing()
    held: Slices | None = None
    origin = "none"
    if test is not None:
        held, origin = Slices(test, np.arange(test.slices)), "given beside it"
    elif config.test != "none":
        share = 0.2 if config.test == "auto" else fraction(config.test)
        if share is None and _SLICE.fullmatch(config.test) and not Path(config.test).exists():
            out = numbers[_slice(config.test)]
            origin = f"slices {config.test}"
        elif share is not None:
            out, origin = _last(numbers, share, "test"), f"the last {share:g} of the slices"
        else:
            out = numbers[:0]
            other = read_volumes(config.test, target=config.target)
            held, origin = Slices(other, np.arange(other.slices)), config.test
        if held is None:
            if not len(out) or len(out) == len(numbers):
                raise ArgumentError(
                    "test", f"some of the slices 0 to {len(numbers) - 1}", f"{config.test} ({len(out)} of them)"
                )
            held = Slices(volumes, np.sort(out))
            numbers = np.setdiff1d(numbers, out)
    validation: Slices | None = None
    if config.validation:
        validation = Slices(volumes, _last(numbers, config.validation, "validation"))
        numbers = np.setdiff1d(numbers, validation.numbers)
    train = Slices(volumes, numbers)
    return Tables(train, validation, held, origin, 0 if held is None else _shared(train, held))


def _last(numbers: NDArray[np.intp], share: float, argument: str) -> NDArray[np.intp]:
    if not 0 < share < 1:
        raise ArgumentError(argument, "a fraction between 0 and 1", f"{share:g}")
    if len(numbers) < 2:
        raise ArgumentError(argument, "at least 2 slices to hold one out of", f"{len(numbers)}", "Use --test none.")
    return numbers[-min(len(numbers) - 1, max(1, round(share * len(numbers)))) :]


def _slice(text: str) -> slice:
    parts = [int(part) if part else None for part in text.split(":")]
    if len(parts) == 3 and parts[2] == 0:
        raise ArgumentError("test", "slices as START:STOP:STEP with a step other than 0", text)
    return slice(*parts)


def _shared(train: Slices, test: Slices) -> int:
    """Pixels of test slices whose image is, bit for bit, that of a training slice."""
    known = set(train.volumes.slice_hashes(train.numbers))
    same = sum(digest in known for digest in test.volumes.slice_hashes(test.numbers))
    return same * test.volumes.pixels_per_slice


def _own(tables: Tables[Slices]) -> bool:
    return tables.test is not None and tables.test.volumes is tables.train.volumes


def _evaluated(part: Slices | None, encoder: WindowEncoder, windows: Windows | None, seed: int) -> WindowBatches | None:
    """Pixels for the evaluation of each epoch, in a random order, since losses of overlap need all classes at once."""
    if part is None:
        return None
    encoder.check(part.volumes)
    y, weight = part.classes(encoder), part.weights()
    own = windows or encoder.windows(part.volumes.values)
    chosen = np.random.default_rng(seed).choice(len(y), min(len(y), EVALUATION_PIXELS), replace=False, shuffle=True)
    drawn = None if weight is None else weight[chosen]
    size = min(EVALUATION_BATCH, len(chosen))
    return WindowBatches(own, part.starts(own)[chosen], y[chosen], size, sample_weight=drawn)


def _opening(tables: Tables[Slices], encoder: WindowEncoder, count: int) -> str:
    size = encoder.window if encoder.window[0] > 1 else encoder.window[1:]
    parts = [f"{len(tables.train.numbers)} slices to train on ({count} pixels)"]
    if tables.validation is not None:
        parts.append(f"{len(tables.validation.numbers)} for early stopping")
    parts.append("no test" if tables.test is None else f"{len(tables.test.numbers)} to test on ({tables.test_origin})")
    window = f"windows {' × '.join(map(str, size))}, {encoder.feature_width} inputs"
    return f"{tables.train.name}: {', '.join(parts)}; {window}, labels {', '.join(map(str, encoder.classes))}"


def _facts(tables: Tables[Slices], encoder: WindowEncoder, count: int) -> dict[str, Any]:
    return {
        "name": tables.train.name,
        "hash": tables.train.hash(),
        "train_rows": count,
        "validation_rows": None if tables.validation is None else len(tables.validation),
        "test_rows": 0 if tables.test is None else len(tables.test),
        "test": tables.test_origin,
        "features": encoder.feature_width,
        "classes": [str(label) for label in encoder.classes],
        "target": "mask",
        "shared_rows": tables.shared,
        "example_shape": None,
        "images": list(tables.train.volumes.shape),
    }
