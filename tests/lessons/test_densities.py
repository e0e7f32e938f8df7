"""Kernel density and noise models: their numbers against SciPy and closed forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from pictures import run_lesson


def test_kernel_density_by_bandwidth_and_kernel(tmp_path: Path) -> None:
    numbers = run_lesson("kernel-density", tmp_path)
    x, grid = numbers.points, numbers.grid
    for name, h in numbers.bandwidths.items():
        expected = scipy.stats.norm.pdf(grid[:, None], x, h).mean(axis=1)
        np.testing.assert_allclose(numbers.densities[name], expected, atol=1e-6)
    right = numbers.errors.pop("cross-validated")
    assert all(error > 5 * right for error in numbers.errors.values())
    # Kernels of one standard deviation, and estimates that differ far less than those of two bandwidths.
    apart = np.trapezoid(np.abs(numbers.densities["too small"] - numbers.densities["too large"]), grid)
    h = numbers.bandwidths["cross-validated"]
    for kernel, shape in numbers.shapes.items():
        assert np.trapezoid(shape * grid**2, grid) == pytest.approx(h**2, rel=0.03), kernel
        difference = np.trapezoid(np.abs(numbers.by_kernel[kernel] - numbers.by_kernel["gaussian"]), grid)
        assert difference < apart / 4
    assert not np.allclose(numbers.shapes["uniform"], numbers.shapes["gaussian"], atol=0.2)
    # Without bumps, expectations are sample means.
    np.testing.assert_allclose(numbers.steps, scipy.stats.ecdf(x).cdf.evaluate(numbers.grid), atol=1e-12)
    np.testing.assert_allclose(numbers.smooth, scipy.stats.norm.cdf(numbers.grid[:, None], x, h).mean(1), atol=1e-6)
    # 0.6 N(-1.5, 0.8²) + 0.4 N(1.5, 0.5²)
    assert numbers.means["truth"] == pytest.approx((-0.3, 0.6 * (2.25 + 0.64) + 0.4 * (2.25 + 0.25)))
    assert numbers.means["empirical distribution"] == pytest.approx((x.mean(), np.mean(x**2)))
    assert numbers.means["estimate"] == pytest.approx((x.mean(), np.mean(x**2) + h**2))


def test_robust_noise_models_withstand_outliers(tmp_path: Path) -> None:
    numbers = run_lesson("noise-models", tmp_path)
    assert max(numbers.distance["laplace"], numbers.distance["student_t"]) < 0.6 * numbers.distance["gaussian"]
    # Outliers are too high: they lift the Gaussian fit above the curve.
    lifted = {
        name: np.mean(fit - np.sin(1.5 * numbers.grid) - 0.3 * numbers.grid) for name, fit in numbers.fits.items()
    }
    assert lifted["gaussian"] > 2 * abs(lifted["student_t"])
    assert min(numbers.test_cost, key=numbers.test_cost.get) == "student_t"
    for coverage in numbers.coverage.values():
        assert coverage == pytest.approx(0.9, abs=0.06)
    # Costs have their shapes, and error vectors are their slopes.
    r = numbers.residuals
    away = np.abs(r) > 0.1
    assert set(numbers.costs) == {"gaussian", "laplace", "student_t"}
    for name, power in (("gaussian", 2), ("laplace", 1)):
        ratio = numbers.costs[name][away] / np.abs(r[away]) ** power
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)
    for name, cost in numbers.costs.items():
        slope = np.gradient(cost.astype(float), r.astype(float))
        np.testing.assert_allclose(numbers.errors[name][away], slope[away], rtol=0.02, err_msg=name)
    pull = numbers.errors["student_t"]
    assert pull[-1] < pull.max() / 2  # it lets go of far points
