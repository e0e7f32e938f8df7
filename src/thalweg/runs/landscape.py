"""The loss landscape around a run's network, drawn for the command ``landscape`` and the report."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from thalweg.core.errors import ArgumentError, DataError, ModelError
from thalweg.core.files import write_atomic
from thalweg.core.registry import lookup
from thalweg.data.batches import spread, taken_targets
from thalweg.deploy import Model, Segmenter, load
from thalweg.diagnosis.landscape import (
    Slice,
    Trajectory,
    draw_slice,
    hessian_directions,
    random_directions,
    slice_along,
    trajectory_directions,
)
from thalweg.recipes.plan import train_plan
from thalweg.recipes.prepare import prepare
from thalweg.recipes.tables import make_tables
from thalweg.runs.record import STATUS, run_config
from thalweg.runs.report import write_report
from thalweg.runs.report.sections.landscape import PICTURE
from thalweg.training import Hook

ROWS = 2000
"""Rows of the training set that the loss is the mean over."""

DIRECTIONS = {
    "random": "random directions, normalized unit by unit",
    "hessian": "directions of largest curvature",
    "trajectory": "the way that training took",
}
"""How directions are chosen, by name."""


def landscape(
    path: Path,
    directions: str = "random",
    *,
    points: int = 41,
    extent: float = 1.0,
    seed: int = 0,
    hooks: Sequence[Hook] = (),
) -> Slice:
    """Return a slice of a run's loss, the mean over some of its training rows, around the trained network.

    Args:
        path: run folder.
        directions: a name in ``DIRECTIONS``.
        points: of the grid along each direction.
        extent: how far the grid reaches: in lengths of the weights for random directions, in steps that raise the loss
            noticeably for those of curvature, as a multiple of the way for a trajectory.
        seed: of random directions.
        hooks: follow the training that a trajectory takes.

    Raises:
        ArgumentError: unknown directions.
        ModelError: no run folder, or one of images with masks.
        DataError: the run's data is not what it was trained on.
    """
    lookup(DIRECTIONS, directions, "directions")
    if not (path / STATUS).is_file():
        raise ModelError(f"{path} is no run folder; landscape needs the run's rows.")
    model, config = load(path), run_config(path)
    if isinstance(model, Segmenter) or model.encoder is None:
        raise ModelError(f"{path} is a run on images with masks; landscapes are drawn of runs on rows.")
    if directions == "trajectory":
        return _trajectory(model, config, points, extent, hooks)
    table = make_tables(config).train
    some = table.rows(spread(ROWS, len(table)))
    x, y = model.encode(some), model.encoder.targets(some)
    center = (model.network, model.likelihood, model.params, model.state, x, y)
    if directions == "random":
        found = random_directions(model.params, 2, seed=seed)
        extents = [(-extent, extent)] * 2
        names: tuple[str, ...] = ("first random direction", "second random direction")
    else:
        found, values = hessian_directions(*center)
        # As far as a parabola of that curvature rises by one.
        reach = [extent * float(np.sqrt(2.0 / max(value, 1e-6))) for value in values]
        extents = [(-r, r) for r in reach]
        names = tuple(f"eigenvector of {value:.3g}" for value in values)
    return slice_along(*center, found, extents=extents, points=points, names=names)


def _trajectory(model: Model, config: Any, points: int, extent: float, hooks: Sequence[Hook]) -> Slice:
    if config.networks > 1:
        raise ArgumentError("directions", "random or hessian for members that train together", "trajectory")
    plan = prepare(config)
    way = Trajectory()
    trained = train_plan(plan, [way, *hooks])
    way.points.append(jax.tree.map(np.asarray, trained.params))
    found, path, shares = trajectory_directions(way.points)
    rows = spread(ROWS, plan.train.rows)
    x = plan.train.sample(len(rows))
    y = taken_targets(plan.train, rows)
    if len(x) != len(y):
        raise DataError("the run's rows cannot be sampled.")
    margin = 0.25 * extent * np.ptp(path, axis=0)
    low, high = path.min(axis=0) - margin, path.max(axis=0) + margin
    return slice_along(
        plan.network,
        plan.likelihood,
        trained.params,
        trained.state,
        x,
        y,
        found,
        extents=[(float(a), float(b)) for a, b in zip(low, high, strict=True)],
        points=points,
        names=tuple(f"principal direction {i + 1} ({share:.0%} of the way)" for i, share in enumerate(shares)),
        path=path,
    )


def draw(cut: Slice, out: Path, title: str) -> None:
    """Write the picture of a slice, in the format of the file's ending.

    Raises:
        ArgumentError: no ending of a picture.
        StorageError: it cannot be written.
    """
    _check_ending(out)
    buffer = io.BytesIO()
    draw_slice(cut, title).savefig(buffer, format=out.suffix[1:].lower())
    write_atomic(out, buffer.getvalue())


def _check_ending(out: Path) -> None:
    if out.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ArgumentError("out", "a file that ends in .png, .svg or .pdf", str(out))


def landscape_of_run(path: Path, out: Path | None, directions: str, **settings: Any) -> tuple[Slice, Path]:
    """Draw a run's landscape into a file, or into the run folder, whose report shows it from then on.

    Args:
        path: run folder.
        out: file; None for the run folder's own.
        directions: a name in ``DIRECTIONS``.
        settings: of `landscape`.
    """
    place = out or path / PICTURE
    _check_ending(place)  # before the work, which may take long
    cut = landscape(path, directions, **settings)
    draw(cut, place, f"{path.name}: loss along {DIRECTIONS[directions]}")
    if out is None:
        write_report(path)
    return cut, place
