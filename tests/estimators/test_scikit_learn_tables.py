"""scikit-learn's own suite once more, on what users get who set nothing: the recipe for tables."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from thalweg import DenseClassifier, DenseRegressor

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("shipped_preset", "compile_quickly")]


@parametrize_with_checks([DenseClassifier(), DenseRegressor()])
def test_the_suite_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)
