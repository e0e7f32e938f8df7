"""Error vectors by depth: against the recursion from layer to layer, and against integrals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pictures import run_lesson
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm


def test_sigmoids_lose_the_error_vector_and_relu_keeps_it(tmp_path: Path) -> None:
    numbers = run_lesson("depth", tmp_path)
    for name, networks in numbers.params.items():
        for depth, params in networks.items():
            # δ_lᵀ = δ_{l+1}ᵀ W_{l+1} diag(φ'(a_l)), in double precision, from the output's f - y.
            dense = [layer for layer in params if layer]
            x, slopes = numbers.x.astype(float), []
            for layer in dense[:-1]:
                a = x @ layer["weight"].T.astype(float)
                x = expit(a) if name == "sigmoid" else np.maximum(a, 0)
                slopes.append(x * (1 - x) if name == "sigmoid" else (a > 0) * 1.0)
            delta = (x @ dense[-1]["weight"].T - numbers.y) / len(x)
            sizes = []
            for layer, slope in zip(dense[:0:-1], slopes[::-1], strict=True):
                delta = delta @ layer["weight"] * slope
                sizes.append(np.sqrt(np.mean(delta**2)))
            np.testing.assert_allclose(numbers.norms[name][depth], np.array(sizes[::-1]) / sizes[0], rtol=1e-3)
    # Means over wide layers: what a layer leaves, by quadrature.
    q, factors = 1.0, []
    for _ in range(19):
        factors.append(np.sqrt(_mean(lambda a: expit(a) * (1 - expit(a)), q)))
        q = _mean(expit, q)
    np.testing.assert_allclose(numbers.expected["sigmoid"][20][0], np.prod(factors), rtol=1e-3)
    np.testing.assert_allclose(numbers.expected["relu"][20], 1, rtol=0.05)
    for name, per_layer in (("sigmoid", factors[-1]), ("relu", 1.0)):
        assert numbers.norms[name][20][0] ** (1 / 19) == pytest.approx(per_layer, rel=0.05)
    # In training the sigmoids' first layer begins without an error, and ReLU is ahead.
    begin = {name: sizes[0, 0] / sizes[0, -2] for name, sizes in numbers.trained.items()}
    assert begin["sigmoid"] < 1e-3
    assert begin["relu"] > 0.1
    assert numbers.losses["relu"][10] < numbers.losses["sigmoid"][10]


def _mean(function: object, q: float) -> float:
    """Return E f(√q z)² for z ~ N(0, 1)."""
    return float(quad(lambda z: norm.pdf(z) * function(np.sqrt(q) * z) ** 2, -9, 9)[0])  # type: ignore[operator]
