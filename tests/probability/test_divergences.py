"""Divergences, entropies and cross entropies against integration, sums and SciPy."""

from __future__ import annotations

import jax
import numpy as np
import numpyro.distributions as dist
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from references import MATRIX, MEMBERS, integrated, log_density
from scipy import stats

from thalweg.core.errors import ArgumentError
from thalweg.probability import Empirical, KernelDensity, cross_entropy, divergence, entropy
from thalweg.probability.closed_forms import DIVERGENCES
from thalweg.probability.entropies import ENTROPIES


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")
@pytest.mark.parametrize("pair", DIVERGENCES, ids=lambda pair: "-".join(c.__name__ for c in pair))
def test_closed_forms_equal_integration(pair):
    (p, scipys_p), (q, scipys_q) = MEMBERS[pair[0]][0], MEMBERS[pair[1]][1]
    answer = divergence(p, q)
    assert answer.method == "closed form"
    if scipys_p is None:
        assert float(answer) == 0
        return
    lower, upper = (
        (scipys_q.support()[0] <= scipys_p.support()[0], scipys_p.support()[1] <= scipys_q.support()[1])
        if hasattr(scipys_p, "support")
        else (True, True)
    )
    if not (lower and upper):
        assert float(answer) == np.inf
        return
    of_p, of_q = log_density(scipys_p), log_density(scipys_q)
    assert float(answer) == pytest.approx(integrated(scipys_p, lambda x: of_p(x) - of_q(x)), rel=1e-6)
    if pair[0] is pair[1]:
        assert float(divergence(p, p)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("family", ENTROPIES, ids=lambda family: family.__name__)
def test_entropies_equal_scipys(family):
    p, scipys = MEMBERS[family][0]
    answer = entropy(p)
    assert answer.method == "closed form"
    assert float(answer) == pytest.approx(0 if scipys is None else float(scipys.entropy()), rel=1e-9)


MIXTURE = dist.MixtureSameFamily(
    dist.Categorical(np.array([0.3, 0.7])), dist.Normal(np.array([-3.0, 3.0]), np.array([0.2, 1.0]))
)
LINE = {
    "student-laplace": (dist.StudentT(3.0, 0.0, 1.0), dist.Laplace(0.3, 1.0), stats.t(3), stats.laplace(0.3, 1)),
    "student-student": (dist.StudentT(3.0, 0.0, 1.0), dist.StudentT(5.0, 0.5, 2.0), stats.t(3), stats.t(5, 0.5, 2)),
    "gamma-laplace": (dist.Gamma(0.3, 2.0), dist.Laplace(0.1, 1.0), stats.gamma(0.3, scale=0.5), stats.laplace(0.1, 1)),
    "logistic-cauchy": (dist.Logistic(0.0, 1.0), dist.Cauchy(2.0, 0.5), stats.logistic(), stats.cauchy(2, 0.5)),
    "gumbel-normal": (dist.Gumbel(0.0, 1.0), dist.Normal(1.0, 3.0), stats.gumbel_r(), stats.norm(1, 3)),
}


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")
@pytest.mark.parametrize("name", LINE)
def test_quadrature_on_the_line_and_its_bound(name):
    p, q, scipys_p, scipys_q = LINE[name]
    answer = divergence(p, q)
    expected = integrated(scipys_p, lambda x: scipys_p.logpdf(x) - log_density(scipys_q)(x))
    assert answer.method == "quadrature"
    assert float(answer) == pytest.approx(expected, rel=1e-6)
    assert answer.error < 1e-6 * float(answer)
    assert float(cross_entropy(p, q)) == pytest.approx(float(answer) + float(scipys_p.entropy()), rel=1e-8)


def test_mixture_of_peaks_of_different_width():
    def pdf(x):
        return 0.3 * stats.norm.pdf(x, -3, 0.2) + 0.7 * stats.norm.pdf(x, 3, 1)

    x = np.linspace(-40, 40, 4_000_001)
    normal = stats.norm(0, 3)
    with np.errstate(divide="ignore", invalid="ignore"):
        forward = np.trapezoid(np.where(pdf(x) > 0, pdf(x) * (np.log(pdf(x)) - normal.logpdf(x)), 0), x)
    assert float(divergence(MIXTURE, dist.Normal(0.0, 3.0))) == pytest.approx(forward, rel=1e-6)
    assert float(divergence(MIXTURE, MIXTURE)) == 0


def test_quadrature_in_the_plane():
    one, two = (dist.MultivariateNormal(np.array([a, 0.0]), MATRIX.astype(np.float32)) for a in (0.0, 1.0))
    weights = dist.Categorical(np.array([0.5, 0.5]))
    both = dist.MixtureSameFamily(weights, dist.MultivariateNormal(np.array([[0.0, 0.0], [0.0, 0.0]]), MATRIX))
    # A mixture of equal parts is its part: the closed form holds.
    answer = divergence(both, two)
    assert answer.method == "quadrature"
    assert float(answer) == pytest.approx(float(divergence(one, two)), rel=1e-6)
    assert float(entropy(both)) == pytest.approx(float(entropy(one)), rel=1e-6)


@pytest.mark.parametrize(
    ("p", "q", "scipys_p", "scipys_q"),
    [
        (dist.Binomial(10, 0.3), dist.Poisson(3.0), stats.binom(10, 0.3), stats.poisson(3)),
        (dist.Binomial(10, 0.3), dist.Binomial(12, 0.3), stats.binom(10, 0.3), stats.binom(12, 0.3)),
        (dist.Poisson(3.0), dist.Geometric(0.2), stats.poisson(3), stats.geom(0.2, -1)),
        (dist.Geometric(0.1), dist.Poisson(9.0), stats.geom(0.1, -1), stats.poisson(9)),
        (dist.GammaPoisson(2.0, 0.5), dist.GammaPoisson(3.0, 0.5), stats.nbinom(2, 1 / 3), stats.nbinom(3, 1 / 3)),
    ],
)
def test_sums_over_counts(p, q, scipys_p, scipys_q):
    answer = divergence(p, q)
    assert answer.method == "sum"
    expected = integrated(scipys_p, lambda x: scipys_p.logpmf(x) - scipys_q.logpmf(x))
    assert float(answer) == pytest.approx(expected, rel=1e-9)
    assert float(entropy(p)) == pytest.approx(float(scipys_p.entropy()), rel=1e-6)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (dist.Normal(0.0, 1.0), dist.Exponential(1.0)),
        (dist.Uniform(0.0, 2.0), dist.Uniform(0.0, 1.0)),
        (dist.Poisson(3.0), dist.Binomial(10, 0.3)),
        (dist.Bernoulli(0.5), dist.Bernoulli(1.0)),
        (dist.StudentT(2.0, 0.0, 1.0), dist.Normal(0.0, 1.0)),
        (dist.Cauchy(0.0, 1.0), dist.Laplace(0.0, 1.0)),
        (dist.Normal(0.0, 1.0), KernelDensity(np.array([0.0, 1.0]), 0.5, "uniform")),
        (Empirical([1.0, 2.0]), Empirical([1.0])),
        (dist.Normal(np.zeros(5), 1.0).to_event(1), dist.Gamma(2.0, np.ones(5)).to_event(1)),
    ],
)
def test_infinite_divergence_is_an_answer(p, q):
    answer = divergence(p, q)
    assert answer.value == np.inf
    assert answer.note
    assert cross_entropy(p, q).value == np.inf


def test_monte_carlo_keeps_its_standard_error():
    p = dist.StudentT(6.0, np.zeros(3), 1.0).to_event(1)
    q = dist.MultivariateNormal(np.zeros(3), np.eye(3))
    exact = 3 * float(divergence(dist.StudentT(6.0, 0.0, 1.0), dist.Normal(0.0, 1.0)))
    answers = [divergence(p, q, key=jax.random.key(seed), samples=2000) for seed in range(200)]
    assert {answer.method for answer in answers} == {"Monte Carlo"}
    inside = [abs(float(answer) - exact) <= 4 * answer.error for answer in answers]
    assert np.mean(inside) >= 0.99


positive = st.floats(0.05, 20)
anywhere = st.floats(-10, 10)
MAKERS = {
    "normal": st.builds(dist.Normal, anywhere, positive),
    "laplace": st.builds(dist.Laplace, anywhere, positive),
    "gamma": st.builds(dist.Gamma, positive, positive),
    "beta": st.builds(dist.Beta, positive, positive),
    "poisson": st.builds(dist.Poisson, positive),
    "bernoulli": st.builds(dist.Bernoulli, st.floats(0.01, 0.99)),
}


@pytest.mark.parametrize("name", MAKERS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_divergence_is_not_negative_and_zero_for_equals_and_adds(name, data):
    p, q = data.draw(MAKERS[name]), data.draw(MAKERS[name])
    forward = float(divergence(p, q))
    assert forward >= 0
    assert float(divergence(p, p)) == pytest.approx(0, abs=1e-11)
    parts = [d.expand((3,)).to_event(1) for d in (p, q)]
    assert float(divergence(*parts)) == pytest.approx(3 * forward, rel=1e-12)
    assert float(cross_entropy(p, q)) == pytest.approx(forward + float(entropy(p)), rel=1e-9, abs=1e-9)


def test_divergence_is_not_symmetric():
    p, q = dist.Normal(0.0, 1.0), dist.Normal(0.0, 2.0)
    assert float(divergence(p, q)) != pytest.approx(float(divergence(q, p)), rel=0.1)


def test_small_divergences_keep_their_figures():
    # D ≈ ε² for N(0, 1) and N(0, (1 + ε)²)
    p, q = dist.Normal(0.0, 1.0), dist.Normal(0.0, 1 + 1e-7)
    assert float(divergence(p, q)) == pytest.approx(1e-14, rel=1e-6)


def test_batches_transformed_and_joined_distributions():
    p, q = dist.Normal(np.zeros(3), 1.0), dist.Normal(1.0, np.ones((2, 1)))
    np.testing.assert_allclose(divergence(p, q).value, np.full((2, 3), 0.5))
    assert float(divergence(dist.LogNormal(0.0, 1.0), dist.LogNormal(1.0, 1.0))) == pytest.approx(0.5)
    assert float(divergence(p.to_event(1), dist.MultivariateNormal(np.ones(3), np.eye(3)))) == pytest.approx(1.5)
    students = dist.StudentT(np.array([3.0, 5.0]), 0.0, 1.0), dist.Laplace(0.0, 1.0)
    each = [float(divergence(dist.StudentT(df, 0.0, 1.0), students[1])) for df in (3.0, 5.0)]
    np.testing.assert_allclose(divergence(*students).value, each, rtol=1e-9)


def test_points():
    p, q = Empirical([1.0, 2.0, 2.0]), Empirical([1.0, 2.0, 3.0])
    assert float(divergence(p, q)) == pytest.approx(np.sum(stats.entropy([1 / 3, 2 / 3, 0], [1 / 3] * 3)))
    assert float(entropy(p)) == pytest.approx(stats.entropy([1 / 3, 2 / 3]))
    assert float(divergence(dist.Delta(2.0), dist.Poisson(2.0))) == pytest.approx(-stats.poisson.logpmf(2, 2))
    assert float(cross_entropy(p, dist.Normal(0.0, 1.0))) == pytest.approx(-stats.norm.logpdf([1, 2, 2]).mean())


@pytest.mark.parametrize(
    ("p", "q", "message"),
    [
        (dist.Poisson(1.0), dist.Normal(0.0, 1.0), "q: expected a discrete distribution"),
        (Empirical([1.0]), dist.Normal(0.0, 1.0), "cross_entropy"),
        (dist.Normal(0.0, 1.0), dist.ImproperUniform(dist.constraints.real, (), ()), "q: expected .* integrates to 1"),
        (dist.Normal(0.0, 1.0), dist.Normal(np.zeros(2), 1.0).to_event(1), "events of shape"),
        (dist.Normal(np.zeros(2), 1.0), dist.Normal(np.zeros(3), 1.0), "a batch that goes with"),
        ([1.0, 2.0], dist.Normal(0.0, 1.0), "p: expected a NumPyro distribution"),
    ],
)
def test_bad_input_is_named(p, q, message):
    with pytest.raises(ArgumentError, match=message):
        divergence(p, q)


class Unnormalized(dist.Distribution):
    """Twice a normal density."""

    support = dist.constraints.real
    mean, variance = 0.0, 1.0

    def log_prob(self, value):
        return dist.Normal(0.0, 1.0).log_prob(value) + np.log(2)

    def cdf(self, value):
        return dist.Normal(0.0, 1.0).cdf(value)


def test_a_density_that_does_not_integrate_to_one_is_named():
    for pair in ((Unnormalized(), dist.Laplace(0.0, 1.0)), (dist.Laplace(0.0, 1.0), Unnormalized())):
        with pytest.raises(ArgumentError, match=r"[pq]: expected .* integrates to 1, got one that integrates to 2"):
            divergence(*pair)
