"""Small models of a table with numbers, gaps, text, truth values and dates, one for each kind of target."""

from __future__ import annotations

import warnings
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from thalweg.data.table import Table
from thalweg.deploy import Model
from thalweg.recipes.config import make_config
from thalweg.recipes.plan import train_plan
from thalweg.recipes.prepare import prepare
from thalweg.recipes.tables import Tables

ROWS, TESTED = 120, 50
FEATURES = ("age", "rooms", "city", "owner", "sold")
LIKELIHOODS = {
    "two": "bernoulli",
    "three": "categorical",
    "ordered": "ordinal",
    "labels": "multilabel",
    "numbers": "gaussian",
    "counts": "poisson",
    "quantiles": "quantile",
}


def frame() -> pl.DataFrame:
    """Rows of mixed columns."""
    rng = np.random.default_rng(3)
    n = ROWS + TESTED
    age = np.where(rng.uniform(size=n) < 0.1, None, rng.normal(40, 12, n).round(2))
    return pl.DataFrame(
        {
            "age": pl.Series(age.tolist(), dtype=pl.Float64),
            "rooms": rng.integers(1, 7, n),
            "city": [None if i % 13 == 0 else ("oslo", "rome", "bern")[i % 3] for i in rng.integers(0, 99, n)],
            "owner": rng.uniform(size=n) < 0.4,
            "sold": [date(2020, 1, 1) + timedelta(days=int(d)) for d in rng.integers(0, 900, n)],
        }
    )


def as_pandas(rows: pl.DataFrame) -> pd.DataFrame:
    """The same rows for scikit-learn, which sets and shuffles columns of pandas frames."""
    return pd.DataFrame({name: rows[name].to_list() for name in rows.columns}).astype({"sold": "datetime64[us]"})


def target(kind: str) -> np.ndarray:
    """A target of a kind that some of the columns tell."""
    rows = frame()
    x = rows["age"].fill_null(40.0).to_numpy() / 40 + rows["rooms"].to_numpy() + 2 * rows["owner"].to_numpy()
    x = x + np.random.default_rng(4).normal(0, 0.3, len(x))
    return {
        "two": np.where(x > 5, "yes", "no"),
        "three": np.array(["low", "mid", "top"])[np.digitize(x, [4, 6])],
        "ordered": np.digitize(x, [4, 6]),
        "labels": np.stack([x > 5, rows["owner"].to_numpy()], axis=1).astype(int),
        "numbers": np.stack([100 * x, -x], axis=1),
        "counts": np.floor(x).astype(int),
        "quantiles": 10 * x,
    }[kind]


@cache
def trained(kind: str) -> tuple[Model, Table]:
    """A model and the rows held out of its training."""
    rows = Table("toy", frame(), target(kind), FEATURES)
    tables: Tables[Any] = Tables(rows.rows(slice(ROWS)), None, rows.rows(slice(ROWS, None)), "given", 0)
    options = {"likelihood_options": {"levels": (0.1, 0.5, 0.9)}} if kind == "quantiles" else {}
    settings = {"data": "toy", "hidden": 8, "epochs": 8, "learning_rate": 0.02, "likelihood": LIKELIHOODS[kind]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plan = prepare(make_config(settings | options), tables)
        return plan.model(train_plan(plan)), tables.test
