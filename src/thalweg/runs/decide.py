"""Decisions of a trained model about the rows of a table, for the command ``decide``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.data.table import Table
from thalweg.decisions import Comparison, Decisions, compare
from thalweg.deploy import Model


def cost_of(text: str) -> str | Path:
    """Return a cost from the command line: the path of a file, or a name with settings.

    Raises:
        StorageError: when it is read, if there is no such file.

    Example:
        >>> cost_of("squared"), cost_of("under=5,over=1"), cost_of("prices.csv").name
        ('squared', 'under=5,over=1', 'prices.csv')
    """
    path = Path(text)
    return path if path.suffix.lower() in {".csv", ".txt"} or path.is_file() else text


def true_values(model: Model, table: Table) -> NDArray[Any]:
    """Return what came true: class numbers (N,), labels (N, K), or numbers in their units, (N,) for one target."""
    encoder = model.encoder
    assert encoder is not None, "models of runs have an encoder"
    y = encoder.targets(table)
    if model.task == "regression":
        y = np.asarray(encoder.unscale_targets(y))
        return y[:, 0] if y.shape[1] == 1 else y
    return np.asarray(y)


def judge_decisions(model: Model, table: Table, decisions: Decisions, seed: int = 0) -> Comparison | None:
    """Compare with MAP where the table has the target; of rows marked as official test rows, on those alone."""
    if table.target is None:
        return None
    rows = slice(None) if table.is_test is None or not table.is_test.any() else np.flatnonzero(table.is_test)
    return compare(decisions.rows(rows), true_values(model, table)[rows], seed=seed)


def decision_columns(model: Model, decisions: Decisions) -> dict[str, NDArray[Any]]:
    """Return the columns of the answer by name: the decision, its expected cost, and MAP's, for each target.

    Rejected rows have the decision ``reject``; of numbers it is empty, and the column ``rejected`` is 1.
    """
    own, plain = decisions.labels(), decisions.map_labels()
    if own.ndim == 1:
        return _named("", own, plain, decisions, ())
    assert model.encoder is not None, "models of runs have an encoder"
    columns: dict[str, NDArray[Any]] = {}
    for k, name in enumerate(model.encoder.target_names):
        columns |= _named(f"_{name}", own, plain, decisions, (slice(None), k))
    return columns


def _named(
    end: str, own: NDArray[Any], plain: NDArray[Any], decisions: Decisions, place: Sequence[Any]
) -> dict[str, NDArray[Any]]:
    at = tuple(place)
    columns = {
        f"decision{end}": own[at],
        f"expected_cost{end}": decisions.expected[at],
        f"map{end}": plain[at],
        f"map_expected_cost{end}": decisions.map_expected[at],
    }
    if decisions.price is not None and not decisions.names:
        columns[f"rejected{end}"] = decisions.rejected[at].astype(np.int64)
    return columns


def comparison_lines(found: Comparison) -> list[str]:
    r"""Return a comparison as lines of text.

    Example:
        >>> found = Comparison(100, 0.42, 0.61, 0.44, 0.6, -0.16, -0.2, -0.12, 0.95, 0.0)
        >>> print("\n".join(comparison_lines(found)))
        expected cost a row 0.42, of the most probable outcome (MAP) 0.61
        realized cost a row 0.44, of MAP 0.6, on 100 rows
        difference -0.16, 95 % bootstrap interval -0.2 to -0.12: it costs less
    """
    if found.high < 0:
        verdict = "it costs less"
    elif found.low > 0:
        verdict = "it costs more; are the probabilities calibrated? See thalweg calibrate"
    elif found.difference == 0 == found.low == found.high:
        verdict = "the same"
    else:
        verdict = "these rows do not tell which costs less"
    interval = f"{100 * found.confidence:g} % bootstrap interval"
    return [
        f"expected cost a row {found.expected:.4g}, of the most probable outcome (MAP) {found.map_expected:.4g}",
        f"realized cost a row {found.realized:.4g}, of MAP {found.map_realized:.4g}, on {found.rows} rows",
        f"difference {found.difference:.3g}, {interval} {found.low:.3g} to {found.high:.3g}: {verdict}",
    ]


def checked_flag(flag: str | None, budget: float | None) -> dict[str, Any]:
    """Return budget and rationed action as settings of `decide`.

    Raises:
        ArgumentError: an action to ration without a budget.
    """
    if flag is not None and budget is None:
        raise ArgumentError("flag", "a budget beside it", "none", "Say how many rows: --budget K.")
    return {"budget": budget} | ({} if flag is None else {"flag": flag})
