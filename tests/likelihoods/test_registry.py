from __future__ import annotations

import pytest

from thalweg.core.errors import ArgumentError, ModelError
from thalweg.likelihoods import Gaussian, auto_likelihood, likelihood_from_dict, make_likelihood


def test_names_and_objects() -> None:
    noise = Gaussian(2.0)
    assert make_likelihood(noise) is noise
    assert make_likelihood(noise, scale=3.0) == Gaussian(3.0)
    with pytest.raises(ArgumentError, match="Did you mean 'gaussian'"):
        make_likelihood("gausian")
    with pytest.raises(ArgumentError, match="a name or a likelihood object"):
        make_likelihood(3)


def test_usual_choice() -> None:
    assert auto_likelihood("regression") == "gaussian"
    assert [auto_likelihood("classification", classes) for classes in (2, 3)] == ["bernoulli", "categorical"]
    with pytest.raises(ArgumentError, match="at least 2 classes, got 1"):
        auto_likelihood("classification", 1)
    with pytest.raises(ArgumentError, match="task"):
        auto_likelihood("clustering")


@pytest.mark.parametrize(
    "settings", [{}, {"name": "?"}, {"name": "gaussian", "scale": -1}, {"name": "laplace", "b": 1}]
)
def test_damaged_settings(settings) -> None:
    with pytest.raises(ModelError, match="the model's likelihood cannot be read"):
        likelihood_from_dict(settings)
