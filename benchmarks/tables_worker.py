"""One fit in a process of its own: ``python -m benchmarks.tables_worker SET SEED PEER DATA THREADS``.

It prints one line of JSON: how well the test rows were predicted, and what time and memory that took. Imports are
not counted, what is compiled or prepared for the data is.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables_data import SETS, UCI, load
from benchmarks.tables_peers import OURS, PEERS, category_names, probabilities

BINS = 15
COVERAGE = 0.9


def main(name: str, seed: int, peer: str, data: Path, threads: int) -> dict[str, Any]:
    """Fit, predict the test rows, and return all that is measured."""
    task, rows, way = SETS[name].task, load(data, name, seed), PEERS[peer]
    categories = category_names(rows.x_train)
    x_train, x_test = way.frame(rows.x_train, rows.x_test, categories)
    estimator = way.make(task, seed, threads, categories)
    before, load_before = _peak(), os.getloadavg()[0]
    wall, cpu = time.perf_counter(), time.process_time()
    estimator.fit(x_train, rows.y_train)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = _peak()
    began = time.perf_counter()
    if task == "regression":
        scores = regression(rows.y_test, np.asarray(estimator.predict(x_test), np.float64))
        predicted = time.perf_counter() - began
        if peer == OURS and name in UCI:
            ends = np.asarray(estimator.predict_interval(x_test, COVERAGE))
            scores["coverage"] = float(((ends[:, 0] <= rows.y_test) & (rows.y_test <= ends[:, 1])).mean())
    else:
        classes = int(max(rows.y_train.max(), rows.y_test.max())) + 1
        p = probabilities(estimator, x_test, classes)
        predicted = time.perf_counter() - began
        scores = classification(rows.y_test, p)
    return {
        "set": name,
        "seed": seed,
        "peer": peer,
        "rows": len(rows.y_train),
        "test_rows": len(rows.y_test),
        "features": rows.x_train.width,
        **scores,
        "fit_wall_s": wall,
        "fit_cpu_s": cpu,
        "predict_s": predicted,
        "rss_before_mb": before,
        "rss_peak_mb": peak,
        "threads": threads,
        "load": [load_before, os.getloadavg()[0]],
        "version": version(way.package),
    }


def regression(y: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Return the root mean squared error, and beside it what the mean of the test targets would have."""
    return {"rmse": float(np.sqrt(np.mean((predicted.reshape(len(y)) - y) ** 2))), "spread": float(np.std(y))}


def classification(y: np.ndarray, p: np.ndarray) -> dict[str, float]:
    """Return error rate, mean -ln p, expected calibration error, and of two classes the area under the ROC curve.

    Args:
        y: classes (N,) from 0.
        p: their probabilities (N, C).
    """
    from sklearn.metrics import roc_auc_score

    p = p / p.sum(axis=1, keepdims=True)
    true = p[np.arange(len(y)), y]
    scores = {
        "error": float((p.argmax(axis=1) != y).mean()),
        "log_loss": float(-np.log(np.clip(true, 1e-7, 1)).mean()),
        "ece": calibration_error(p.max(axis=1), p.argmax(axis=1) == y),
    }
    return scores | ({"auc": float(roc_auc_score(y, p[:, 1]))} if p.shape[1] == 2 else {})


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Return Σ (n_b/N) |mean confidence - share right| over bins b of equal mass."""
    bins = np.array_split(np.argsort(confidence, kind="stable"), BINS)
    return float(sum(abs((confidence[b] - right[b]).sum()) for b in bins) / len(right))


def _peak() -> float:
    """Return the most memory this process held so far, in MB (10⁶ bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "w") as answers, warnings.catch_warnings():
        os.dup2(2, 1)  # what libraries print goes to standard error
        warnings.simplefilter("ignore")
        name, seed, peer, data, threads = sys.argv[1:]
        answers.write(json.dumps(main(name, int(seed), peer, Path(data), int(threads))) + "\n")
