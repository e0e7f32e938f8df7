"""Ranges: what is read, what is refused, and that what is drawn lies inside."""

import json
import math
from pathlib import Path

import optuna
import pytest

from thalweg.core.errors import ArgumentError, StorageError
from thalweg.runs.search.space import (
    SPACE,
    Choices,
    Interval,
    parse,
    parse_all,
    plain,
    read_space,
    resolve,
    settings_of,
)
from thalweg.runs.search.study import draw

USUAL = {"learning_rate": 0.02, "batch_size": 128, "rows": 300}


@pytest.mark.parametrize(
    ("name", "entry", "found"),
    [
        ("learning_rate", "1e-4:1e-1:log", Interval(1e-4, 0.1, log=True)),
        ("learning_rate", {"low": 1e-4, "high": 0.1, "scale": "log"}, Interval(1e-4, 0.1, log=True)),
        ("dropout", "0:0.5", Interval(0, 0.5)),
        ("dropout", "0:0.5:0.1", Interval(0, 0.5, step=0.1)),
        ("depth", "1:3", Interval(1, 3, step=1)),
        ("batch_size", "16:256:log", Interval(16, 256, log=True)),
        ("batch_size", "16,64, 16", Choices((16, 64))),
        ("activation", "relu, gelu", Choices(("relu", "gelu"))),
        ("hidden", "64,64/256", Choices(("64,64", "256"))),
        ("hidden", [[64, 64], [256], []], Choices(("64,64", "256", "none"))),
        ("residual", [True, False], Choices((True, False))),
    ],
)
def test_ranges_are_read(name: str, entry: object, found: object) -> None:
    assert parse(name, entry) == found
    # Processes hand ranges to each other as JSON.
    assert parse(name, json.loads(json.dumps(plain(found)))) == found


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("learning_rat=1:2", "Did you mean 'learning_rate'"),
        ("learning_rate", "NAME=RANGE"),
        ("learning_rate=0.1:0.1", "low is below its high"),
        ("learning_rate=0.1:0.01", "low is below its high"),
        ("learning_rate=0:1:log", "above 0 on the log scale"),
        ("learning_rate=a:1", "expected numbers, got 'a'"),
        ("learning_rate=nan:1", "numbers, got 'nan'"),
        ("learning_rate=1:2:log:3", "LOW:HIGH"),
        ("learning_rate=", "LOW:HIGH"),
        ("dropout=0:0.5:0.9", "a step above 0"),
        ("depth=1.5:3", "whole numbers"),
        ("activation=relu,,gelu", "values to choose from"),
        ("seed=1:9", "all trials share"),
        ("validation=0.1:0.3", "all trials share"),
    ],
)
def test_what_cannot_be_searched_is_named(word: str, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        parse_all([word])


def test_a_file_of_ranges(tmp_path: Path) -> None:
    file = tmp_path / "space.toml"
    file.write_text('learning-rate = "1e-3:1e-1:log"\n')
    with pytest.raises(ArgumentError, match="Did you mean 'learning_rate'"):
        read_space(file)
    file.write_text('dropout = { low = 0.0, high = 0.4 }\nactivation = ["relu", "tanh"]\nwidth = [32, 64]\n')
    assert read_space(file) == {
        "dropout": Interval(0, 0.4),
        "activation": Choices(("relu", "tanh")),
        "width": Choices((32, 64)),
    }
    for content, said in (("", "at least one setting"), ("a = [", "TOML"), ("dropout = {low = 1}", "low and high")):
        file.write_text(content)
        with pytest.raises(ArgumentError, match=said):
            read_space(file)
    with pytest.raises(StorageError, match="does not exist"):
        read_space(tmp_path / "none.toml")


def test_the_default_space_follows_the_run_and_leaves_fixed_settings_alone() -> None:
    space = resolve({"dropout": 0.1}, None, {"batch_size": Choices((8, 16))}, USUAL)
    assert set(space) == set(SPACE) - {"dropout"}
    assert space["learning_rate"] == Interval(0.1 * 0.02, 10 * 0.02, log=True)
    assert space["batch_size"] == Choices((8, 16))
    assert resolve({}, None, {}, USUAL)["batch_size"] == Choices((64, 128, 256))  # not more than there are rows
    assert not {"width", "depth"} & set(resolve({"hidden": 8}, None, {}, USUAL))
    assert not {"width", "depth"} & set(resolve({}, None, {"hidden": Choices(("8", "16"))}, USUAL))
    alone = {"dropout": Interval(0, 0.3)}
    assert resolve({}, alone, {}, USUAL) == alone
    for given, added, said in (
        ({"dropout": 0.1}, {"dropout": Interval(0, 0.3)}, "both"),
        ({"hidden": 8}, {"width": Choices((8, 16))}, "both"),
        ({}, {"hidden": Choices(("8",)), "depth": Interval(1, 2, step=1)}, "both"),
        ({"hidden": 8, **dict.fromkeys(SPACE, 1)}, {}, "at least one setting"),
    ):
        with pytest.raises(ArgumentError, match=said):
            resolve(given, None, added, USUAL)


def test_values_are_drawn_inside_their_ranges_and_on_their_scale() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    space = {
        "learning_rate": Interval(1e-5, 1e-1, log=True),
        "dropout": Interval(0, 0.5, step=0.1),
        "batch_size": Interval(8, 512, log=True),
        "depth": Interval(1, 4, step=1),
        "activation": Choices(("relu", "tanh")),
    }
    drawn = [draw(study.ask(), space) for _ in range(400)]
    rates = [values["learning_rate"] for values in drawn]
    assert 1e-5 <= min(rates) < max(rates) <= 1e-1
    # Evenly on the logarithm: the mean of 400 draws of a uniform of width 4 has deviation 4 / sqrt(12 * 400) = 0.06.
    assert sum(map(math.log10, rates)) / 400 == pytest.approx(-3, abs=0.3)
    assert {round(10 * values["dropout"]) for values in drawn} == {0, 1, 2, 3, 4, 5}
    assert all(isinstance(values["batch_size"], int) and 8 <= values["batch_size"] <= 512 for values in drawn)
    assert {values["depth"] for values in drawn} == {1, 2, 3, 4}
    assert {values["activation"] for values in drawn} == {"relu", "tanh"}


def test_width_and_depth_make_hidden_layers() -> None:
    assert settings_of({"width": 32, "depth": 3}) == {"hidden": (32, 32, 32)}
    assert settings_of({"dropout": 0.2}) == {"dropout": 0.2}
