"""Kernel density against SciPy and scikit-learn, its memory, and the accuracy of divergences."""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from benchmarks.commands import worker_answer
from benchmarks.figures import duration, figures, ratios, verdict
from benchmarks.rounds import ROOT
from benchmarks.table import table

POINTS, QUERIES, D = 100_000, 10_000, 2
MANY = 1_000_000
FEW = 500
"""Queries of scikit-learn, whose exact sum takes a second for ten of them; its time is scaled to all."""


def measure(*, rounds: int, quick: bool) -> str:
    """Return the section's text.

    Args:
        rounds: rounds of SciPy and thalweg in turn.
        quick: a tenth of the points, of the queries and of the large case.
    """
    size = 10 if quick else 1
    return "\n\n".join(
        (_speed(rounds, POINTS // size, QUERIES // size), _memory(MANY // size, QUERIES // size), _exact())
    )


def _speed(rounds: int, n: int, queries: int) -> str:
    from scipy.stats import gaussian_kde
    from sklearn.neighbors import KernelDensity as Sklearn

    from thalweg.probability import KernelDensity

    rng = np.random.default_rng(0)
    points, x = rng.normal(size=(n, D)), rng.normal(size=(queries, D))
    x[:10] *= 20  # some far out, where a density of 1e-200 must keep its figures
    ours, scipys = KernelDensity(points), gaussian_kde(points.T)
    h = float(scipys.factor)
    sklearns = Sklearn(bandwidth=h).fit(points)
    np.asarray(ours.pdf(x))  # compiles
    times: dict[str, list[float]] = {"thalweg": [], "SciPy": []}
    for number in range(rounds):
        print(f"  kde: round {number + 1} of {rounds}", flush=True)
        a, seconds = _timed(lambda: np.asarray(ours.pdf(x)))
        times["thalweg"].append(seconds)
        b, seconds = _timed(lambda: scipys(x.T))
        times["SciPy"].append(seconds)
    some = min(FEW, queries)
    _, seconds = _timed(lambda: sklearns.score_samples(x[-some:]))
    times["scikit-learn"] = [seconds * queries / some] * rounds
    near = b > 0
    difference = float(np.max(np.abs(a[near] / b[near] - 1)))
    faster = median(ratios(times["SciPy"], times["thalweg"]))
    rows = [[name, duration(median(of)), figures(median(ratios(of, times["thalweg"])))] for name, of in times.items()]
    targets = [
        ["times as fast as SciPy", figures(faster), "≥ 5", verdict(faster >= 5)],
        ["largest relative difference to SciPy", f"{difference:.1e}", "≤ 1e-6", verdict(difference <= 1e-6)],
    ]
    about = (
        f"Gaussian kernel, Scott's bandwidth, {n} points × {queries} queries in {D}-D, float64, no point left out. "
        f"scikit-learn's tree is asked for {some} queries and its time scaled."
    )
    header = table(["", "time", "to thalweg"], rows).strip()
    return "\n\n".join((about, header, table(["", "measured", "target", "reached"], targets).strip()))


def _timed(run: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    found = run()
    return found, time.perf_counter() - began


def _memory(n: int, queries: int) -> str:
    found = worker_answer("benchmarks.kde", n, queries)
    peak = found["bytes"] / 1e9
    row = [f"{n} × {queries}", duration(found["seconds"]), f"{peak:.2f} GB", "< 1 GB", verdict(peak < 1)]
    return table(["points × queries", "time", "peak memory of the process", "target", "reached"], [row]).strip()


def _exact() -> str:
    """Compare all closed forms with an independent integration, and quadrature with what is known in closed form."""
    sys.path.append(str(ROOT / "tests" / "support"))
    import jax
    import numpyro.distributions as dist
    from references import MEMBERS, integrated, log_density

    from thalweg.probability import divergence
    from thalweg.probability.closed_forms import DIVERGENCES
    from thalweg.probability.expected_logs import Sampling, numeric

    closed, quadrature = [], []
    for p_class, q_class in DIVERGENCES:
        (p, scipys_p), (q, scipys_q) = MEMBERS[p_class][0], MEMBERS[q_class][1]
        answer = divergence(p, q)
        if scipys_p is None or not np.isfinite(answer.value):
            continue
        with warnings.catch_warnings(action="ignore"):
            of_p, of_q = log_density(scipys_p), log_density(scipys_q)
            expected = integrated(scipys_p, lambda x, f=of_p, g=of_q: f(x) - g(x))
        closed.append(abs(float(answer) / expected - 1))
        if not p.event_shape:
            found = numeric("divergence", p, q, Sampling(None, 1000))
            quadrature.append(abs(float(found) / expected - 1))
    p = dist.StudentT(6.0, np.zeros(3), 1.0).to_event(1)
    q = dist.MultivariateNormal(np.zeros(3), np.eye(3))
    exact = 3 * float(divergence(dist.StudentT(6.0, 0.0, 1.0), dist.Normal(0.0, 1.0)))
    trials = [divergence(p, q, key=jax.random.key(seed), samples=2000) for seed in range(400)]
    inside = float(np.mean([abs(float(trial) - exact) <= 4 * trial.error for trial in trials]))
    rows = [
        [f"closed forms, {len(closed)} pairs: largest relative error", f"{max(closed):.1e}", "≤ 1e-6",
         verdict(max(closed) <= 1e-6)],
        [f"sums and quadrature, {len(quadrature)} pairs: the same", f"{max(quadrature):.1e}", "≤ 1e-6",
         verdict(max(quadrature) <= 1e-6)],
        ["Monte Carlo within four standard errors, of 400 trials", f"{100 * inside:.1f} %", "≥ 99 %",
         verdict(inside >= 0.99)],
    ]  # fmt: skip
    return table(["divergence", "measured", "target", "reached"], rows)


def main(n: int, queries: int) -> None:
    """Evaluate one large density and print what it took."""
    from thalweg.probability import KernelDensity

    rng = np.random.default_rng(0)
    density = KernelDensity(rng.normal(size=(n, D)))
    _, seconds = _timed(lambda: np.asarray(density.pdf(rng.normal(size=(queries, D)))))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"seconds": seconds, "bytes": peak}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
