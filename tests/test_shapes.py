"""While tests run, array shapes in annotations are checked."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from thalweg.likelihoods import Gaussian


@pytest.mark.parametrize("library", [jnp, np])
def test_arrays_whose_batches_differ_are_refused(library: object) -> None:
    zeros = library.zeros  # type: ignore[attr-defined]
    assert Gaussian().cost(zeros((4, 2)), zeros((4, 2))).shape == (4,)
    with pytest.raises(TypeCheckError, match="batch outputs"):
        Gaussian().cost(zeros((4, 2)), zeros((1, 2)))
