"""Kernel density estimates against SciPy, scikit-learn, integration and their own samples."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy import integrate, stats
from sklearn.neighbors import KernelDensity as Peer

from thalweg.core.errors import ArgumentError
from thalweg.probability.kernel_density import KernelDensity
from thalweg.probability.kernels import KERNELS

PEER_NAMES = {
    "gaussian": "gaussian",
    "uniform": "tophat",
    "epanechnikov": "epanechnikov",
    "exponential": "exponential",
    "triangular": "linear",
    "cosine": "cosine",
}


def cloud(n: int, d: int, seed: int = 0) -> np.ndarray:
    """Correlated points, far from the origin."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 100


@pytest.mark.parametrize("d", [1, 2, 5])
@pytest.mark.parametrize("rule", ["scott", "silverman"])
def test_rules_equal_scipy_at_points_between_them_and_far_out(d, rule):
    points = cloud(1500, d)
    ours, scipys = KernelDensity(points, rule), stats.gaussian_kde(points.T, rule)
    x = np.concatenate([points[:50], cloud(600, d, seed=1), points.mean(axis=0) + 4 * (points[:20] - 100)])
    np.testing.assert_allclose(ours.pdf(x), scipys(x.T), rtol=1e-9, atol=1e-300)
    far = points.mean(axis=0) + 300 * (points[:20] - 100)
    np.testing.assert_allclose(ours.log_prob(far), scipys.logpdf(far.T), rtol=1e-9)
    np.testing.assert_allclose(ours.covariance_matrix, np.cov(points.T, bias=True) + scipys.covariance, rtol=1e-9)


def test_weighted_points_equal_scipy():
    points = cloud(300, 2)
    weights = np.random.default_rng(2).gamma(0.5, size=300)
    weights[:3] = 0
    ours, scipys = KernelDensity(points, weights=weights), stats.gaussian_kde(points.T, weights=weights)
    np.testing.assert_allclose(ours.pdf(points), scipys(points.T), rtol=1e-9)
    np.testing.assert_allclose(ours.mean, weights @ points / weights.sum())


# scikit-learn 1.9's cosine kernel does not integrate to one beyond the line: there the integration below is the test.
PEERS = [(ours, peer, d) for ours, peer in PEER_NAMES.items() for d in (1, 3) if (ours, d) != ("cosine", 3)]


@pytest.mark.parametrize(("ours", "peer", "d"), [*PEERS, ("gaussian", "gaussian", 9)])
def test_kernels_equal_scikit_learns(ours, peer, d):
    points = cloud(60, d)
    # Eight of its queries are points themselves; the last lies outside every kernel of bounded width.
    x = np.concatenate([points[:8], points[8:40] + 0.05, points[:1] + 1e3])
    h = float(np.std(points))
    density = KernelDensity(points, h, ours)
    expected = Peer(bandwidth=h, kernel=peer).fit(points).score_samples(x)
    np.testing.assert_allclose(density.log_prob(x), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_integrate_to_one_and_have_their_variance(name):
    kernel = KERNELS[name]
    end = 1.0 if np.isinf(float(kernel.log_profile(1.5))) else np.inf

    def profile(r):
        with jax.enable_x64(True):
            return float(np.exp(kernel.log_profile(np.float64(r**2))))

    for d, sphere in ((1, 2.0), (2, 2 * np.pi), (3, 4 * np.pi)):
        mass = sphere * integrate.quad(lambda r, power=d - 1: profile(r) * r**power, 0, end, limit=200)[0]
        assert np.exp(kernel.log_volume(d)) == pytest.approx(mass, rel=1e-7)
    second = integrate.quad(lambda r: profile(r) * r**2, 0, end)[0] / integrate.quad(profile, 0, end)[0]
    assert kernel.variance(1) == pytest.approx(second, rel=1e-7)


@pytest.mark.parametrize("name", KERNELS)
def test_distribution_function_is_the_integral_of_the_density(name):
    p = KernelDensity(np.array([0.0, 1.0, 1.5]), 0.8, name, weights=[1, 2, 1])
    x = np.linspace(-30, 2, 320_001)
    expected = integrate.cumulative_trapezoid(p.pdf(x), x, initial=0)
    np.testing.assert_allclose(p.cdf(x), expected, atol=1e-4)  # the trapezoids' step times the greatest jump
    assert float(p.cdf(100.0)) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("name", KERNELS)
def test_draws_follow_the_density(name):
    line = KernelDensity(np.array([0.0, 1.0, 5.0]), 0.8, name, weights=[1, 2, 1])
    draws = np.asarray(line.sample(jax.random.key(0), (4000,)), float)
    assert draws.shape == (4000,)
    assert stats.kstest(draws, lambda x: np.asarray(line.cdf(x))).pvalue > 1e-3
    plane = KernelDensity(cloud(50, 2), np.array([[0.5, 0.3], [0.3, 0.4]]), name)
    draws = np.asarray(plane.sample(jax.random.key(1), (20_000,)), float)
    np.testing.assert_allclose(np.cov(draws.T), plane.covariance_matrix, rtol=0.05, atol=0.05)


def test_cross_validation_maximizes_the_left_out_likelihood():
    points = np.random.default_rng(3).normal(size=(60, 2)) * [1, 5]
    chosen = KernelDensity(points, "cv").scale_tril[0, 0] / np.std(points[:, 0], ddof=1)

    def left_out(h):
        def log_density(i):
            return np.log(
                stats.multivariate_normal(points[i], h**2 * np.cov(points.T)).pdf(np.delete(points, i, 0)).mean()
            )

        return np.mean([log_density(i) for i in range(60)])

    best = left_out(chosen)
    assert all(best >= left_out(chosen * factor) for factor in (0.5, 0.97, 1.03, 2))


def test_matrix_bandwidth_is_the_covariance_of_the_kernel():
    points, H = cloud(40, 3), np.diag([0.5, 2.0, 1.0]) + 0.2
    x = cloud(10, 3, seed=5)
    expected = np.mean([stats.multivariate_normal(point, H).pdf(x) for point in points], axis=0)
    np.testing.assert_allclose(KernelDensity(points, H).pdf(x), expected, rtol=1e-9)


def test_it_is_a_distribution_that_can_be_traced_and_differentiated():
    p = KernelDensity(np.array([0.0, 2.0]), 1.0)
    slope = jax.jit(jax.grad(p.log_prob))(0.7)
    difference = (float(p.log_prob(0.7001)) - float(p.log_prob(0.6999))) / 2e-4
    assert float(slope) == pytest.approx(difference, rel=1e-4)
    assert p.log_prob(np.zeros((4, 3))).shape == (4, 3)
    assert p.event_shape == ()
    assert KernelDensity(np.zeros((3, 1)), 1.0).event_shape == (1,)


@pytest.mark.parametrize(
    ("points", "options", "message"),
    [
        ([0.0, 1.0], {"bandwidth": 0}, "bandwidth: expected a number above 0, got 0"),
        ([0.0, 1.0], {"bandwidth": -1.5}, "bandwidth: expected a number above 0"),
        ([0.0, 1.0], {"bandwidth": float("nan")}, "bandwidth: expected a number above 0"),
        ([0.0, 1.0], {"bandwidth": "scot"}, "Did you mean 'scott'"),
        ([0.0, 1.0], {"kernel": "gauss"}, "Did you mean 'gaussian'"),
        ([0.0, np.nan], {}, "points: expected finite numbers"),
        (["a", "b"], {}, "points: expected an array of numbers"),
        ([], {}, "points: expected an array of shape"),
        (np.zeros((2, 2, 2)), {}, "points: expected an array of shape"),
        ([1.0], {}, "points: expected more than 1 points"),
        ([2.0, 2.0, 2.0], {}, "positive definite, got a smallest eigenvalue of 0"),
        (np.repeat(np.arange(5.0)[:, None], 2, axis=1), {}, "subspace"),
        (np.arange(6.0).reshape(3, 2), {"bandwidth": -np.eye(2)}, "bandwidth: expected a positive definite matrix"),
        (np.arange(6.0).reshape(3, 2), {"bandwidth": np.eye(3)}, "symmetric 2 × 2 matrix"),
        ([0.0, 1.0], {"weights": [1, 2, 3]}, "weights: expected 2 numbers"),
        ([0.0, 1.0], {"weights": [1, -2]}, "weights: expected weights of at least 0, got -2"),
        (np.repeat(np.arange(20.0), 3), {"bandwidth": "cv"}, "repeated"),
    ],
)
def test_bad_input_is_named(points, options, message):
    with pytest.raises(ArgumentError, match=message):
        KernelDensity(points, **options)


def test_queries_of_another_dimension_are_named():
    p = KernelDensity(cloud(9, 2))
    with pytest.raises(ArgumentError, match="points with 2 coordinates"):
        p.pdf(np.zeros((5, 3)))
    with pytest.raises(ArgumentError, match="on the line"):
        p.cdf(np.zeros((5, 2)))
