"""Columns of every kind from the frame to the prediction: what training learns of them, and from which rows."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import r2_score

from thalweg import DenseRegressor
from thalweg.core.errors import DataWarning
from thalweg.recipes.config import make_config
from thalweg.recipes.prepare import prepare
from thalweg.recipes.tables import make_tables

RNG = np.random.default_rng(4)
SMALL: dict[str, Any] = {"preset": "plain", "hidden": (16,), "epochs": 1}


def mixed(rows: int = 240) -> pl.DataFrame:
    day = dt.date(2024, 1, 1)
    return pl.DataFrame(
        {
            "size": RNG.normal(50, 20, rows),
            "gaps": np.where(RNG.uniform(size=rows) < 0.1, np.nan, RNG.exponential(size=rows)),
            "color": RNG.choice(["red", "green", "blue"], rows),
            "street": RNG.choice([f"street {i}" for i in range(20)], rows),
            "sold": [day + dt.timedelta(days=int(i)) for i in RNG.integers(0, 700, rows)],
            "y": RNG.normal(size=rows),
        }
    )


def wild(frame: pl.DataFrame, rows: Any) -> pl.DataFrame:
    """The frame with other values, of which each would change what is fitted, in some rows."""
    chosen = pl.Series(np.isin(np.arange(len(frame)), rows))
    other = {
        "size": pl.lit(1e6),
        "gaps": pl.lit(-1e3),
        "color": pl.lit("ultraviolet"),
        "street": pl.lit(None, pl.String),
        "sold": pl.lit(dt.date(1800, 5, 17)),
        "y": pl.lit(1e3),
    }
    return frame.with_columns(
        pl.when(chosen).then(cell).otherwise(pl.col(name)).alias(name) for name, cell in other.items()
    )


@pytest.mark.filterwarnings("ignore:.* levels that training did not have")
@pytest.mark.parametrize("scaling", ["standard", "adaptive"])
def test_the_encoder_knows_nothing_of_validation_and_test_rows(tmp_path: Path, scaling: str) -> None:
    calm = mixed().with_columns(is_test=pl.int_range(240) % 5 == 3)
    settings = {"target": "y", "validation": 0.25, "scaling": scaling, "embed_levels": True, "epochs": 1}

    def fitted(frame: pl.DataFrame, name: str) -> Any:
        frame.write_parquet(tmp_path / name)
        config = make_config(settings | {"data": str(tmp_path / name), "preset": "plain"})
        return prepare(config).encoder.to_dict(), make_tables(config)

    expected, tables = fitted(calm, "calm.parquet")
    held_out = tables.validation.row_numbers()
    test_rows = np.flatnonzero(calm["is_test"].to_numpy())
    assert len(held_out) == 48
    assert not set(held_out) & set(test_rows)
    assert fitted(wild(calm, [*held_out, *test_rows]), "wild.parquet")[0] == expected
    # A single row of those that are trained on changes it.
    train = np.setdiff1d(np.arange(240), [*held_out, *test_rows])
    assert fitted(wild(calm, train[:1]), "other.parquet")[0] != expected


def test_the_encoder_of_an_estimator_knows_nothing_of_rows_to_watch() -> None:
    frame, watched = mixed(), mixed(60)

    def fitted(rows: pl.DataFrame) -> Any:
        ours = DenseRegressor(**SMALL, embed_levels=True)
        ours.fit(frame.drop("y"), frame["y"], eval_set=(rows.drop("y"), rows["y"]))
        return ours.model_.encoder.to_dict()

    expected = fitted(watched)
    with pytest.warns(DataWarning, match="levels that training did not have, in 'color'"):
        assert fitted(wild(watched, np.arange(60))) == expected


def test_four_thousand_levels() -> None:
    effects = RNG.normal(size=4000)

    def shops(levels: np.ndarray) -> tuple[pl.DataFrame, np.ndarray]:
        x = RNG.normal(size=len(levels))
        missing = RNG.uniform(size=len(levels)) < 0.02
        names = [None if gap else f"shop {level}" for level, gap in zip(levels, missing, strict=True)]
        return pl.DataFrame({"shop": names, "x": x}), np.where(missing, 4.0, effects[levels]) + 0.3 * x

    train, y = shops(RNG.permutation(np.repeat(np.arange(4000), 3)))
    test, y_test = shops(np.arange(4000))
    settings = SMALL | {"learning_rate": 0.05, "batch_size": 100, "min_count": 1, "embed_levels": True}
    ours = DenseRegressor(**settings).fit(train, y)
    assert ours.model_.encoder.layout.codes == (4002,)
    known = ~test["shop"].is_null().to_numpy()
    without = 0.3 * test["x"].to_numpy()[known]  # the best that can be said of the other column alone
    assert r2_score(y_test[known], ours.predict(test)[known]) > r2_score(y_test[known], without) + 0.2
    rows = pl.DataFrame({"shop": [None, "new"], "x": [0.0, 0.0]})
    with pytest.warns(DataWarning, match="1 cells hold levels that training did not have, in 'shop'"):
        missing, new = ours.predict(rows)
    assert missing == pytest.approx(4.0, abs=1.0)  # has a vector of its own
    assert new == pytest.approx(effects.mean(), abs=0.5)  # says nothing: one shop in the middle


def test_dates_are_learned_by_their_season() -> None:
    start = dt.date(2021, 1, 1)
    days = [start + dt.timedelta(days=int(i)) for i in RNG.permutation(np.repeat(np.arange(1095), 2))]
    season = np.array([np.cos(2 * np.pi * (day - start).days / 365.25) for day in days])
    frame = pl.DataFrame({"sold": days, "x": RNG.normal(size=len(days))})
    train, test = frame[:1500], frame[1500:]
    settings = SMALL | {"epochs": 30, "learning_rate": 0.02}
    ours = DenseRegressor(**settings).fit(train, season[:1500])
    assert ours.model_.encoder.feature_names == (
        "x",
        "sold",
        "sold (year cos)",
        "sold (year sin)",
        "sold (week cos)",
        "sold (week sin)",
    )
    assert ours.score(test, season[1500:]) > 0.95
    # The end of a year is near the beginning of the next.
    turn = pl.DataFrame({"sold": [dt.date(2021, 12, 31), dt.date(2022, 1, 1), dt.date(2022, 7, 1)], "x": [0.0] * 3})
    last, first, summer = ours.predict(turn)
    assert abs(first - last) < 0.1
    assert first - summer > 1.5
    # A file may spell the same days as words.
    spelled = [part.with_columns(pl.col("sold").dt.strftime("%d.%m.%Y")) for part in (train, test)]
    words = DenseRegressor(**settings).fit(spelled[0], season[:1500])
    assert np.array_equal(words.predict(spelled[1]), ours.predict(test))
