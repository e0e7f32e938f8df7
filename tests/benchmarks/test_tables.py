"""What the tables benchmark computes from the fits of many methods."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import gmean, rankdata
from sklearn.metrics import log_loss, roc_auc_score, root_mean_squared_error

sys.path.append(str(Path(__file__).parents[2]))
from benchmarks.tables_peers import PEERS

from benchmarks import tables, tables_compare, tables_run, tables_worker
from thalweg.decisions.calibration import reliability

NETWORKS = ["thalweg", "realmlp_td", "tabm_d"]


@pytest.fixture
def fits():
    """Three sets, two seeds, all methods; errors drawn at random, and some of them equal."""
    rng = np.random.default_rng(0)
    common = {
        "threads": 2,
        "rows": 80,
        "features": 3,
        "predict_s": 0.1,
        "rss_peak_mb": 100.0,
        "version": "1",
        "load": [0.5, 1.5],
    }
    rows = []
    for name in ("magic", "letter", "boston"):
        for seed in (0, 1):
            for place, peer in enumerate(PEERS):
                score = round(float(rng.uniform(0.1, 0.3)), 1)
                kind = {"rmse": 4 * score, "spread": 4.0} if name == "boston" else {"error": score}
                rows.append({"set": name, "seed": seed, "peer": peer, "fit_wall_s": 1.0 + place} | common | kind)
    return rows


def test_ranks_are_those_of_scipy_averaged_within_sets_and_then_over_them(fits):
    results = tables_compare.Results(fits)
    cells = results.cells(*NETWORKS)
    assert len(cells) == 6
    losses = [[results.loss(cell, peer) for peer in NETWORKS] for cell in cells]
    expected = rankdata(losses, axis=1).reshape(3, 2, 3).mean(axis=(0, 1))
    assert list(tables_compare.ranks(results, NETWORKS, cells).values()) == pytest.approx(expected.tolist())


def test_errors_of_sets_are_averaged_on_a_shifted_logarithmic_scale(fits):
    results = tables_compare.Results(fits)
    cells = results.cells("thalweg")
    losses = np.array([results.loss(cell, "thalweg") for cell in cells])
    expected = gmean(losses + tables_compare.SHIFT)
    assert tables_compare.shifted(results, "thalweg", cells) == pytest.approx(expected)
    scaled = [tables_compare.scaled(results, peer, cells, NETWORKS) for peer in NETWORKS]
    assert 0 <= min(scaled) <= max(scaled) <= 1


def test_pairs_are_compared_where_both_were_fitted_and_a_later_fit_counts(fits):
    later = fits[0] | {"error": 0.9}
    without = [row for row in fits if (row["peer"], row["set"], row["seed"]) != ("tabm_d", "letter", 1)]
    results = tables_compare.Results(
        [*without, later, {"set": "letter", "seed": 1, "peer": "tabm_d", "failure": "late"}]
    )
    assert results.loss(("magic", 0), "thalweg") == 0.9
    assert ("letter", 1) not in results.cells("thalweg", "tabm_d")
    assert results.failures == {("letter", 1, "tabm_d"): "late"}


def test_time_in_one_thread_is_scaled_by_fits_that_ran_both_ways(fits):
    alone = [row | {"threads": 1, "fit_cpu_s": 2 * row["fit_wall_s"]} for row in fits[:8]]
    only = fits[8] | {"threads": 1, "fit_cpu_s": 30.0}
    results = tables_compare.Results([*fits[:8], *alone, only])
    assert results.seconds(("magic", 0), "thalweg") == fits[0]["fit_wall_s"]
    assert results.seconds((only["set"], only["seed"]), "thalweg") == pytest.approx(15.0)


def test_report_names_every_method_and_what_is_missing(fits):
    failed = {"set": "letter", "seed": 2, "peer": "tabm_d", "threads": 2, "failure": "not done after 900 s"}
    text = tables.report(tables_compare.Results([*fits, failed]))
    assert all(peer.label in text for peer in PEERS.values())
    assert "letter seed 2, TabM-D: not done after 900 s" in text
    assert "| mean rank among networks, 3 sets |" in text


def test_scores_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 300)
    p = rng.dirichlet([1.0, 2.0], 300)
    found = tables_worker.classification(y, p)
    assert found["auc"] == pytest.approx(roc_auc_score(y, p[:, 1]))
    assert found["log_loss"] == pytest.approx(log_loss(y, p))
    assert found["error"] == pytest.approx(np.mean(p.argmax(axis=1) != y))
    curve = reliability(p.max(axis=1), p.argmax(axis=1) == y, bins=tables_worker.BINS, by="mass")
    assert found["ece"] == pytest.approx(float(curve.error), abs=1e-6)
    values, predicted = rng.normal(size=(2, 50))
    found = tables_worker.regression(values, predicted[:, None])
    assert found["rmse"] == pytest.approx(root_mean_squared_error(values, predicted))


def test_fits_already_in_the_file_are_not_repeated(tmp_path, monkeypatch):
    done, asked = tmp_path / "fits.jsonl", []
    done.write_text(json.dumps({"set": "boston", "seed": 0, "peer": "catboost", "threads": 1}) + "\n")
    monkeypatch.setattr(tables_run, "_fit", lambda _, __, name, seed, peer, *___: asked.append((seed, name, peer)))
    tables_run.fits(done, data=tmp_path, peers=["catboost", "xgboost"], sets=["boston", "energy"], seeds=[0, 1])
    names = [("boston", "catboost"), ("boston", "xgboost"), ("energy", "catboost"), ("energy", "xgboost")]
    assert asked == [(0, *names[1]), (0, *names[2]), (0, *names[3]), *((1, *pair) for pair in names)]
