"""Likelihoods: one file a family, with its cost, output error vector and predictive distribution."""

from thalweg.likelihoods.bernoulli import Bernoulli
from thalweg.likelihoods.categorical import Categorical
from thalweg.likelihoods.gaussian import Gaussian
from thalweg.likelihoods.laplace import Laplace
from thalweg.likelihoods.likelihood import Likelihood
from thalweg.likelihoods.registry import LIKELIHOODS, auto_likelihood, likelihood_from_dict, make_likelihood

__all__ = [
    "LIKELIHOODS",
    "Bernoulli",
    "Categorical",
    "Gaussian",
    "Laplace",
    "Likelihood",
    "auto_likelihood",
    "likelihood_from_dict",
    "make_likelihood",
]
