import tomllib
from pathlib import Path
from typing import Any

import pytest

from thalweg.core.errors import ArgumentError, StorageError
from thalweg.recipes.config import RunConfig, changed_settings, config_toml, expected, make_config, read_config


def test_every_setting_has_help_and_says_what_it_accepts() -> None:
    for field in RunConfig.model_fields.values():
        assert field.description
        assert expected(field)


def test_toml_gives_the_same_settings_back(tmp_path: Path) -> None:
    config = make_config(
        {
            "data": 'dir\\"ü\x7f\n\U0001f600.csv',
            "hidden": "64, 32",
            "learning_rate": "1e-5",
            "schedule_options": "rate=0.5,steps=10",
            "test": 0.25,
            "full_batch": True,
            "clip_norm": 1,
        }
    )
    file = tmp_path / "config.toml"
    file.write_text(config_toml(config), encoding="utf-8")
    assert make_config(read_config(file)) == config
    assert make_config(tomllib.loads(config_toml(config))) == config


def test_defaults_survive_the_round_trip() -> None:
    config = make_config({"data": "iris"})
    assert make_config(tomllib.loads(config_toml(config))) == config


def test_hidden_none_is_a_linear_model() -> None:
    assert make_config({"data": "iris", "hidden": "none"}).hidden == ()
    assert make_config({"data": "iris", "hidden": 7}).hidden == (7,)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs: expected a whole number, at least 1, got 0."),
        ({"epochs": True}, "epochs: expected a whole number, at least 1, got True."),
        ({"epochs": "2.5"}, "epochs: expected a whole number, at least 1, got '2.5'."),
        ({"batch_size": -3}, "batch_size: expected a whole number, at least 1, got -3."),
        ({"learning_rate": "nan"}, "learning_rate: expected a number, above 0 or auto, got 'nan'."),
        ({"learning_rate": 0}, "learning_rate: expected a number, above 0 or auto, got 0."),
        ({"hidden": "32,0"}, "hidden: expected whole numbers from 1 on, separated by commas, got '32,0'."),
        ({"dropout": 1}, "dropout: expected a number, at least 0, below 1, got 1."),
        ({"normalization": "batsh"}, "normalization: expected one of none, batch, layer, got 'batsh'."),
        ({"optimizer_options": "x"}, "optimizer_options: expected NAME=NUMBER pairs, got 'x'."),
        (
            {"learning-rat": 1},
            "learning-rat: expected the name of a setting, got an unknown one. Did you mean 'learning_rate'?",
        ),
    ],
)
def test_bad_settings_are_one_clear_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        make_config({"data": "iris"} | settings)
    assert str(caught.value) == message


def test_changed_settings_are_named() -> None:
    old = make_config({"data": "iris"})
    assert changed_settings(old, make_config({"data": "iris", "epochs": 3, "seed": 1})) == ["epochs", "seed"]


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="nowhere"):
        read_config(tmp_path / "nowhere.toml")
    (tmp_path / "bad.toml").write_text("epochs = = 3")
    with pytest.raises(ArgumentError, match="config: expected a TOML file"):
        read_config(tmp_path / "bad.toml")
