"""Networks with fewer members: the same network for each that is left."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from thalweg.core.errors import ArgumentError
from thalweg.network import Network, dense_network
from thalweg.network.fewer import fewer_members


@pytest.mark.parametrize("embedding", ["none", "mixed", "piecewise_linear"])
@pytest.mark.parametrize("normalization", ["none", "layer"])
def test_it_is_the_network_that_is_built_with_so_many(embedding: str, normalization: str) -> None:
    def built(members: int) -> Network:
        return dense_network(
            5,
            (16, 16),
            3 * members,
            dropout=0.1,
            normalization=normalization,
            residual=True,
            numeric_embedding=embedding,
            feature_scaling=True,
            shared_members=members,
        )

    few, left = fewer_members(built(8), 8)
    if embedding == "mixed":
        assert (few, left) == (built(2), 2)
    else:
        # One member keeps its vector of signs, where a single network has none.
        assert left == 1
        assert few.outputs == 3
    outputs = few.apply(few.init(jax.random.key(0)), few.init_state(), np.zeros((4, 5), np.float32))
    assert outputs.shape == (4, 3 * left)


def test_kinds_of_unequal_size_stay_as_they_are() -> None:
    network = dense_network(5, (16,), 5, numeric_embedding="mixed", shared_members=5)
    assert fewer_members(network, 5) == (network, 5)


def test_no_members_is_an_error() -> None:
    with pytest.raises(ArgumentError, match="members"):
        fewer_members(dense_network(5, (16,), 1), 0)
