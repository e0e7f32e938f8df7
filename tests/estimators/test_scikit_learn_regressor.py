"""scikit-learn's own suite, whole, on the default regressor: a file of its own, so that another worker can take it."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from thalweg import DenseRegressor


@pytest.mark.usefixtures("compile_quickly")
@parametrize_with_checks([DenseRegressor()])
def test_the_suite_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)
