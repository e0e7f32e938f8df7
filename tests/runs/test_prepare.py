import pytest

from thalweg.core.errors import ArgumentError
from thalweg.runs.config import make_config
from thalweg.runs.prepare import check_names


@pytest.mark.parametrize("warmup", [0.01, 0.6, 0.99])
def test_a_warm_up_shorter_than_one_epoch_is_valid(warmup: float) -> None:
    check_names(make_config({"data": "iris", "epochs": 1, "warmup": warmup}))


def test_a_warm_up_longer_than_the_run_is_refused() -> None:
    with pytest.raises(ArgumentError, match="warmup"):
        check_names(make_config({"data": "iris", "epochs": 1, "warmup": 2}))
