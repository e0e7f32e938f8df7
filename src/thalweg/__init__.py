"""Dense neural networks from likelihood to loss, from loss to trained network, from posterior to decision."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from thalweg.core.errors import ArgumentError, DataError, DivergedError, ModelError, StorageError, ThalwegError
    from thalweg.data.bundled import load_dataset
    from thalweg.data.read import read
    from thalweg.deploy import Model, Segmenter, load
    from thalweg.estimators import DenseClassifier, DenseRegressor, DenseSegmenter
    from thalweg.gradients import backprop, check_gradients, error_vectors
    from thalweg.likelihoods import (
        Bernoulli,
        Categorical,
        ColoredGaussian,
        Focal,
        Gaussian,
        GaussianMixture,
        HardPixels,
        Heteroscedastic,
        Huber,
        Laplace,
        Likelihood,
        Multilabel,
        MultivariateGaussian,
        NegativeBinomial,
        Ordinal,
        Poisson,
        Quantile,
        SoftDice,
        SoftJaccard,
        StudentT,
    )
    from thalweg.network import (
        Activation,
        BatchNorm,
        Dense,
        Dropout,
        GaussianNoise,
        LayerNorm,
        Network,
        PReLU,
        Residual,
        dense_network,
        flatten,
        summary,
        unflatten,
    )
    from thalweg.optimizers import make_optimizer
    from thalweg.recipes.fit import fit
    from thalweg.recipes.fit_segmentation import fit_segmentation
    from thalweg.recipes.imports import Imported, from_keras, from_sklearn, from_torch
    from thalweg.runs.imported import train_imported
    from thalweg.runs.search import search
    from thalweg.training import EarlyStopping, Hook, StepStatistics, evaluate, train

# Where each public name lives. Names load when first used: `import thalweg` and `thalweg --help` must not wait for JAX.
_HOME = {
    "thalweg.core.errors": (
        "ArgumentError",
        "DataError",
        "DivergedError",
        "ModelError",
        "StorageError",
        "ThalwegError",
    ),
    "thalweg.data.bundled": ("load_dataset",),
    "thalweg.data.read": ("read",),
    "thalweg.deploy": ("Model", "Segmenter", "load"),
    "thalweg.estimators": ("DenseClassifier", "DenseRegressor", "DenseSegmenter"),
    "thalweg.gradients": ("backprop", "check_gradients", "error_vectors"),
    "thalweg.likelihoods": (
        "Bernoulli",
        "Categorical",
        "ColoredGaussian",
        "Focal",
        "Gaussian",
        "GaussianMixture",
        "HardPixels",
        "Heteroscedastic",
        "Huber",
        "Laplace",
        "Likelihood",
        "Multilabel",
        "MultivariateGaussian",
        "NegativeBinomial",
        "Ordinal",
        "Poisson",
        "Quantile",
        "SoftDice",
        "SoftJaccard",
        "StudentT",
    ),
    "thalweg.network": (
        "Activation",
        "BatchNorm",
        "Dense",
        "Dropout",
        "GaussianNoise",
        "LayerNorm",
        "Network",
        "PReLU",
        "Residual",
        "dense_network",
        "flatten",
        "summary",
        "unflatten",
    ),
    "thalweg.optimizers": ("make_optimizer",),
    "thalweg.recipes.fit": ("fit",),
    "thalweg.recipes.fit_segmentation": ("fit_segmentation",),
    "thalweg.recipes.imports": ("Imported", "from_keras", "from_sklearn", "from_torch"),
    "thalweg.runs.imported": ("train_imported",),
    "thalweg.runs.search": ("search",),
    "thalweg.training": ("EarlyStopping", "Hook", "StepStatistics", "evaluate", "train"),
}
# Rooms to be used by their own name: tw.probability.divergence(p, q).
_ROOMS = ("decisions", "diagnosis", "lessons", "likelihoods", "probability")
_MODULE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Activation",
    "ArgumentError",
    "BatchNorm",
    "Bernoulli",
    "Categorical",
    "ColoredGaussian",
    "DataError",
    "Dense",
    "DenseClassifier",
    "DenseRegressor",
    "DenseSegmenter",
    "DivergedError",
    "Dropout",
    "EarlyStopping",
    "Focal",
    "Gaussian",
    "GaussianMixture",
    "GaussianNoise",
    "HardPixels",
    "Heteroscedastic",
    "Hook",
    "Huber",
    "Imported",
    "Laplace",
    "LayerNorm",
    "Likelihood",
    "Model",
    "ModelError",
    "Multilabel",
    "MultivariateGaussian",
    "NegativeBinomial",
    "Network",
    "Ordinal",
    "PReLU",
    "Poisson",
    "Quantile",
    "Residual",
    "Segmenter",
    "SoftDice",
    "SoftJaccard",
    "StepStatistics",
    "StorageError",
    "StudentT",
    "ThalwegError",
    "__version__",
    "backprop",
    "check_gradients",
    "dense_network",
    "error_vectors",
    "evaluate",
    "fit",
    "fit_segmentation",
    "flatten",
    "from_keras",
    "from_sklearn",
    "from_torch",
    "load",
    "load_dataset",
    "make_optimizer",
    "read",
    "search",
    "summary",
    "train",
    "train_imported",
    "unflatten",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"thalweg.{name}")
    if name not in _MODULE:
        raise AttributeError(f"module 'thalweg' has no attribute {name!r}")
    return getattr(import_module(_MODULE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})
