"""The families with formulas: which SciPy distribution each NumPyro class is, and where its mode lies.

SciPy's distributions give density, CDF, quantile and moments of all of them in float64, for whole batches; a table says
how the parameters translate. The parameters are taken as they are stored, which is in float32 if JAX made them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpyro.distributions as dist
from numpyro.distributions.conjugate import GammaPoisson, NegativeBinomialLogits, NegativeBinomialProbs
from scipy import special, stats

from thalweg.probability.view import Numbers, View, view


@dataclass(frozen=True)
class Family:
    """How to answer for one NumPyro class.

    Args:
        scipy: parameters → frozen SciPy distribution.
        mode: parameters → the value of greatest density, the smallest of several.
        parameters: names of its parameters, attributes of the NumPyro object.
    """

    parameters: tuple[str, ...]
    scipy: Callable[..., Any]
    mode: Callable[..., Numbers]


class FamilyView(View):
    """A view by way of a frozen SciPy distribution."""

    def __init__(self, frozen: Any, mode: Numbers, shape: tuple[int, ...]) -> None:
        self._frozen, self._mode, self.shape = frozen, mode, shape
        self.discrete = isinstance(frozen.dist, stats.rv_discrete)
        self.lower, self.upper = (np.broadcast_to(np.asarray(b, np.float64), shape) for b in frozen.support())

    def log_density(self, x: Numbers) -> Numbers:
        if self._frozen.dist.name == "laplace":  # SciPy takes the logarithm of a density that underflows beyond 745 b
            loc, scale = self._frozen.args
            return np.asarray(-np.abs(x - loc) / scale - np.log(2 * scale))
        return np.asarray(self._frozen.logpmf(x) if self.discrete else self._frozen.logpdf(x))

    def cdf(self, x: Numbers) -> Numbers:
        return np.asarray(self._frozen.cdf(x))

    def survival(self, x: Numbers) -> Numbers:
        return np.asarray(self._frozen.sf(x))

    def quantile(self, q: Numbers) -> Numbers:
        # SciPy puts the quantile of 0 of a discrete variable below its least value.
        with np.errstate(divide="ignore"):
            return np.asarray(np.maximum(self._frozen.ppf(self._within_reach(q, 0.0)), self.lower))

    def upper_quantile(self, q: Numbers) -> Numbers:
        # SciPy's Poisson answers NaN where 1 - q rounds to 1.
        q = self._within_reach(q, 2.0**-53 if self.discrete else 0.0)
        with np.errstate(divide="ignore"):
            return np.asarray(np.maximum(self._frozen.isf(q), self.lower))

    def _within_reach(self, q: Numbers, least: float) -> Numbers:
        """Keep q where SciPy's inverses answer; that of the beta distribution gives up below about 1e-100."""
        if self._frozen.dist.name == "beta":
            least = 1e-60
        return np.where(np.asarray(q) > 0, np.maximum(q, least), q) if least > 0 else np.asarray(q)

    def mean(self) -> Numbers:
        with np.errstate(invalid="ignore"):
            mean = np.asarray(self._frozen.mean(), np.float64)
        if self._frozen.dist.name in {"t", "cauchy"}:  # SciPy calls a mean infinite that does not exist
            mean = np.where(np.isfinite(mean), mean, np.nan)
        return np.broadcast_to(mean, self.shape)

    def variance(self) -> Numbers:
        return np.broadcast_to(np.asarray(self._frozen.var(), np.float64), self.shape)

    def mode(self) -> Numbers:
        return np.broadcast_to(self._mode, self.shape)


def _beta_mode(a: Numbers, b: Numbers) -> Numbers:
    with np.errstate(invalid="ignore", divide="ignore"):
        inner = (a - 1) / (a + b - 2)
    at_end = np.where(a <= b, 0.0, 1.0)  # the end of the smaller exponent has the greater density
    return np.where((a == 1) & (b == 1), 0.5, np.where((a > 1) & (b > 1), inner, at_end))


def _whole(bound: Numbers) -> Numbers:
    """Return the smallest mode of counts whose PMF grows from k - 1 to k as long as k < bound."""
    return np.asarray(np.maximum(np.ceil(bound) - 1, 0))


def _negative_binomial_mode(r: Numbers, rate: Numbers) -> Numbers:
    with np.errstate(divide="ignore", invalid="ignore"):
        return _whole(np.where(rate > 0, (r - 1) / rate, 0.0))


def _beta_binomial_mode(a: Numbers, b: Numbers, n: Numbers) -> Numbers:
    size = int(np.max(n, initial=0)) + 1
    k = np.arange(size).reshape(-1, *(1,) * np.broadcast(a, b, n).ndim)
    with np.errstate(all="ignore"):
        mass = stats.betabinom(n, a, b).logpmf(np.minimum(k, n))
    return np.asarray(mass.argmax(axis=0), np.float64)


_LOCATION = ("loc", "scale")
_HALF = ("scale",)

FAMILIES: dict[type, Family] = {
    dist.Normal: Family(_LOCATION, stats.norm, lambda loc, _: loc),
    dist.Laplace: Family(_LOCATION, stats.laplace, lambda loc, _: loc),
    dist.Cauchy: Family(_LOCATION, stats.cauchy, lambda loc, _: loc),
    dist.Logistic: Family(_LOCATION, stats.logistic, lambda loc, _: loc),
    dist.Gumbel: Family(_LOCATION, stats.gumbel_r, lambda loc, _: loc),
    dist.StudentT: Family(("df", "loc", "scale"), stats.t, lambda _, loc, __: loc),
    dist.Uniform: Family(("low", "high"), lambda a, b: stats.uniform(a, b - a), lambda a, b: (a + b) / 2),
    dist.Exponential: Family(("rate",), lambda rate: stats.expon(scale=1 / rate), np.zeros_like),
    dist.Gamma: Family(
        ("concentration", "rate"),
        lambda a, rate: stats.gamma(a, scale=1 / rate),
        lambda a, rate: np.maximum(a - 1, 0) / rate,
    ),
    dist.InverseGamma: Family(
        ("concentration", "rate"), lambda a, rate: stats.invgamma(a, scale=rate), lambda a, rate: rate / (a + 1)
    ),
    dist.Beta: Family(("concentration1", "concentration0"), stats.beta, _beta_mode),
    dist.LogNormal: Family(
        _LOCATION, lambda loc, s: stats.lognorm(s, scale=np.exp(loc)), lambda loc, s: np.exp(loc - s**2)
    ),
    dist.HalfNormal: Family(_HALF, lambda s: stats.halfnorm(scale=s), np.zeros_like),
    dist.HalfCauchy: Family(_HALF, lambda s: stats.halfcauchy(scale=s), np.zeros_like),
    dist.Weibull: Family(
        ("concentration", "scale"),
        lambda k, s: stats.weibull_min(k, scale=s),
        lambda k, s: s * (np.maximum(k - 1, 0) / k) ** (1 / k),
    ),
    dist.Pareto: Family(("scale", "alpha"), lambda s, a: stats.pareto(a, scale=s), lambda s, _: s),
    dist.Poisson: Family(("rate",), stats.poisson, _whole),
    dist.BetaBinomial: Family(
        ("concentration1", "concentration0", "total_count"),
        lambda a, b, n: stats.betabinom(n, a, b),
        _beta_binomial_mode,
    ),
    dist.DiscreteUniform: Family(("low", "high"), lambda a, b: stats.randint(a, b + 1), lambda a, _: a),
    # Gamma-mixed Poisson is the negative binomial, with p = rate / (1 + rate) also for an infinite rate.
    GammaPoisson: Family(
        ("concentration", "rate"), lambda r, rate: stats.nbinom(r, 1 / (1 + 1 / rate)), _negative_binomial_mode
    ),
}


def parameter(d: Any, name: str) -> Numbers:
    """Return a parameter of a NumPyro distribution in float64, as it is stored."""
    return np.asarray(getattr(d, name), np.float64)


def success_probability(d: Any) -> Numbers:
    """Return the parameter p of a Bernoulli, binomial or geometric distribution, from the logits if it was made so."""
    return special.expit(parameter(d, "logits")) if "logits" in d.arg_constraints else parameter(d, "probs")


def class_probabilities(d: Any) -> Numbers:
    """Return the probabilities (..., C) of a categorical or multinomial distribution, which sum to one in float64."""
    if "logits" in d.arg_constraints:
        return np.asarray(special.softmax(parameter(d, "logits"), axis=-1))
    p = parameter(d, "probs")
    return np.asarray(p / p.sum(axis=-1, keepdims=True))


def scipy_view(frozen: Any, mode: Any, shape: tuple[int, ...]) -> FamilyView:
    """Return the view of a frozen SciPy distribution."""
    return FamilyView(frozen, np.asarray(mode, np.float64), shape)


@view.register(dist.BernoulliProbs)
@view.register(dist.BernoulliLogits)
def _bernoulli(d: Any) -> View:
    p = success_probability(d)
    return scipy_view(stats.bernoulli(p), p > 0.5, d.batch_shape)


@view.register(dist.BinomialProbs)
@view.register(dist.BinomialLogits)
def _binomial(d: Any) -> View:
    return binomial_view(parameter(d, "total_count"), success_probability(d), d.batch_shape)


def binomial_view(n: Numbers, p: Numbers, shape: tuple[int, ...]) -> View:
    """Return the view of binomial counts."""
    return scipy_view(stats.binom(n, p), np.minimum(_whole((n + 1) * p), n), shape)


@view.register(dist.GeometricProbs)
@view.register(dist.GeometricLogits)
def _geometric(d: Any) -> View:
    # NumPyro counts the failures before the first success, SciPy the trials.
    p = success_probability(d)
    return scipy_view(stats.geom(p, loc=-1), np.zeros_like(p), d.batch_shape)


@view.register(NegativeBinomialProbs)
@view.register(NegativeBinomialLogits)
def _negative_binomial(d: Any) -> View:
    # From what it was made of: the rate that NumPyro derives from it has lost digits.
    r, p = parameter(d, "total_count"), success_probability(d)
    with np.errstate(divide="ignore"):
        return scipy_view(stats.nbinom(r, 1 - p), _negative_binomial_mode(r, 1 / p - 1), d.batch_shape)


def _of_family(family: Family) -> Callable[[Any], View]:
    def family_view(d: Any) -> View:
        values = [parameter(d, name) for name in family.parameters]
        with np.errstate(divide="ignore"):
            return scipy_view(family.scipy(*values), family.mode(*values), d.batch_shape)

    return family_view


for _cls, _family in FAMILIES.items():
    view.register(_cls)(_of_family(_family))
