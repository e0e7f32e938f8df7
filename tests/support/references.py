"""Members of all families with closed forms beside SciPy's, and an integration that knows nothing of the package."""

from __future__ import annotations

import itertools

import jax
import numpy as np
import numpyro.distributions as dist
from scipy import integrate, stats

MATRIX = np.array([[1.0, 0.3], [0.3, 2.0]])
# Two members of each class, with the same distributions of SciPy.
MEMBERS = {
    dist.Beta: [(dist.Beta(2.0, 3.5), stats.beta(2, 3.5)), (dist.Beta(0.7, 1.2), stats.beta(0.7, 1.2))],
    dist.Cauchy: [(dist.Cauchy(0.5, 2.0), stats.cauchy(0.5, 2)), (dist.Cauchy(-1.0, 0.7), stats.cauchy(-1, 0.7))],
    dist.Exponential: [
        (dist.Exponential(0.5), stats.expon(scale=2)),
        (dist.Exponential(3.0), stats.expon(scale=1 / 3)),
    ],
    dist.Gamma: [
        (dist.Gamma(2.5, 1.5), stats.gamma(2.5, scale=1 / 1.5)),
        (dist.Gamma(0.8, 0.4), stats.gamma(0.8, scale=2.5)),
    ],
    dist.Laplace: [(dist.Laplace(0.3, 0.8), stats.laplace(0.3, 0.8)), (dist.Laplace(-1.0, 2.0), stats.laplace(-1, 2))],
    dist.Normal: [(dist.Normal(0.2, 1.3), stats.norm(0.2, 1.3)), (dist.Normal(-1.0, 0.6), stats.norm(-1, 0.6))],
    dist.StudentT: [
        (dist.StudentT(5.0, 0.2, 1.3), stats.t(5, 0.2, 1.3)),
        (dist.StudentT(9.0, 1.0, 0.5), stats.t(9, 1, 0.5)),
    ],
    dist.Uniform: [(dist.Uniform(0.2, 0.9), stats.uniform(0.2, 0.7)), (dist.Uniform(-1.0, 4.0), stats.uniform(-1, 5))],
    dist.BernoulliProbs: [(dist.Bernoulli(0.3), stats.bernoulli(0.3)), (dist.Bernoulli(0.8), stats.bernoulli(0.8))],
    dist.BernoulliLogits: [
        (dist.Bernoulli(logits=-0.4), stats.bernoulli(1 / (1 + np.exp(0.4)))),
        (dist.Bernoulli(logits=2.0), stats.bernoulli(1 / (1 + np.exp(-2.0)))),
    ],
    dist.BinomialProbs: [(dist.Binomial(9, 0.3), stats.binom(9, 0.3)), (dist.Binomial(9, 0.6), stats.binom(9, 0.6))],
    dist.BinomialLogits: [
        (dist.Binomial(9, logits=-0.4), stats.binom(9, 1 / (1 + np.exp(0.4)))),
        (dist.Binomial(9, logits=1.0), stats.binom(9, 1 / (1 + np.exp(-1.0)))),
    ],
    dist.GammaPoisson: [
        (dist.GammaPoisson(2.5, 0.5), stats.nbinom(2.5, 0.5 / 1.5)),
        (dist.GammaPoisson(2.5, 1.5), stats.nbinom(2.5, 1.5 / 2.5)),
    ],
    dist.GeometricProbs: [(dist.Geometric(0.3), stats.geom(0.3, -1)), (dist.Geometric(0.6), stats.geom(0.6, -1))],
    dist.GeometricLogits: [
        (dist.Geometric(logits=-0.4), stats.geom(1 / (1 + np.exp(0.4)), -1)),
        (dist.Geometric(logits=1.0), stats.geom(1 / (1 + np.exp(-1.0)), -1)),
    ],
    dist.Poisson: [(dist.Poisson(3.5), stats.poisson(3.5)), (dist.Poisson(0.6), stats.poisson(0.6))],
    dist.CategoricalProbs: [
        (dist.Categorical(np.array([0.2, 0.5, 0.3])), stats.rv_discrete(values=([0, 1, 2], [0.2, 0.5, 0.3]))),
        (dist.Categorical(np.array([0.6, 0.1, 0.3])), stats.rv_discrete(values=([0, 1, 2], [0.6, 0.1, 0.3]))),
    ],
    dist.CategoricalLogits: [
        (dist.Categorical(logits=np.log([0.4, 0.1, 0.5])), stats.rv_discrete(values=([0, 1, 2], [0.4, 0.1, 0.5]))),
        (dist.Categorical(logits=np.log([2.0, 6.0, 2.0])), stats.rv_discrete(values=([0, 1, 2], [0.2, 0.6, 0.2]))),
    ],
    dist.Delta: [(dist.Delta(2.0), None), (dist.Delta(2.0), None)],
}
with jax.enable_x64(True):
    MEMBERS |= {
        dist.MultivariateNormal: [
            (dist.MultivariateNormal(np.array([0.3, -1.0]), MATRIX), stats.multivariate_normal([0.3, -1], MATRIX)),
            (dist.MultivariateNormal(np.zeros(2), 2 * np.eye(2)), stats.multivariate_normal([0, 0], 2 * np.eye(2))),
        ],
        dist.LowRankMultivariateNormal: [
            (
                dist.LowRankMultivariateNormal(np.ones(2), np.array([[1.0], [0.5]]), np.array([0.5, 1.0])),
                stats.multivariate_normal([1, 1], [[1.5, 0.5], [0.5, 1.25]]),
            ),
            (
                dist.LowRankMultivariateNormal(np.zeros(2), np.array([[0.0], [1.0]]), np.array([2.0, 1.0])),
                stats.multivariate_normal([0, 0], [[2, 0], [0, 2]]),
            ),
        ],
        dist.Dirichlet: [
            (dist.Dirichlet(np.array([2.0, 3.0, 4.5])), stats.dirichlet([2, 3, 4.5])),
            (dist.Dirichlet(np.array([3.0, 2.5, 2.0])), stats.dirichlet([3, 2.5, 2])),
        ],
        dist.MultinomialProbs: [
            (dist.Multinomial(4, np.array([0.2, 0.5, 0.3])), stats.multinomial(4, [0.2, 0.5, 0.3])),
            (dist.Multinomial(4, np.array([0.6, 0.1, 0.3])), stats.multinomial(4, [0.6, 0.1, 0.3])),
        ],
        dist.MultinomialLogits: [
            (dist.Multinomial(4, logits=np.log([0.4, 0.1, 0.5])), stats.multinomial(4, [0.4, 0.1, 0.5])),
            (dist.Multinomial(4, logits=np.log([0.2, 0.6, 0.2])), stats.multinomial(4, [0.2, 0.6, 0.2])),
        ],
    }


def integrated(p, g):
    """E_p[g] by a rule of its own for each kind of distribution."""
    if hasattr(p, "cov_object") or type(p).__name__ == "multivariate_normal_frozen":
        # The logarithms are quadratic, for which three Gauss–Hermite nodes an axis are exact.
        node, weight = np.polynomial.hermite_e.hermegauss(3)
        z = np.stack(np.meshgrid(node, node), axis=-1).reshape(-1, 2)
        x = p.mean + z @ np.linalg.cholesky(p.cov).T
        return np.outer(weight, weight).ravel() / (2 * np.pi) @ g(x)
    if type(p).__name__ == "dirichlet_frozen":
        node, weight = np.polynomial.legendre.leggauss(300)
        u, v = np.meshgrid((node + 1) / 2, (node + 1) / 2, indexing="ij")
        x = np.stack([u, (1 - u) * v, (1 - u) * (1 - v)]).reshape(3, -1)
        area = (np.outer(weight, weight) / 4 * (1 - u)).ravel()
        return area @ (p.pdf(x) * g(x))
    if type(p).__name__ == "multinomial_frozen":
        x = np.array([c for c in itertools.product(range(5), repeat=3) if sum(c) == 4])
        return p.pmf(x) @ g(x)
    if hasattr(p, "pmf"):
        x = np.arange(*((0, 400) if np.isinf(p.support()[1]) else (int(p.support()[0]), int(p.support()[1]) + 1)))
        x = x[p.pmf(x) > 0]
        return p.pmf(x) @ g(x)
    tails = 10.0 ** -np.arange(1, 15)
    ends = np.unique([p.support()[0], *p.ppf(tails), *p.isf(tails), p.median(), -1, 0, 0.3, p.support()[1]])
    ends = ends[(ends >= p.support()[0]) & (ends <= p.support()[1])]
    pieces = [
        integrate.quad(lambda x: p.pdf(x) * g(x), a, b, epsabs=1e-14, epsrel=1e-11, limit=200)[0]
        for a, b in itertools.pairwise(ends)
    ]
    return sum(pieces)


def log_density(p):
    """ln p by SciPy, but for its Laplace, whose density underflows."""
    if isinstance(p, stats._distn_infrastructure.rv_frozen) and p.dist.name == "laplace":
        return lambda x: -np.abs(x - p.args[0]) / p.args[1] - np.log(2 * p.args[1])
    return p.logpmf if hasattr(p, "pmf") else p.logpdf
