"""Run folders made from parts, and the page reported on them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from pages import Element, read_page

from thalweg.runs.evaluation import classification_evaluation, regression_evaluation
from thalweg.runs.report import write_report


def report(
    folder: Path,
    log: list[dict[str, Any]] | None = None,
    run: dict[str, Any] | None = None,
    evaluation: dict[str, Any] | None = None,
    config: str | None = 'data = "set.csv"\nepochs = 4\n',
    model: dict[str, Any] | None = None,
) -> Element:
    """Write a run folder from parts, report on it, and return the parsed page."""
    (folder / "model").mkdir(parents=True)
    if log is not None:
        (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in log))
    for file, content in (("run.json", run), ("evaluation.json", evaluation), ("model/model.json", model)):
        if content is not None:
            (folder / file).write_text(json.dumps(content))
    if config is not None:
        (folder / "config.toml").write_text(config)
    path = write_report(folder)
    assert path == folder / "report.html"
    assert not [p.name for p in folder.iterdir() if p.name.startswith(".")]
    return read_page(path.read_text("utf-8"))


def epochs(count: int, measure: str = "error", **changes: Any) -> list[dict[str, Any]]:
    """A log whose losses and errors fall."""
    return [
        {
            "epoch": e,
            "steps": 7,
            "train_loss": 1 / e,
            "test_loss": 1.5 / e,
            f"train_{measure}": 0.5 / e,
            f"test_{measure}": 0.6 / e,
            "learning_rate": 1e-3,
            "seconds": 0.25,
            **changes,
        }
        for e in range(1, count + 1)
    ]


def answers(classes: int = 3, rows: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """True classes and probabilities that are right more often than not."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, rows)
    p = rng.dirichlet(np.ones(classes), rows)
    p[np.arange(rows), y] += 0.4
    return y, p / p.sum(axis=1, keepdims=True)


def classified(names: list[str], **options: Any) -> dict[str, Any]:
    y, p = answers(len(names))
    return {"test": classification_evaluation(y, p, names, **options)}


def regressed(rows: int = 90, **options: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    y = rng.normal(150, 70, rows)
    return {"test": regression_evaluation(y, y + rng.normal(0, 20, rows), **options)}
