"""Norms, distributions, density estimates, divergences and Bayes' rule.

A distribution is a NumPyro distribution object everywhere. What NumPyro lacks is given by functions that take any of
them, and answer in NumPy and float64: :func:`~thalweg.probability.moments.mean`,
:func:`~thalweg.probability.quantiles.cdf`, :func:`~thalweg.probability.maxima.mode` and their kin.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thalweg.probability.affine_maps import affine
    from thalweg.probability.checks import check_covariance, check_probabilities, check_weights
    from thalweg.probability.coding import log_pmf, one_hot
    from thalweg.probability.conjugate import CONJUGATE, Update
    from thalweg.probability.density import Density
    from thalweg.probability.distributions import DISTRIBUTIONS, make_distribution, sample
    from thalweg.probability.divergences import cross_entropy, divergence, entropy
    from thalweg.probability.empirical import Empirical
    from thalweg.probability.estimate import Estimate
    from thalweg.probability.expectations import expectation, support
    from thalweg.probability.fitting import Fit, fit
    from thalweg.probability.inference import Posterior, bayes, bayes_grid
    from thalweg.probability.kernel_density import KernelDensity
    from thalweg.probability.maxima import mode, modes
    from thalweg.probability.moments import covariance, mean, std, variance
    from thalweg.probability.normal_inverse_gamma import NormalInverseGamma
    from thalweg.probability.norms import energy, norm, sparsity, unit_contour
    from thalweg.probability.quantiles import cdf, marginal_cdf, quantile
    from thalweg.probability.tables import JointTable

# Where each name lives. Names load when first used: the checks of a covariance matrix need no NumPyro. No module may
# have the name of a function here, which it would hide once it is imported.
_HOME = {
    "affine_maps": ("affine",),
    "checks": ("check_covariance", "check_probabilities", "check_weights"),
    "coding": ("log_pmf", "one_hot"),
    "conjugate": ("CONJUGATE", "Update"),
    "density": ("Density",),
    "distributions": ("DISTRIBUTIONS", "make_distribution", "sample"),
    "divergences": ("cross_entropy", "divergence", "entropy"),
    "empirical": ("Empirical",),
    "estimate": ("Estimate",),
    "expectations": ("expectation", "support"),
    "fitting": ("Fit", "fit"),
    "inference": ("Posterior", "bayes", "bayes_grid"),
    "kernel_density": ("KernelDensity",),
    "maxima": ("mode", "modes"),
    "moments": ("covariance", "mean", "std", "variance"),
    "normal_inverse_gamma": ("NormalInverseGamma",),
    "norms": ("energy", "norm", "sparsity", "unit_contour"),
    "quantiles": ("cdf", "marginal_cdf", "quantile"),
    "tables": ("JointTable",),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "CONJUGATE",
    "DISTRIBUTIONS",
    "Density",
    "Empirical",
    "Estimate",
    "Fit",
    "JointTable",
    "KernelDensity",
    "NormalInverseGamma",
    "Posterior",
    "Update",
    "affine",
    "bayes",
    "bayes_grid",
    "cdf",
    "check_covariance",
    "check_probabilities",
    "check_weights",
    "covariance",
    "cross_entropy",
    "divergence",
    "energy",
    "entropy",
    "expectation",
    "fit",
    "log_pmf",
    "make_distribution",
    "marginal_cdf",
    "mean",
    "mode",
    "modes",
    "norm",
    "one_hot",
    "quantile",
    "sample",
    "sparsity",
    "std",
    "support",
    "unit_contour",
    "variance",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module 'thalweg.probability' has no attribute {name!r}")
    return getattr(import_module(f"thalweg.probability.{_MODULE[name]}"), name)


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
