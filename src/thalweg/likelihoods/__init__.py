"""Likelihoods: one file a family, with its cost, output error vector and predictive distribution."""

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
from thalweg.likelihoods.members import Members, Mixture
from thalweg.likelihoods.multilabel import Multilabel
from thalweg.likelihoods.multivariate_gaussian import MultivariateGaussian
from thalweg.likelihoods.negative_binomial import NegativeBinomial
from thalweg.likelihoods.ordinal import Ordinal
from thalweg.likelihoods.overlap import SoftDice, SoftJaccard
from thalweg.likelihoods.poisson import Poisson
from thalweg.likelihoods.quantile import Quantile
from thalweg.likelihoods.registry import LIKELIHOODS, auto_likelihood, likelihood_from_dict, make_likelihood
from thalweg.likelihoods.student_t import StudentT

__all__ = [
    "LIKELIHOODS",
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
    "Members",
    "Mixture",
    "Multilabel",
    "MultivariateGaussian",
    "NegativeBinomial",
    "Ordinal",
    "Poisson",
    "Quantile",
    "SoftDice",
    "SoftJaccard",
    "StudentT",
    "auto_likelihood",
    "likelihood_from_dict",
    "make_likelihood",
]
