import pytest

from thalweg.core.errors import ArgumentError
from thalweg.recipes.choices import check_names, choose_batch_size
from thalweg.recipes.config import make_config
from thalweg.recipes.prepare import prepare


@pytest.mark.parametrize("warmup", [0.01, 0.6, 0.99])
def test_a_warm_up_shorter_than_one_epoch_is_valid(warmup: float) -> None:
    check_names(make_config({"data": "iris", "epochs": 1, "warmup": warmup}))


def test_a_warm_up_longer_than_the_run_is_refused() -> None:
    with pytest.raises(ArgumentError, match="warmup"):
        check_names(make_config({"data": "iris", "epochs": 1, "warmup": 2}))


def test_lbfgs_refuses_minibatches() -> None:
    config = make_config({"data": "iris", "optimizer": "lbfgs", "batch_size": 16})
    with pytest.raises(ArgumentError, match="batch_size: expected none or all 120 rows for 'lbfgs', got 16"):
        choose_batch_size(config, 120)
    assert choose_batch_size(config, 16) == 16


@pytest.mark.parametrize(("settings", "decay"), [({}, 0.01), ({"weight_decay": 0.1}, 0.1), ({"weight_decay": 0}, 0)])
def test_resolved_settings_name_the_weight_decay(settings: dict[str, float], decay: float) -> None:
    plan = prepare(make_config({"data": "iris", "hidden": 2, "optimizer": "adamw"} | settings))
    assert plan.settings["weight_decay"] == decay
