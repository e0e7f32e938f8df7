"""One contender of the section predict: ``python -m benchmarks.predict_worker NET WHO ROWS [blas]``; prints JSON.

With ``blas`` it tells the time of the matrix products in that contender's network, by NumPy and nothing else.
"""

from __future__ import annotations

import json
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

import jax
import numpy as np
import polars as pl

import thalweg
from benchmarks.predict import NETS
from thalweg.data.encode import Encoder
from thalweg.data.read import read
from thalweg.deploy.model import Model
from thalweg.likelihoods import make_likelihood
from thalweg.network import dense_network

CALLS, CHUNK = 500, 4096


@dataclass(frozen=True)
class Contender:
    """What predicts.

    Args:
        predict: rows ↦ answers.
        model: what is behind it.
        as_given: array (N, d) ↦ rows as a user has them.
    """

    predict: Callable[[Any], Any]
    model: Model
    as_given: Callable[[Any], Any] = np.asarray


def main(net: str, who: str, rows: int, *, blas: bool) -> dict[str, float]:
    """Return seconds for one row and for all, or those of the products for all."""
    widths = NETS[net]
    x = np.random.default_rng(0).standard_normal((rows, widths[0]), dtype=np.float32)
    contender = make(who, widths, x[:2000])
    if blas:
        return {"many": _limit(contender.model, rows)}
    whole, one = contender.as_given(x), contender.as_given(x[:1])
    return {"one": _loop(lambda: contender.predict(one)), "many": _best(lambda: contender.predict(whole))}


def make(who: str, widths: tuple[int, ...], x: Any) -> Contender:
    """Return a contender, fitted to a few rows where it must be: what it predicts does not matter."""
    sums = x.sum(axis=1)
    y = sums > 0 if widths[-1] > 1 else sums
    if who in {"estimator", "recipe"}:
        kind = thalweg.DenseClassifier if widths[-1] > 1 else thalweg.DenseRegressor
        plain = {"preset": "plain", "hidden": widths[1:-1]} if who == "estimator" else {}
        estimator = kind(epochs=1, **plain).fit(x, y)
        return Contender(estimator.predict, estimator.model_)
    names = [f"feature {i}" for i in range(widths[0])]

    def as_given(rows: Any) -> Any:
        return pl.DataFrame(rows, names) if who == "frame" else rows

    network = dense_network(widths[0], widths[1:-1], widths[-1])
    likelihood = make_likelihood("categorical" if widths[-1] > 1 else "gaussian")
    encoder = None if who == "model" else Encoder.fit(read((as_given(x), y)))
    model = Model(network, likelihood, network.init(jax.random.key(0)), network.init_state(), encoder)
    return Contender(model.predict, model, as_given)


def products(model: Model, rows: int) -> list[tuple[int, int, int, int]]:
    """Return the matrix products of a forward pass: how many side by side, and m, k, n of (m, k) × (k, n)."""
    x = np.zeros((rows, model.network.inputs), np.float32)
    program = jax.make_jaxpr(model.network.apply)(model.params, model.state, x)
    found = []
    for equation in _equations(program.jaxpr):
        if equation.primitive.name == "dot_general":
            (summed, _), (shared, _) = equation.params["dimension_numbers"]
            left, right = (variable.aval.shape for variable in equation.invars)
            batch, k = math.prod(left[i] for i in shared), math.prod(left[i] for i in summed)
            found.append((batch, math.prod(left) // (batch * k), k, math.prod(right) // (batch * k)))
    return found


def _equations(program: Any) -> Iterator[Any]:
    for equation in program.eqns:
        yield equation
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from _equations(inner)


def _limit(model: Model, rows: int) -> float:
    """Return seconds of the products alone, into arrays that exist already."""
    arrays = [
        tuple(np.ones((batch, *shape), np.float32) for shape in ((m, k), (k, n), (m, n)))
        for batch, m, k, n in products(model, CHUNK)
    ]

    def multiply() -> None:
        for _ in range(math.ceil(rows / CHUNK)):
            for left, right, out in arrays:
                for a, b, c in zip(left, right, out, strict=True):
                    np.matmul(a, b, out=c)

    return _best(multiply)


def _loop(call: Callable[[], Any]) -> float:
    """Return seconds a call takes in a loop, the median of seven."""
    call()
    times = []
    for _ in range(7):
        began = time.perf_counter()
        for _ in range(CALLS):
            call()
        times.append((time.perf_counter() - began) / CALLS)
    return median(times)


def _best(call: Callable[[], Any]) -> float:
    """Return the shorter of two calls, after one that may compile."""
    call()
    times = []
    for _ in range(2):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), blas="blas" in sys.argv[4:])))
