"""The likelihoods by name: command line, configuration, model files and contract tests read this dictionary."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from thalweg.core.errors import ArgumentError, ModelError, nearest
from thalweg.core.registry import lookup
from thalweg.likelihoods.bernoulli import Bernoulli
from thalweg.likelihoods.categorical import Categorical
from thalweg.likelihoods.colored_gaussian import ColoredGaussian
from thalweg.likelihoods.focal import Focal
from thalweg.likelihoods.gaussian import Gaussian
from thalweg.likelihoods.gaussian_mixture import GaussianMixture
from thalweg.likelihoods.hard_pixels import HardPixels
from thalweg.likelihoods.heteroscedastic import Heteroscedastic
from thalweg.likelihoods.huber import Huber
from thalweg.likelihoods.laplace import Laplace
from thalweg.likelihoods.likelihood import Likelihood
from thalweg.likelihoods.members import Members
from thalweg.likelihoods.multilabel import Multilabel
from thalweg.likelihoods.multivariate_gaussian import MultivariateGaussian
from thalweg.likelihoods.negative_binomial import NegativeBinomial
from thalweg.likelihoods.ordinal import Ordinal
from thalweg.likelihoods.overlap import SoftDice, SoftJaccard
from thalweg.likelihoods.poisson import Poisson
from thalweg.likelihoods.quantile import Quantile
from thalweg.likelihoods.student_t import StudentT

LIKELIHOODS: dict[str, type[Likelihood]] = {
    "gaussian": Gaussian,
    "laplace": Laplace,
    "bernoulli": Bernoulli,
    "categorical": Categorical,
    "multilabel": Multilabel,
    "focal": Focal,
    "ordinal": Ordinal,
    "quantile": Quantile,
    "colored_gaussian": ColoredGaussian,
    "multivariate_gaussian": MultivariateGaussian,
    "gaussian_mixture": GaussianMixture,
    "heteroscedastic": Heteroscedastic,
    "huber": Huber,
    "student_t": StudentT,
    "poisson": Poisson,
    "negative_binomial": NegativeBinomial,
    "soft_jaccard": SoftJaccard,
    "soft_dice": SoftDice,
    "hard_pixels": HardPixels,
}


def make_likelihood(likelihood: str | Likelihood, **options: Any) -> Likelihood:
    """Return a likelihood by name with its settings, or the given object with settings replaced.

    Args:
        likelihood: a name in ``LIKELIHOODS``, or a likelihood.
        options: settings of the family, such as ``scale`` or ``class_weights``.

    Raises:
        ArgumentError: unknown name or setting (names the nearest one), or a setting out of bounds.

    Example:
        >>> make_likelihood("gaussian", scale=0.5)
        Gaussian(scale=0.5)
    """
    if isinstance(likelihood, str):
        family = lookup(LIKELIHOODS, likelihood, "likelihood")
    elif isinstance(likelihood, Likelihood):
        family = type(likelihood)
    else:
        raise ArgumentError("likelihood", "a name or a likelihood object", repr(likelihood))
    known = [field.name for field in dataclasses.fields(family)]
    expected = f"settings among {', '.join(known)}" if known else "no settings"
    for option in options:
        if option not in known:
            raise ArgumentError(f"likelihood {family.name}", expected, repr(option), nearest(option, known))
    if isinstance(likelihood, Likelihood):
        return dataclasses.replace(likelihood, **options) if options else likelihood
    return family(**options)


def auto_likelihood(task: str, classes: int | None = None) -> str:
    """Return the name of the usual likelihood of a task.

    Args:
        task: ``"classification"``, ``"multilabel"`` or ``"regression"``.
        classes: number of classes; two need one output only.

    Raises:
        ArgumentError: unknown task, or fewer than two classes.

    Example:
        >>> auto_likelihood("classification", 2), auto_likelihood("regression")
        ('bernoulli', 'gaussian')
    """
    if task in {"regression", "multilabel"}:
        return "gaussian" if task == "regression" else "multilabel"
    if task != "classification":
        raise ArgumentError("task", "'classification', 'multilabel' or 'regression'", repr(task))
    if classes is not None and classes < 2:
        raise ArgumentError("y", "at least 2 classes", f"{classes}", "There is nothing to tell apart.")
    return "bernoulli" if classes == 2 else "categorical"


def likelihood_from_dict(settings: Mapping[str, Any]) -> Likelihood:
    """Return the likelihood that ``to_dict`` wrote.

    Raises:
        ModelError: unknown family or settings.

    Example:
        >>> likelihood_from_dict({"name": "laplace", "scale": 2.0})
        Laplace(scale=2.0)
    """
    options = dict(settings)
    try:
        if options.get("name") == Members.name:  # made of another likelihood: none that can be asked for by name
            return Members(options["base"], options["members"], tuple(options.get("weights", ())))
        return make_likelihood(str(options.pop("name", None)), **options)
    except (ArgumentError, KeyError) as error:
        raise ModelError(f"the model's likelihood cannot be read: {error}") from error
