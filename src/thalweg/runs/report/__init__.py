"""The run report: one HTML file that explains a run to whoever opens it, from the run folder's files alone.

What is read (a file or key that is missing is left out of the page, never an error)::

    log.jsonl         a line an epoch: epoch, steps, train_loss, test_loss, train_error | train_rmse,
                      test_error | test_rmse, learning_rate, seconds (null or absent where there is none)
    evaluation.json   see thalweg.runs.evaluation
    explanation.json  see thalweg.runs.explain
    model/model.json  network and likelihood
    config.toml       the settings, printed as they are
    run.json          state        "running" | "finished" | "stopped early" | "interrupted" | "diverged" | "failed"
                      message      why it ended so, in words (diverged: epoch, step and quantity)
                      command      the command line, a list of words
                      started      ISO 8601; seconds: {"train": s, "compile": s, "total": s, …}
                      best_epoch   epoch whose parameters were kept
                      versions     {"thalweg": "…", "python": "…", "jax": "…", …}
                      machine      {"system": "…", "processor": "…", "cores": n, "device": "…", …}
                      data         {"name", "hash", "train_rows", "test_rows", "features", "classes": [names] | null,
                                    "target", "shared_rows", "example_shape", "test": how it was made, …}
                      summary      the fields of network.Summary: {"rows": [{"layer", "shape", "parameters",
                                    "multiplications"}], "inputs", "parameters", "multiplications", "bytes",
                                    "networks"}
                      settings     the settings as resolved (auto replaced by what was taken)
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from thalweg.core.files import write_atomic
from thalweg.runs.report.files import read_run
from thalweg.runs.report.page import page

__all__ = ["write_report"]


def write_report(run_folder: Path | str, *, state: str | None = None) -> Path:
    """Write ``report.html`` into a run folder, whole or not at all.

    The report is read from the folder's files alone, takes well below 0.1 s, and imports neither JAX nor NumPy.

    Args:
        run_folder: folder of a run, in whatever state it is: finished, interrupted, diverged, still running.
        state: how the run stands, where the caller knows better than ``run.json``, which a killed run leaves at
            ``"running"``.

    Returns:
        The path of the report.

    Raises:
        StorageError: no run folder, or the report cannot be written.
    """
    folder = Path(run_folder)
    report = folder / "report.html"
    run = read_run(folder)
    if state is not None:
        run = dataclasses.replace(run, info={**run.info, "state": state})
    write_atomic(report, page(run))
    return report
