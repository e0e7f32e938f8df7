"""Dates against pandas and the clock; text is read as dates only where it says so for sure."""

from __future__ import annotations

import datetime as dt
import json
import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thalweg.core.errors import DataError, DataWarning
from thalweg.data.dates import CYCLES, Dates, date_forms
from thalweg.data.encode import Encoder
from thalweg.data.read import read

at = dt.datetime.fromisoformat
moments = st.datetimes(at("1600-01-01T00:00"), at("2400-01-01T00:00"))


def angle(x: np.ndarray, dates: Dates, cycle: str) -> np.ndarray:
    """Share of a cycle in [0, 1) from its cosine and sine."""
    at = dates.feature_names.index(f"{dates.name} ({cycle} cos)")
    return np.mod(np.arctan2(x[:, at + 1], x[:, at]) / (2 * np.pi), 1.0)


@settings(max_examples=50, deadline=None)
@given(st.lists(moments, min_size=2, max_size=12))
def test_parts_equal_those_of_pandas(times: list[dt.datetime]) -> None:
    dates = Dates("t", tuple(CYCLES))
    x = dates.transform(pl.Series("t", times))
    peer = pd.Series(pd.to_datetime(np.array(times, "datetime64[us]")))
    days = (peer - pd.Timestamp(1970, 1, 1)) / pd.Timedelta(days=1)
    np.testing.assert_allclose(x[:, 0], days, rtol=1e-12, atol=1e-9)
    for cycle, share in {
        "year": (peer.dt.day_of_year - 1) / 365.25,
        "week": peer.dt.day_of_week / 7,
        "day": (peer.dt.hour * 3600 + peer.dt.minute * 60 + peer.dt.second) / 86400,
    }.items():
        gap = np.mod(angle(x, dates, cycle) - share + 0.5, 1) - 0.5
        np.testing.assert_allclose(gap, 0, atol=1e-9)


def test_only_cycles_that_vary_are_kept() -> None:
    def cycles(*times: dt.datetime | dt.date | dt.time) -> tuple[str, ...]:
        return Dates.fit(pl.Series("t", times)).cycles

    assert cycles(dt.date(2024, 1, 1), dt.date(2024, 1, 2)) == ("week",)
    assert cycles(dt.date(2024, 1, 1), dt.date(2024, 4, 1)) == ("year",)  # two Mondays
    assert cycles(at("2024-01-01T05:00"), at("2024-01-01T06:00")) == ("day",)
    assert cycles(dt.time(5), dt.time(6)) == ("day",)
    assert cycles(dt.date(2023, 1, 2), dt.date(2024, 1, 1)) == ()


def test_a_missing_date_is_the_center_of_the_circle_and_one_indicator() -> None:
    frame = pl.DataFrame(
        {"t": [dt.date(2024, 1, 1), None, dt.date(2024, 5, 7), dt.date(2024, 9, 2)], "y": [0, 1, 1, 0]}
    )
    encoder = Encoder.fit(read(frame), standardize=False)
    x = encoder.features(read(frame))
    assert encoder.feature_names == ("t", "t (year cos)", "t (year sin)", "t (week cos)", "t (week sin)", "t (missing)")
    assert x[1, 1:].tolist() == [0, 0, 0, 0, 1]
    assert (encoder.layout.numbers, encoder.layout.binary) == (5, 1)
    again = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    np.testing.assert_array_equal(again.features(read(frame)), x)


def test_hours_are_those_of_the_clock_in_the_zone_of_training() -> None:
    utc = pl.Series("t", [at("2024-07-01T22:30"), at("2024-07-02T03:00")]).dt.replace_time_zone("UTC")
    berlin = utc.dt.convert_time_zone("Europe/Berlin")
    dates = Dates.fit(berlin)
    x = dates.transform(berlin)
    np.testing.assert_allclose(angle(x, dates, "day"), [0.5 / 24, 5 / 24], atol=1e-9)
    np.testing.assert_allclose(x[:, 0], Dates.fit(utc).transform(utc)[:, 0])  # the same moments
    np.testing.assert_array_equal(dates.transform(utc), x)
    np.testing.assert_allclose(dates.transform(berlin.dt.replace_time_zone(None)), x)  # a wall clock in Berlin


@pytest.mark.parametrize(
    ("cells", "forms"),
    [
        (["2024-01-02", "2024-12-31"], ["%Y-%m-%d"]),
        (["2024/01/02"], ["%Y/%m/%d"]),
        ([" 2024-01-02 "], ["%Y-%m-%d"]),
        (["31.12.2024", "1.2.2024"], ["%d.%m.%Y"]),
        (["31/12/2024", "01/02/2024"], ["%d/%m/%Y"]),
        (["12/31/2024", "01/02/2024"], ["%m/%d/%Y"]),
        (["01/02/2024", "03/04/2024"], ["%d/%m/%Y", "%m/%d/%Y"]),
        (["03/03/2024"], ["%d/%m/%Y"]),  # read alike
        (["2024-01-02 03:04:05", "2024-01-02 03:04:05.5"], ["%Y-%m-%d %H:%M:%S%.f"]),
        (["2024-01-02T03:04:05Z", "2024-01-02T03:04:05+02:00"], ["%Y-%m-%dT%H:%M:%S%.f%#z"]),
        (["2 Jan 2024", "13 Mar 2023"], ["%d %b %Y"]),
        (["January 2, 2024"], ["%B %d, %Y"]),
        (["24-01-02"], []),  # two digits are no year
        (["2024-13-01"], []),
        (["2024-01-02", "soon"], []),
        (["10.0.0.1"], []),
        ([None], []),
    ],
)
def test_text_is_a_date_where_that_is_sure(cells: list[str | None], forms: list[str]) -> None:
    assert date_forms(pl.Series("t", cells, pl.String)) == forms


def test_text_dates_equal_real_ones() -> None:
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=13 * i) for i in range(30)]
    frame = pl.DataFrame({"t": days, "y": np.arange(30) % 2})
    x = Encoder.fit(read(frame)).features(read(frame))
    for form in ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y"):
        text = frame.with_columns(pl.col("t").dt.strftime(form))
        encoder = Encoder.fit(read(text))
        np.testing.assert_array_equal(encoder.features(read(text)), x)
        np.testing.assert_array_equal(encoder.features(read(frame)), x)  # real dates later


def test_day_and_month_that_cannot_be_told_apart() -> None:
    frame = pl.DataFrame({"t": ["01/02/2024", "03/04/2024"] * 15, "n": np.arange(30), "y": np.arange(30) % 4})
    with pytest.warns(DataWarning, match="column 't' holds dates of which day and month cannot be told apart"):
        encoder = Encoder.fit(read(frame))
    assert [column.name for column in encoder.levels] == ["t"]
    with pytest.raises(DataError, match="column 't': day and month cannot be told apart"):
        Encoder.fit(read(frame), columns={"t": "date"})
    first = {kind: Encoder.fit(read(frame), columns={"t": kind}) for kind in ("dmy", "mdy")}
    starts = {
        kind: encoder.dates[0].transform(frame["t"])[0, 0] - (dt.date(2024, 1, 1) - dt.date(1970, 1, 1)).days
        for kind, encoder in first.items()
    }
    assert starts == {"dmy": 31, "mdy": 1}


def test_later_columns_that_are_no_dates() -> None:
    frame = pl.DataFrame({"t": ["2024-01-02", "2024-05-06"] * 10, "y": np.arange(20) % 4})
    encoder = Encoder.fit(read(frame))
    with pytest.raises(DataError, match=r"column 't', row 1: expected a date like %Y-%m-%d, got '02/01/2024'"):
        encoder.features(read(frame.with_columns(t=pl.lit("02/01/2024"))))
    with pytest.raises(DataError, match="column 't': expected dates as in training, got Int32"):
        encoder.features(read(frame.with_columns(t=pl.lit(7))))
    with pytest.raises(DataError, match="no known form of dates fits"):
        Encoder.fit(read(frame), columns={"t": "dmy"})


def test_spans_of_time_are_numbers_of_days() -> None:
    frame = pl.DataFrame({"d": [dt.timedelta(hours=6 * i) for i in range(8)], "y": np.arange(8) % 2})
    x = Encoder.fit(read(frame), standardize=False).features(read(frame))
    np.testing.assert_allclose(x[:, 0], np.arange(8) / 4)
    assert math.isclose(x[4, 0], 1.0)
