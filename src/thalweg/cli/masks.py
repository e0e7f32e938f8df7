"""What ``evaluate`` and ``predict`` do with a model of images and masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from thalweg.core.errors import ArgumentError

if TYPE_CHECKING:
    from thalweg.deploy import Segmenter

_COLUMNS = {"dice": 7, "jaccard": 8, "boundary_f1": 12, "boundary_distance": 14, "hausdorff_95": 14}


def evaluate_masks(model: Segmenter, data: str, target: str | None) -> list[str]:
    """Test a segmenter on images with masks, and return the result as lines of text."""
    from thalweg.data.readers.masks import read_volumes
    from thalweg.runs.judge_masks import judge_masks

    result = judge_masks(model, read_volumes(data, target=target))
    base = result["baseline"]
    return [
        f"{result['rows']} pixels, {100 * result['error']:.2f} % wrong ({result['mistakes']})",
        f"mean -ln p(true label) {result['loss']:.4f} nat",
        f"always {base['guess']}: {100 * base['error']:.2f} % wrong",
        *overlap_lines(result["segmentation"]),
    ]


def overlap_lines(result: dict[str, Any]) -> list[str]:
    """Return overlap and boundary errors of each label as lines of text."""
    width = max(len("label"), *(len(row["class"]) for row in result["per_class"]))
    lines = [
        f"mean Dice {result['mean_dice']:.4f}, mean Jaccard {result['mean_jaccard']:.4f}",
        f"{'label':<{width}}    Dice  Jaccard  boundary F1  mean distance  95 % distance",
    ]
    for row in result["per_class"]:
        cells = ("-" if row[key] is None else f"{row[key]:.4f}" for key in _COLUMNS)
        numbers = (f"{cell:>{size}}" for cell, size in zip(cells, _COLUMNS.values(), strict=True))
        lines.append(f"{row['class']:<{width}} {' '.join(numbers)}")
    return lines


def predict_masks(model: Segmenter, data: str, output: Path, probabilities: bool) -> str:
    """Write the predicted masks of images, and return what was written, in words.

    Raises:
        ArgumentError: a file that cannot hold what is asked for.
        DataError: images that cannot be read.
    """
    from thalweg.data.write_masks import check_mask_ending, write_masks

    check_mask_ending(output)
    if probabilities and output.suffix != ".npz":
        raise ArgumentError("--output", "an .npz file, which holds masks and probabilities", str(output))
    volumes = model.volumes(data)
    likely = model.predict_proba(volumes) if probabilities else None
    masks = model.predict(volumes) if likely is None else model.windows.labels(likely.argmax(axis=-1))
    write_masks(output, masks, likely, like=data)
    return f"masks of {' × '.join(map(str, masks.shape))} pixels in {output}"
