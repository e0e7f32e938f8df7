"""scikit-learn's own suite, whole, on the default classifier; and the parameters against the settings."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from thalweg import DenseClassifier, DenseRegressor, DenseSegmenter
from thalweg.estimators.parameters import NOT_PARAMETERS, OWN, RENAMED, parameter_names
from thalweg.recipes.choices import SEGMENTATION
from thalweg.recipes.config import RunConfig

OF_TABLES = {"preset", "numeric_embedding", "embedding_options", "feature_scaling", "shared_members", "embed_levels"}
LEFT_OUT = {
    DenseClassifier: SEGMENTATION,
    DenseRegressor: SEGMENTATION | {"classes", "class_weight", "label_smoothing"},
    DenseSegmenter: {"classes", "scaling", "columns", "min_count", "calibrate", "members", "cv"} | OF_TABLES,
}
ESTIMATORS = list(LEFT_OUT)


@pytest.mark.usefixtures("compile_quickly")
@parametrize_with_checks([DenseClassifier()])
def test_the_suite_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_every_setting_is_a_parameter_of_the_same_default(kind: Any) -> None:
    settings = set(RunConfig.model_fields) - NOT_PARAMETERS - LEFT_OUT[kind]
    fields = {RENAMED.get(field.name, field.name): field.default for field in dataclasses.fields(kind)}
    assert settings == set(fields) - (OWN.keys() - settings)
    for name in settings - set(OWN):
        # None stands for what the preset says, and for an empty dictionary, which may not be a default in Python.
        assert fields[name] is None or fields[name] == RunConfig.model_fields[name].default, name


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_every_parameter_is_documented(kind: Any) -> None:
    described = [line.split(":")[0].strip() for line in kind.__doc__.splitlines() if line.startswith("    ")]
    assert set(parameter_names(kind)) <= set(described)
