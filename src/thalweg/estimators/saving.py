"""Estimators as model folders: the model, and beside it parameters and names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from thalweg.core.errors import ModelError
from thalweg.deploy import Model, load
from thalweg.deploy.artefact import read_artefact, write_artefact
from thalweg.deploy.weights import named
from thalweg.estimators.parameters import plain_value, settings_of

JSON = (str, int, float, bool, type(None), list, tuple, dict)


def save_estimator(estimator: Any, folder: Path | str) -> None:
    """Write a fitted estimator's model folder."""
    model = estimator.model_
    names = getattr(estimator, "feature_names_in_", None)
    own = {name: plain_value(value) for name, value in estimator.get_params(deep=False).items() if name != "callbacks"}
    description = {
        "parameters": {
            name: _stored(value) for name, value in (own | settings_of(estimator)).items() if isinstance(value, JSON)
        },
        "features": getattr(estimator, "n_features_in_", None),
        "feature_names": None if names is None else list(names),
        "target": estimator.target_,
        "best_epoch": estimator.best_epoch_,
    }
    arrays = named({"params": model.params, "state": model.state})
    write_artefact(folder, model.describe() | {"estimator": description}, arrays)


def load_estimator(kind: Any, folder: Path | str) -> Any:
    """Return an estimator of this kind around the model of a folder.

    Raises:
        ModelError: missing or damaged files, or a model of another task.
    """
    model = load(folder)
    folder = Path(folder)
    description, _ = read_artefact(folder if (folder / "model.json").exists() else folder / "model")
    saved = description.get("estimator") or {}
    if not kind.takes(model):
        raise ModelError(f"{folder}: no {kind.__name__} can be made of a {model.task} model.")
    try:
        parameters = saved.get("parameters", {})
        estimator = kind(**{name: _restored(value) for name, value in parameters.items()})
        names, features = saved.get("feature_names"), saved.get("features")
        if not saved and model.encoder is not None:
            # Columns of a data frame, those left out among them; of an array there are none.
            names = [column.name for column in model.encoder.columns] or None
            features = len(names or model.encoder.input_names)
        if features is not None:
            estimator.n_features_in_ = int(features)
        if names is not None:
            estimator.feature_names_in_ = np.array(names, object)
        estimator.adopt(model, saved.get("target") or _target_of(model))
        estimator.best_epoch_ = int(saved.get("best_epoch", estimator.best_epoch_))
    except (TypeError, ValueError, KeyError) as error:
        raise ModelError(f"{folder}: the estimator cannot be read ({error}).") from error
    return estimator


PAIRS = "pairs"
"""What a dictionary is stored as if its keys are numbers or booleans: JSON knows keys of text alone."""


def _stored(value: Any) -> Any:
    if isinstance(value, dict) and not all(isinstance(key, str) for key in value):
        return {PAIRS: list(map(list, value.items()))}
    return value


def _restored(value: Any) -> Any:
    if isinstance(value, dict) and isinstance(value.get(PAIRS), list):
        return dict(value[PAIRS])
    return tuple(value) if isinstance(value, list) else value


def _target_of(model: Model) -> dict[str, Any]:
    """Return type and number of axes of the targets of a model that no estimator saved."""
    several = model.encoder is not None and len(model.encoder.target_names) > 1
    dtype = model.classes.dtype if len(model.classes) else np.dtype(np.float64)
    return {"dtype": dtype.str, "ndim": 2 if several else 1}
