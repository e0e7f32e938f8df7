"""One contender of the section predict: ``python -m benchmarks.predict_worker NET WHO ROWS``; prints JSON."""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np

from benchmarks.predict import NETS

CALLS, CHUNK = 1000, 4096


def main(net: str, who: str, rows: int) -> dict[str, float]:
    """Return seconds for one row and for all."""
    widths = NETS[net]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, widths[0]), dtype=np.float32)
    if who == "blas":
        return {"many": _blas(x, widths)}
    predict, as_given = _contender(who, widths, x[:2000])
    whole, one = as_given(x), as_given(x[:1])
    return {"one": _loop(lambda: predict(one)), "many": _best(lambda: predict(whole))}


def _contender(who: str, widths: tuple[int, ...], x: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Return what predicts, and how it is given its rows."""
    import jax
    import polars as pl

    import thalweg
    from thalweg.data.encode import Encoder
    from thalweg.data.read import read
    from thalweg.deploy.model import Model
    from thalweg.likelihoods import make_likelihood
    from thalweg.network import dense_network

    sums = x.sum(axis=1)
    y = sums > 0 if widths[-1] > 1 else sums
    if who == "estimator":
        kind = thalweg.DenseClassifier if widths[-1] > 1 else thalweg.DenseRegressor
        return kind(hidden=widths[1:-1], epochs=1).fit(x, y).predict, np.asarray
    names = [f"feature {i}" for i in range(widths[0])]

    def as_given(rows: Any) -> Any:
        return pl.DataFrame(rows, names) if who == "frame" else rows

    network = dense_network(widths[0], widths[1:-1], widths[-1])
    likelihood = make_likelihood("categorical" if widths[-1] > 1 else "gaussian")
    encoder = None if who == "model" else Encoder.fit(read((as_given(x), y)))
    model = Model(network, likelihood, network.init(jax.random.key(0)), network.init_state(), encoder)
    return model.predict, as_given


def _blas(x: Any, widths: tuple[int, ...]) -> float:
    """Return seconds of the products alone."""
    weights = [np.ones(shape, np.float32) for shape in pairwise(widths)]
    hidden = [np.empty((CHUNK, width), np.float32) for width in widths[1:]]

    def products() -> None:
        for start in range(0, len(x), CHUNK):
            h = x[start : start + CHUNK]
            for W, out in zip(weights, hidden, strict=True):
                h = np.matmul(h, W, out=out[: len(h)])

    return _best(products)


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
    """Return the shortest of three calls, after one that may compile."""
    call()
    times = []
    for _ in range(3):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(main(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
