"""Settings and examples of every registered likelihood, for the contract tests."""

from __future__ import annotations

import numpy as np

from thalweg.likelihoods import Likelihood

CLASSES, VALUES = 4, 3

SETTINGS = {
    "gaussian": [{}, {"scale": 0.3}],
    "laplace": [{}, {"scale": 2.5}],
    "bernoulli": [{}, {"class_weights": (0.5, 3.0)}, {"label_smoothing": 0.2, "class_weights": (2.0, 0.7)}],
    "categorical": [
        {},
        {"class_weights": (0.5, 3.0, 1.0, 0.0)},
        {"label_smoothing": 0.2, "class_weights": (2.0, 0.7, 1.0, 1.5)},
    ],
    "soft_jaccard": [{}, {"smooth": 0.01, "class_weights": (2.0, 0.7, 1.0, 1.5)}, {"cross_entropy": 0.3}],
    "soft_dice": [{}, {"smooth": 0.01, "class_weights": (2.0, 0.7, 1.0, 1.5)}, {"cross_entropy": 0.3}],
    "hard_pixels": [{}, {"hard_share": 0.5, "label_smoothing": 0.2}],
    "multilabel": [{}, {"positive_weights": (0.5, 3.0, 1.0), "label_smoothing": 0.2}],
    "focal": [{}, {"gamma": 0.5, "label_smoothing": 0.2, "class_weights": (2.0, 0.7, 1.0, 1.5)}],
    "ordinal": [{}, {"class_weights": (2.0, 0.7, 1.0, 1.5)}],
    "quantile": [{}, {"levels": (0.1, 0.5)}],
    "colored_gaussian": [{}, {"covariance": ((2.0, 0.5, 0.1), (0.5, 1.0, -0.3), (0.1, -0.3, 0.7))}],
    "multivariate_gaussian": [{}],
    "gaussian_mixture": [{}, {"components": 2}],
    "poisson": [{}],
    "negative_binomial": [{}, {"dispersion": 0.05}],
    "heteroscedastic": [{}],
    "huber": [{}, {"delta": 0.5, "scale": 0.7}],
    "student_t": [{}, {"df": 2.5, "scale": 0.7}],
}
"""By name: settings to test, the defaults first and the fullest last."""


def classes_of(likelihood: Likelihood) -> int:
    return 2 if likelihood.name == "bernoulli" else CLASSES


def example_targets(likelihood: Likelihood, rows: int, rng: np.random.Generator) -> np.ndarray:
    """Targets of the likelihood's kind, skewed, with every class in them."""
    if likelihood.targets in {"classes", "ordered"}:
        classes = classes_of(likelihood)
        drawn = np.minimum(rng.geometric(0.5, rows - classes) - 1, classes - 1)
        return np.concatenate([np.arange(classes), drawn]).astype(np.int32)
    if likelihood.targets == "labels":
        return (rng.random((rows, VALUES)) < [0.5, 0.3, 0.7]).astype(np.int32)
    if likelihood.targets == "counts":
        return rng.negative_binomial(2, 0.4, (rows, VALUES)).astype(np.float64)
    return rng.gamma(2.0, size=(rows, VALUES)) - 1


def example(likelihood: Likelihood, rows: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and targets in float64."""
    rng = np.random.default_rng(seed)
    y = example_targets(likelihood, rows, rng)
    classes = classes_of(likelihood) if likelihood.targets in {"classes", "ordered"} else None
    return rng.normal(size=(rows, likelihood.output_width(y, classes))), y
