"""What the benchmark of prediction takes for the matrix products of a network."""

import sys
from pathlib import Path

import jax
import numpy as np

sys.path.append(str(Path(__file__).parents[2]))
from benchmarks.predict_worker import make, products

from thalweg.deploy.model import Model
from thalweg.likelihoods import make_likelihood
from thalweg.network import Dense, Members, Network


def test_products_are_found_in_nested_programs_and_side_by_side():
    plain = make("model", (30, 128, 64, 2), np.zeros((4, 30), np.float32))
    assert products(plain.model, 4096) == [(1, 4096, 30, 128), (1, 4096, 128, 64), (1, 4096, 64, 2)]
    network = Network(5, (Members(3, (Dense(8), "relu", Dense(1))),))
    members = Model(network, make_likelihood("gaussian"), network.init(jax.random.key(0)), network.init_state())
    flops = [batch * m * k * n for batch, m, k, n in products(members, 16)]
    assert sorted(flops) == [3 * 16 * 8 * 1, 3 * 16 * 5 * 8]
