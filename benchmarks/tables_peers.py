"""The peers on tables, with their defaults, and data handed to each of them as it documents."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Peer:
    """A way to fit tables.

    Args:
        label: its name in the tables.
        make: task, seed, threads and the names of the categorical columns ↦ an estimator that is not fitted.
        network: it is a neural network.
        frame: Polars training and test frames and the categorical names ↦ what the estimator is given.
        package: the distribution that has it.
    """

    label: str
    make: Callable[[str, int, int, list[str]], Any]
    network: bool
    frame: Callable[[Any, Any, list[str]], tuple[Any, Any]]
    package: str


def category_names(x: Any) -> list[str]:
    """Return the columns of a Polars frame that hold text."""
    import polars as pl

    return [name for name, kind in x.schema.items() if kind == pl.String]


def as_categories(train: Any, test: Any, categories: list[str]) -> tuple[Any, Any]:
    """Text as pandas categories, with the levels of the training rows; new levels are missing values."""
    train, test = train.to_pandas(), test.to_pandas()
    for name in categories:
        train[name] = train[name].astype("category")
        test[name] = test[name].astype(train[name].dtype)
    return train, test


def as_text(train: Any, test: Any, categories: list[str]) -> tuple[Any, Any]:
    """Text as text, a missing value being a level of its own."""
    return tuple(x.to_pandas().fillna(dict.fromkeys(categories, "missing")) for x in (train, test))


def _pytabkit(name: str) -> Callable[..., Any]:
    def make(task: str, seed: int, threads: int, _: list[str]) -> Any:
        from pytabkit.models import sklearn as models

        kind = "Regressor" if task == "regression" else "Classifier"
        interfaces = models.sklearn_interfaces
        return getattr(interfaces, f"{name}_{kind}")(random_state=seed, n_threads=threads, device="cpu")

    return make


def _lightgbm(task: str, seed: int, threads: int, _: list[str]) -> Any:
    import lightgbm

    make = lightgbm.LGBMRegressor if task == "regression" else lightgbm.LGBMClassifier
    return make(random_state=seed, n_jobs=threads, verbose=-1)


def _xgboost(task: str, seed: int, threads: int, _: list[str]) -> Any:
    import xgboost

    make = xgboost.XGBRegressor if task == "regression" else xgboost.XGBClassifier
    return make(random_state=seed, n_jobs=threads, enable_categorical=True)


def _catboost(task: str, seed: int, threads: int, categories: list[str]) -> Any:
    import catboost

    make = catboost.CatBoostRegressor if task == "regression" else catboost.CatBoostClassifier
    quiet = {"verbose": False, "allow_writing_files": False}
    return make(random_seed=seed, thread_count=threads, cat_features=categories, **quiet)


def _scikit(task: str, seed: int, _: int, categories: list[str]) -> Any:
    """scikit-learn's MLP behind the scaling and the one-hot columns that it asks for."""
    from sklearn.compose import TransformedTargetRegressor, make_column_transformer
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    warnings.simplefilter("ignore", ConvergenceWarning)  # 200 epochs are its default
    one_hot = OneHotEncoder(handle_unknown="ignore")
    columns = make_column_transformer((one_hot, categories), remainder=StandardScaler())
    if task == "regression":
        net = make_pipeline(columns, MLPRegressor(random_state=seed))
        return TransformedTargetRegressor(net, transformer=StandardScaler())
    return make_pipeline(columns, MLPClassifier(random_state=seed))


def _thalweg(task: str, seed: int, _: int, __: list[str]) -> Any:
    import jax

    import thalweg

    jax.devices()  # what starts with the import of other libraries
    make = thalweg.DenseRegressor if task == "regression" else thalweg.DenseClassifier
    return make(random_state=seed)


def as_it_is(train: Any, test: Any, _: list[str]) -> tuple[Any, Any]:
    """The frames as they were read."""
    return train, test


OURS = "thalweg"
PEERS = {
    OURS: Peer("thalweg", _thalweg, True, as_it_is, "thalweg"),
    "realmlp_td": Peer("RealMLP-TD", _pytabkit("RealMLP_TD"), True, as_categories, "pytabkit"),
    "realmlp_td_s": Peer("RealMLP-TD-S", _pytabkit("RealMLP_TD_S"), True, as_categories, "pytabkit"),
    "tabm_d": Peer("TabM-D", _pytabkit("TabM_D"), True, as_categories, "pytabkit"),
    "sklearn_mlp": Peer("scikit-learn MLP", _scikit, True, as_text, "scikit-learn"),
    "lightgbm": Peer("LightGBM", _lightgbm, False, as_categories, "lightgbm"),
    "xgboost": Peer("XGBoost", _xgboost, False, as_categories, "xgboost-cpu"),
    "catboost": Peer("CatBoost", _catboost, False, as_text, "catboost"),
}


def probabilities(estimator: Any, x: Any, classes: int) -> np.ndarray:
    """Return the predicted probability (N, C) of the classes 0 … C - 1; 0 for one that did not occur in training."""
    p = np.zeros((len(x), classes))
    p[:, np.asarray(estimator.classes_, int)] = estimator.predict_proba(x)
    return p
