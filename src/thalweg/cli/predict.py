"""``thalweg predict RUN DATA -o FILE``: use a trained model on new data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thalweg.cli.evaluate import DataArgument, RunArgument
from thalweg.cli.masks import predict_masks
from thalweg.core.errors import ArgumentError, ModelError

if TYPE_CHECKING:
    from thalweg.data.encode import Encoder
    from thalweg.deploy import Model

QUANTILES = (0.05, 0.95)
"""Ends of the central 90 % interval."""

Output = Annotated[
    Path,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Where to: .csv, .tsv, .parquet, .arrow, .npz or .npy; masks: .npz, .npy, .nii.gz or a folder of PNG.",
        show_default=False,
    ),
]


Quantiles = Annotated[
    str | None,
    typer.Option(
        "--quantiles",
        metavar="Q,Q,…",
        help="For numbers: which quantiles to write. Default 0.05,0.95, or those a quantile model was trained for.",
        show_default=False,
    ),
]


Probabilities = Annotated[
    bool, typer.Option("--probabilities", help="Of masks: write the probability of each label as well.")
]


def predict(
    run: RunArgument,
    data: DataArgument,
    output: Output,
    quantiles: Quantiles = None,
    probabilities: Probabilities = False,
) -> int:
    """Predict for every row of DATA: classes or labels and their probabilities, or numbers and how sure they are.

    A model of images with masks writes masks.
    """
    from thalweg.data.write import write_pieces

    levels = None if quantiles is None else quantile_levels(quantiles)
    model = open_model(run, data, output)
    from thalweg.deploy import Segmenter

    if isinstance(model, Segmenter):
        typer.echo(predict_masks(model, data, output, probabilities))
        return 0
    if probabilities:
        raise ArgumentError("--probabilities", "a model of images with masks", "one of rows, which writes them anyway")
    check_rows_model(model, run, output)
    rows = write_pieces(output, answers(model, data, levels))
    typer.echo(f"{rows} predictions in {output}")
    return 0


def open_model(run: Path, data: str, output: Path) -> Model:
    """Load the model whose answers go to a file.

    Raises:
        ArgumentError: the answers would replace the data.
    """
    from thalweg.cli.engine import keep_compiled

    if output.resolve() == Path(data).resolve():
        raise ArgumentError("--output", "another file than the data", str(output), "It would be replaced.")
    keep_compiled()
    from thalweg.deploy import load

    return load(run)


def rows_for(model: Model, run: Path, data: str, output: Path) -> Any:
    """Read the rows that a model of tables answers for.

    Raises:
        ArgumentError: the answers cannot be written in such a file.
        ModelError: the model cannot read tables.
    """
    check_rows_model(model, run, output)
    assert model.encoder is not None, "checked above"
    return read_rows(data, model.encoder)


def answers(model: Model, data: str, levels: tuple[float, ...] | None) -> Iterator[dict[str, Any]]:
    """Yield the columns of the answer: for all rows at once, of a large file piece by piece."""
    from thalweg.data.streaming.pieces import large_source
    from thalweg.data.streaming.records import numbered, warnings_once
    from thalweg.data.streaming.tables import tables_of

    assert model.encoder is not None, "checked by the command"
    source = large_source(data)
    if source is None:
        yield columns(model, read_rows(data, model.encoder), levels)
        return
    told: set[str] = set()
    for table, piece, first in tables_of(source, model.encoder.target_name):
        with numbered(piece, first), warnings_once(told):
            answer = columns(model, table, levels)
        yield answer


def check_rows_model(model: Model, run: Path, output: Path) -> None:
    """Raise unless a model answers for rows of tables, and its answers can be written.

    Raises:
        ArgumentError: the answers cannot be written in such a file.
        ModelError: the model cannot read tables.
    """
    from thalweg.data.write import check_ending
    from thalweg.deploy import Segmenter

    check_ending(output)
    if isinstance(model, Segmenter):
        raise ModelError(f"{run} is a model of images; expected one of tables. Masks are written by: thalweg predict.")
    if model.encoder is None:
        raise ModelError(f"{run} has no encoder: use it from Python, with thalweg.load and Model.predict.")


def read_rows(data: str, encoder: Encoder) -> Any:
    """Read rows with or without the target column of training.

    Columns of an array have no names: the target's place is dropped only where that leaves the width of training.
    """
    from thalweg.data.read import read

    table = read(data, target=encoder.target_name, need_target=False)
    if encoder.target_name is None or table.is_frame or table.width == len(encoder.input_names):
        return table
    return read(data, need_target=False)


def quantile_levels(text: str) -> tuple[float, ...]:
    """Read ``"0.05,0.95"``.

    Raises:
        ArgumentError: no numbers between 0 and 1.

    Example:
        >>> quantile_levels("0.05,0.95")
        (0.05, 0.95)
    """
    try:
        levels = tuple(float(part) for part in text.split(","))
    except ValueError:
        levels = ()
    if not levels or not all(0 < level < 1 for level in levels):
        raise ArgumentError("--quantiles", "numbers between 0 and 1, like 0.05,0.5,0.95", repr(text))
    return levels


def columns(model: Model, table: Any, levels: tuple[float, ...] | None = None) -> dict[str, Any]:
    """Return the columns of the answer by name.

    Classes: ``prediction`` and ``p_CLASS`` for each class. Several labels: ``LABEL`` (0 or 1) and ``p_LABEL`` for each.
    Numbers and counts: ``prediction`` (the mean), ``sd``, and the quantiles as ``q0.05``, ``q0.95``; for several
    targets ``prediction_TARGET`` and so on.
    """
    import numpy as np

    from thalweg.runs.judge import deviation

    outputs: Any = model.outputs(table)
    encoder = model.encoder
    assert encoder is not None, "checked by the command"
    if levels is not None and model.task != "regression":
        raise ArgumentError("--quantiles", "a model of numbers", f"a {model.task} model")
    if model.task == "classification":
        names, p = [f"p_{label}" for label in model.classes], model.probabilities(outputs)
        return {"prediction": model.classes[p.argmax(axis=1)]} | dict(zip(names, p.T, strict=True))
    answer: dict[str, Any] = {}
    if model.task == "multilabel":
        for name, p in zip(encoder.target_names, model.probabilities(outputs).T, strict=True):
            answer |= {name: (p > 0.5).astype(np.int64), f"p_{name}": p}
        return answer
    mean = encoder.unscale_targets(np.asarray(model.likelihood.mean(outputs)))
    sd = deviation(model, outputs)
    levels = levels or tuple(getattr(model.likelihood, "levels", QUANTILES))
    quantiles = model.quantiles(outputs, levels)
    for k, name in enumerate(encoder.target_names):
        end = "" if mean.shape[1] == 1 else f"_{name}"
        answer |= {f"prediction{end}": mean[:, k], f"sd{end}": sd[:, k]}
        answer |= {f"q{level:g}{end}": quantiles[:, k, i] for i, level in enumerate(levels)}
    return answer


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("predict")(predict)
