"""The learning curve: nested sizes, networks of the run's own settings, and an interruption that loses little."""

import json
from pathlib import Path

import numpy as np
import pytest

from thalweg.core.errors import ArgumentError
from thalweg.data.encode import Encoder
from thalweg.data.table import Table
from thalweg.deploy import load
from thalweg.recipes.config import make_config
from thalweg.runs.explain.learning import nested_order, sizes
from thalweg.runs.explain.run import Explainer
from thalweg.runs.run import train_run
from thalweg.training import Hook


@pytest.fixture(name="run", scope="module")
def _run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on three classes, one of them rare."""
    folder = tmp_path_factory.mktemp("learning")
    rng = np.random.default_rng(0)
    kind = np.where(np.arange(200) < 8, 2, rng.integers(0, 2, 200))
    x = rng.normal(size=(200, 2)) + 2 * kind[:, None]
    lines = ["u,v,kind", *(f"{a:.5f},{b:.5f},{'abc'[k]}" for (a, b), k in zip(x, kind, strict=True))]
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    settings = {"data": str(folder / "t.csv"), "target": "kind", "hidden": 8, "epochs": 5, "batch_size": 64}
    return train_run(make_config(settings | {"out": str(folder / "run")})).path


def test_sizes_double_and_hold_the_classes() -> None:
    assert sizes(20_000) == [1250, 2500, 5000, 10_000, 20_000]
    assert sizes(20_000, classes=2000) == [5000, 10_000, 20_000]
    assert sizes(50) == [25, 50]


def test_smaller_sets_lie_in_larger_ones_and_hold_every_class() -> None:
    y = np.array(["common"] * 97 + ["rare", "rarer", "rarest"])
    table = Table("toy", np.arange(100.0)[:, None], y, ("x",))
    order = nested_order(table, Encoder.fit(table), seed=1)
    assert sorted(order) == list(range(100))
    assert set(y[order[:4]]) == set(y)
    assert order.tolist() != sorted(order)


def test_a_curve_ends_in_the_run_itself_and_an_interruption_keeps_what_is_done(run: Path) -> None:
    explainer = Explainer(run)
    counts = explainer.sizes()
    assert counts == [20, 40, 80, 160]
    points = explainer.learn(counts)
    assert [point["rows"] for point in points] == counts
    assert json.loads((run / "explanation.json").read_text())["learning"]["points"] == points
    evaluation = json.loads((run / "evaluation.json").read_text())["test"]
    assert points[-1]["test"] == pytest.approx({"loss": evaluation["loss"], "error": evaluation["error"]}, rel=1e-5)
    # The network of 40 rows is the one that the same settings train on these rows.
    table = explainer.tables.train
    some = table.rows(np.sort(nested_order(table, load(run).encoder, 0)[:40]))
    alone = explainer.config.model_copy(update={"likelihood": "categorical", "batch_size": 40})
    from dataclasses import replace

    from thalweg.recipes.plan import train_plan
    from thalweg.recipes.prepare import prepare

    plan = prepare(alone, replace(explainer.tables, train=some))
    expected = plan.model(train_plan(plan)).evaluate(explainer.table, explainer.table.target_array())
    assert points[1]["test"]["loss"] == pytest.approx(expected["loss"], rel=1e-6)

    class Impatient(Hook):
        def on_epoch_end(self, row: dict) -> None:
            raise KeyboardInterrupt

    kept = explainer.learn(counts, lambda rows: [Impatient()] if rows == 40 else [])
    assert [point["rows"] for point in kept] == [20]
    known = json.loads((run / "explanation.json").read_text())
    assert len(known["learning"]["points"]) == 1
    assert known["importance"]["columns"]


def test_a_curve_needs_rows_to_test_on(tmp_path: Path) -> None:
    out = tmp_path / "run"
    train_run(make_config({"data": "iris", "hidden": 4, "epochs": 1, "test": "none", "out": str(out)}))
    explainer = Explainer(out)
    assert explainer.part == "training"
    with pytest.raises(ArgumentError, match="rows to test on"):
        explainer.sizes()
