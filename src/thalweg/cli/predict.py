"""``thalweg predict RUN DATA -o FILE``: use a trained model on new data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thalweg.cli.evaluate import DataArgument, RunArgument
from thalweg.core.errors import ArgumentError, ModelError

if TYPE_CHECKING:
    from thalweg.data.encode import Encoder
    from thalweg.deploy import Model

Output = Annotated[
    Path,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Where to: .csv, .tsv, .parquet, .arrow, .npz or .npy.",
        show_default=False,
    ),
]


def predict(run: RunArgument, data: DataArgument, output: Output) -> int:
    """Predict for every row of DATA: the class and its probabilities, or the mean and its standard deviation."""
    from thalweg.cli.engine import keep_compiled
    from thalweg.data.write import check_ending, write_columns

    check_ending(output)
    if output.resolve() == Path(data).resolve():
        raise ArgumentError("--output", "another file than the data", str(output), "It would be replaced.")
    keep_compiled()
    from thalweg.deploy import load

    model = load(run)
    if model.encoder is None:
        raise ModelError(f"{run} has no encoder: use it from Python, with thalweg.load and Model.predict.")
    table = read_rows(data, model.encoder)
    write_columns(output, columns(model, table))
    typer.echo(f"{len(table)} predictions in {output}")
    return 0


def read_rows(data: str, encoder: Encoder) -> Any:
    """Read rows with or without the target column of training.

    Columns of an array have no names: the target's place is dropped only where that leaves the width of training.
    """
    from thalweg.data.read import read

    table = read(data, target=encoder.target_name, need_target=False)
    if encoder.target_name is None or table.is_frame or table.width == len(encoder.input_names):
        return table
    return read(data, need_target=False)


def columns(model: Model, table: Any) -> dict[str, Any]:
    """Return the columns of the answer by name.

    For classes ``prediction`` and ``p_CLASS`` for each class; for numbers ``prediction`` and ``sd``, or
    ``prediction_K`` and ``sd_K`` for several targets.
    """
    import numpy as np

    from thalweg.runs.judge import deviation

    outputs: Any = model.outputs(table)
    mean = np.asarray(model.likelihood.mean(outputs))
    if model.task == "classification":
        names = [f"p_{label}" for label in model.classes]
        return {"prediction": model.classes[mean.argmax(axis=1)]} | dict(zip(names, mean.T, strict=True))
    assert model.encoder is not None, "checked by the command"
    mean, sd = model.encoder.unscale_targets(mean), deviation(model, outputs)
    ends = [""] if mean.shape[1] == 1 else [f"_{k + 1}" for k in range(mean.shape[1])]
    answer: dict[str, Any] = {}
    for k, end in enumerate(ends):
        answer |= {f"prediction{end}": mean[:, k], f"sd{end}": sd[:, k]}
    return answer


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("predict")(predict)
