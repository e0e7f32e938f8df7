"""A network from elsewhere trained on into a run folder, which all commands read."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from thalweg.core.errors import ArgumentError, DivergedError
from thalweg.core.files import storage_errors
from thalweg.recipes.config import RunConfig, make_config
from thalweg.recipes.imports import Imported
from thalweg.recipes.origin import network_settings
from thalweg.runs.record import check_free
from thalweg.runs.run import Run, train_run

DATA, START = "data.npz", "start"

PLAIN = {"preset": "plain", "schedule": "constant", "standardize": False}
"""What makes the same steps as where the network was made: inputs and targets as given, a step size that stays."""


def train_imported(
    imported: Imported, x: Any, y: Any, out: Path | str, *, test: tuple[Any, Any] | None = None, **settings: Any
) -> Run:
    """Train a network from elsewhere on, with its own loss and optimizer, and leave a run folder.

    The folder holds the rows, the network as it came, and all that a run of ``thalweg train`` holds: ``thalweg
    diagnose``, ``repair``, ``landscape``, ``report``, ``evaluate`` and ``predict`` read it.

    Args:
        imported: what `from_torch`, `from_keras` or `from_sklearn` read.
        x: features (N, inputs), or (N, …) to be flattened.
        y: targets (N,) or (N, K).
        out: the run folder, absent or empty.
        test: rows (x, y) to test on; by default a fifth of those given.
        settings: of ``thalweg train`` in Python's spelling, in place of those found: ``epochs``, ``learning_rate``,
            ``validation`` …

    Returns:
        The run.

    Raises:
        ArgumentError: settings, shapes or targets that cannot be used.
        StorageError: the place is taken or cannot be written.
        DivergedError: training left finite numbers; the folder says where.

    Example:
        >>> import tempfile
        >>> from sklearn.neural_network import MLPRegressor
        >>> from thalweg.recipes.imports import from_sklearn
        >>> x = np.linspace(-1, 1, 60)[:, None]
        >>> mlp = MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", random_state=0).fit(x, x[:, 0] ** 2)
        >>> run = train_imported(from_sklearn(mlp), x, x[:, 0] ** 2, tempfile.mkdtemp(), epochs=2)
        >>> run.state, (run.path / "report.html").exists()
        ('finished', True)
    """
    out = Path(out)
    config = make_config(_settings(imported, out) | settings)
    if any(settings.get(name) not in (None, str(out / START)) for name in ("start", "out")):
        raise ArgumentError("settings", "neither start nor out", "one of them", "The network is the start already.")
    check_free(out)
    arrays = _rows("", x, y) | (_rows("_test", *test) if test is not None else {})
    made = not out.exists()
    try:
        with storage_errors("write", out):
            out.mkdir(parents=True, exist_ok=True)
            np.savez(out / DATA, allow_pickle=False, **arrays)
        imported.model().save(out / START)
        return train_run(config, brought=frozenset({DATA, START}))
    except DivergedError:
        raise
    except BaseException:
        if not (out / "log.jsonl").exists():  # nothing was trained
            for place in (out / DATA, out / START):
                place.unlink(missing_ok=True) if place.is_file() else shutil.rmtree(place, ignore_errors=True)
            if made:
                shutil.rmtree(out, ignore_errors=True)
        raise


def _settings(imported: Imported, out: Path) -> dict[str, Any]:
    steps = dict(imported.optimizer)
    if "options" in steps:
        steps["optimizer_options"] = {name: float(value) for name, value in steps.pop("options").items()}
    family = imported.likelihood.to_dict()
    name = family.pop("name")
    usual = {"epochs": RunConfig.model_fields["epochs"].default}
    places = {"data": str(out / DATA), "start": str(out / START), "out": str(out)}
    likelihood = {"likelihood": name, "likelihood_options": {k: v for k, v in family.items() if v is not None}}
    return PLAIN | usual | network_settings(imported.network) | steps | imported.training | likelihood | places


def _rows(part: str, x: Any, y: Any) -> dict[str, Any]:
    features = np.asarray(x)
    if features.ndim < 2 or not len(features) or len(features) != len(y):
        raise ArgumentError(f"x{part}", f"{len(y)} rows of features, one a target", f"shape {features.shape}")
    targets = np.asarray(y)
    targets = targets.astype(str) if targets.dtype == object else targets
    return {f"x{part}": features.reshape(len(features), -1).astype(np.float32), f"y{part}": targets}
