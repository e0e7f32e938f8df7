"""What stands on the page, held against the files it was written from and against scikit-learn."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pages import Element
from reports import answers, classified, epochs, regressed, report
from sklearn import metrics

from thalweg.core.errors import StorageError
from thalweg.runs.evaluation import classification_evaluation, regression_evaluation
from thalweg.runs.report import write_report

SUMMARY = {
    "rows": [
        {"layer": "dense", "shape": [16], "parameters": 80, "multiplications": 64},
        {"layer": "relu", "shape": [16], "parameters": 0, "multiplications": 0},
        {"layer": "dense", "shape": [3], "parameters": 51, "multiplications": 48},
    ],
    "inputs": 4,
    "parameters": 131,
    "multiplications": 112,
    "bytes": 524,
}


def heading(page: Element) -> str:
    return page.one("h1").text


def notices(page: Element) -> str:
    return " ".join(notice.text for notice in page.all("div", class_="notice"))


def part(page: Element, anchor: str) -> Element:
    return page.one("section", **{"aria-labelledby": anchor})


def specs(page: Element) -> dict[str, dict[str, object]]:
    """What each chart draws, by its title."""
    figures = page.all("figure", class_="chart")
    return {f.one("figcaption").one("span").text: json.loads(f.one("script").text) for f in figures}


def test_headline_of_a_classifier(tmp_path: Path) -> None:
    y = np.repeat([0, 1], [8865, 1135])
    p = np.eye(2)[y]
    p[:160] = p[:160, ::-1]
    evaluation = {"test": classification_evaluation(y, p, ["other", "1"], majority=1)}
    page = report(tmp_path / "run", epochs(3), {"state": "finished"}, evaluation)
    assert heading(page) == "1.6 % of 10 000 test rows wrong"
    assert page.one("p", class_="lead").text.startswith("Always guessing “1” gets 88.7 % wrong.")


def test_headline_of_a_regressor(tmp_path: Path) -> None:
    y = np.array([1.0, 2.0, 3.0, 6.0])
    evaluation = {"test": regression_evaluation(y, y + np.array([1, -1, 1, -1]), target_names=["price"])}
    page = report(tmp_path / "run", epochs(3, "rmse"), {"state": "finished"}, evaluation)
    assert heading(page) == "Typically off by 1 in price on 4 test rows"
    lead = page.one("p", class_="lead").text
    assert f"is off by {y.std():.2f}" in lead
    assert f"explains {100 * (1 - 1 / y.var()):.1f} % of the variance" in lead


def test_confusion_matrix_and_scores(tmp_path: Path) -> None:
    names = ["ant", "bee", "cow"]
    page = report(tmp_path / "run", epochs(3), {}, classified(names))
    y, p = answers(3)
    matrix, guess = metrics.confusion_matrix(y, p.argmax(axis=1)), p.argmax(axis=1)
    grid = part(page, "confusion").one("div", class_="matrix").one("table")
    assert [row[0] for row in grid.rows[1:]] == names == grid.rows[0][1:]
    cells = [[td.children[0] for td in tr.all("td")] for tr in grid.one("tbody").all("tr")]
    assert cells == [[str(n) for n in row] for row in matrix]
    shares = [[td.one("small").text for td in tr.all("td") if td.all("small")] for tr in grid.one("tbody").all("tr")]
    expected = 100 * metrics.confusion_matrix(y, guess, normalize="true")
    assert shares == [[f"{share:.1f} %" for share in row if share] for row in expected]
    scores = part(page, "confusion").all("table")[1].rows[1:]
    for name, row, *score in zip(names, scores, *metrics.precision_recall_fscore_support(y, guess), strict=True):
        precision, recall, f1, support = score
        assert row[:2] == [name, str(support)]
        assert row[3:5] == [f"{100 * precision:.1f} %", f"{100 * recall:.1f} %"]
        assert float(row[5]) == pytest.approx(f1, abs=5e-4)


def test_many_classes_show_pairs(tmp_path: Path) -> None:
    page = report(tmp_path / "run", epochs(3), {}, classified([f"kind {i}" for i in range(60)]))
    section = part(page, "confusion")
    assert not section.all("div", class_="matrix")
    y, p = answers(60)
    matrix = metrics.confusion_matrix(y, p.argmax(axis=1))
    np.fill_diagonal(matrix, 0)
    listed = [int(row[2]) for row in section.one("table").rows[1:]]
    assert listed == sorted(matrix.ravel().tolist(), reverse=True)[: len(listed)]
    assert len(section.all("details")[0].one("table").rows) == 61


def test_mistakes_are_pictures_or_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels = classified(["a", "b"], inputs=rng.random((200, 30)), example_shape=(5, 6))
    section = part(report(tmp_path / "pictures", epochs(3), {}, pixels), "mistakes")
    listed = pixels["test"]["confident_mistakes"]
    images = section.all("img")
    assert [i.attributes["src"] for i in images] == [f"data:image/png;base64,{m['png']}" for m in listed]
    assert all(str(m["row"]) in str(i.attributes["alt"]) for i, m in zip(images, listed, strict=True))
    values = classified(["a", "b"], inputs=rng.random((200, 2)), feature_names=["width", "height"])
    table = part(report(tmp_path / "rows", epochs(3), {}, values), "mistakes").one("table").rows
    assert table[0][-2:] == ["width", "height"]
    for row, m in zip(table[1:], values["test"]["confident_mistakes"], strict=True):
        assert row[:3] == [str(m["row"]), m["true"], m["predicted"]]
        assert [float(v) for v in row[-2:]] == pytest.approx(m["values"], rel=5e-3)


def test_curves_are_the_log(tmp_path: Path) -> None:
    log = epochs(5)
    log[2]["test_loss"] = float("nan")
    page = report(tmp_path / "run", log, {"best_epoch": 4}, classified(["a", "b"]))
    drawn = specs(page)
    loss = drawn["Loss"]
    assert loss["x"] == [1, 2, 3, 4, 5]
    assert loss["mark"] == 4
    assert [s["values"] for s in loss["series"]] == [  # type: ignore[attr-defined]
        [r["train_loss"] for r in log],
        [1.5, 0.75, None, 1.5 / 4, 0.3],
    ]
    assert drawn["Error"]["percent"] is True
    assert drawn["Time per epoch"]["series"][0]["values"] == [0.25] * 5  # type: ignore[index]
    table = part(page, "curves").one("table").rows
    assert [row[0] for row in table] == ["Epoch", "1", "2", "3", "4", "5"]
    assert table[3][3] == "–"


def test_overfitting_is_said_in_words(tmp_path: Path) -> None:
    log = epochs(10)
    for row in log[4:]:
        row["test_loss"] = 0.3 + 0.05 * row["epoch"]
    words = part(report(tmp_path / "over", log, {}, classified(["a", "b"])), "curves").one("p").text
    assert "lowest in epoch 4" in words
    assert "overfitting" in words
    words = part(report(tmp_path / "under", epochs(10), {}, classified(["a", "b"])), "curves").one("p").text
    assert "more epochs may help" in words


def test_regression_charts_hold_every_point(tmp_path: Path) -> None:
    evaluation = regressed(90, target_names=["price"])
    page = report(tmp_path / "run", epochs(3, "rmse"), {}, evaluation)
    points = evaluation["test"]["targets"][0]["points"]
    drawn = specs(page)["Predicted against true"]["series"][0]["points"]  # type: ignore[index]
    assert [p["x"] for p in drawn] == points["true"]
    assert [p["y"] for p in drawn] == points["predicted"]
    bars = specs(page)["Residuals"]["series"][0]["points"]  # type: ignore[index]
    assert sum(b["y"] for b in bars) == 90
    assert float(part(page, "largest").one("table").rows[1][3]) == pytest.approx(
        evaluation["test"]["largest_errors"][0]["true"] - evaluation["test"]["largest_errors"][0]["predicted"], rel=1e-3
    )


def test_several_targets_have_a_table(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = rng.normal([0, 100], [1, 50], (60, 2))
    mean = y + rng.normal(0, [0.1, 20], (60, 2))
    evaluation = {"test": regression_evaluation(y, mean, np.array([0.1, 20]), target_names=["a", "b"])}
    section = part(report(tmp_path / "run", epochs(3, "rmse"), {}, evaluation), "regression")
    for k, row in enumerate(section.all("table")[-1].rows[1:]):
        assert row[0] == "ab"[k]
        assert float(row[1]) == pytest.approx(metrics.root_mean_squared_error(y[:, k], mean[:, k]), rel=1e-3)
        assert float(row[4]) == pytest.approx(metrics.r2_score(y[:, k], mean[:, k]), rel=1e-3)
    assert "within one predicted standard deviation" in section.text


def test_validation_rows_have_a_curve(tmp_path: Path) -> None:
    log = [row | {"validation_loss": 2 / row["epoch"], "validation_error": 0.5} for row in epochs(3)]
    page = report(tmp_path / "run", log, {"state": "stopped early", "best_epoch": 2}, classified(["a", "b"]))
    series = specs(page)["Loss"]["series"]
    assert [s["name"] for s in series] == ["training", "validation", "test"]  # type: ignore[attr-defined]
    assert "the validation loss fell no further. The parameters of epoch 2 were kept." in notices(page)
    run = {"state": "stopped early", "best_epoch": 3, "settings": {"anneal": 0.5}}
    page = report(tmp_path / "annealed", log, run, classified(["a", "b"]))
    assert "from there the step size fell to zero. The parameters of epoch 3" in notices(page)


def test_networks_of_an_ensemble(tmp_path: Path) -> None:
    three = SUMMARY | {"parameters": 393, "multiplications": 336, "bytes": 1572, "networks": 3}
    page = report(tmp_path / "run", epochs(3), {"state": "finished", "summary": three}, classified(["a", "b"]))
    assert "3 dense networks 4–16–3 trained" in page.one("p", class_="lead").text
    tiles = {tile.one("dt").text: tile.one("dd") for tile in page.one("dl", class_="tiles").all("div")}
    assert tiles["Parameters"].children[0] == "393"
    assert tiles["Parameters"].one("small").text == "3 networks of 131, 336 multiplications"
    section = part(page, "network")
    assert section.one("h2").text == "The 3 networks"
    rows = section.one("table").rows
    assert rows[2][1:] == ["16", "80", "64"]
    assert rows[-2:] == [["one network", "", "131", "112"], ["all 3 networks", "", "393", "336"]]


def test_several_networks_keep_an_epoch_each_and_answer_together(tmp_path: Path) -> None:
    several, evaluation = SUMMARY | {"networks": 3}, classified(["a", "b"])
    settings = {"likelihood": "members", "members": 1, "cv": 3, "anneal": 0.6, "epochs": 9}
    run = {"state": "stopped early", "best_epoch": 4, "summary": several, "settings": settings}
    model = {"likelihood": {"name": "members", "members": 24, "base": {"name": "categorical"}}}
    page = report(tmp_path / "run", epochs(5), run, evaluation, model=model)
    tiles = {tile.one("dt").text: tile.one("dd") for tile in page.one("dl", class_="tiles").all("div")}
    assert float(tiles["Test loss"].children[0]) == pytest.approx(evaluation["test"]["loss"], abs=1e-4)  # type: ignore[arg-type]
    assert tiles["Epochs"].one("small").text == "each network keeps its own best epoch, 4 in the middle"
    assert tiles["Training error"].one("small").text == "a single network on average, in epoch 4"
    assert "Each network keeps its own best epoch, 4 in the middle." in notices(page)
    assert "parameters of epoch" not in page.text
    assert "Training then went back" not in page.text
    words = part(page, "curves").one("p").text
    assert "Figures of an epoch are means over the 3 networks" in words
    assert "In epoch 4, on average over the networks, the training error is 12.5 %" in words
    assert specs(page)["Loss"]["marked"] == "median of the kept"
    told = part(page, "about").one("dl", class_="facts")
    named = dict(zip([t.text for t in told.all("dt")], [d.text for d in told.all("dd")], strict=True))
    assert (named["Likelihood"], named["Networks a fold"]) == ("categorical", "1")
    assert named["Folds of cross-validation"] == "3"
    # Without early stopping all networks end with the last epoch.
    page = report(tmp_path / "whole", epochs(5), run | {"state": "finished", "best_epoch": None}, evaluation)
    assert "its own best epoch" not in page.text


def test_network_settings_versions_and_commands(tmp_path: Path) -> None:
    folder = tmp_path / "my run"
    run = {
        "state": "finished",
        "command": ["thalweg", "train", "my set.csv", "--target", "kind"],
        "versions": {"thalweg": "0.1.0", "jax": "0.9.9"},
        "machine": {"cores": 2},
        "data": {
            "name": "my set.csv",
            "hash": "sha256:abc",
            "train_rows": 1200,
            "test_rows": 300,
            "features": 4,
            "classes": ["a", "b"],
            "shared_rows": 0,
        },
        "summary": SUMMARY,
    }
    model = {"likelihood": {"name": "categorical"}}
    page = report(folder, epochs(3), run, classified(["a", "b"]), 'hidden = [16]\noptimizer = "adam"\n', model)
    rows = part(page, "network").one("table").rows
    assert rows[1:] == [
        ["input", "4", "", ""],
        ["dense", "16", "80", "64"],
        ["relu", "16", "0", "0"],
        ["dense", "3", "51", "48"],
        ["total", "", "131", "112"],
    ]
    about = part(page, "about").text
    for words in ("my set.csv", "sha256:abc", "1 200", "300", "adam", "0.9.9", "2: a, b"):
        assert words in about
    use = "\n".join(block.text for block in part(page, "use").all("pre"))
    assert "thalweg train 'my set.csv' --target kind" in use
    assert f"thalweg predict '{folder}' new.csv" in use
    assert f"tw.load('{folder}/model')" in use
    assert "predict_proba" in use
    assert "4–16–3" in page.one("p", class_="lead").text


def test_shared_rows_are_a_warning(tmp_path: Path) -> None:
    page = report(tmp_path / "run", epochs(3), {"data": {"shared_rows": 3, "test_rows": 200}}, classified(["a", "b"]))
    assert "3 test rows (1.5 %) also occur in the training set" in notices(page)


def test_no_test_set(tmp_path: Path) -> None:
    log = [{k: v for k, v in row.items() if not k.startswith("test")} for row in epochs(4)]
    page = report(
        tmp_path / "run", log, {"state": "finished"}, {"test": None, "training": classified(["a", "b"])["test"]}
    )
    assert "training rows wrong" in heading(page)
    assert "There was no test set" in notices(page)
    assert "new data. Give a file" in notices(page)
    folds = {"rows": 200, "folds": 5, "loss": 0.5, "error": 0.123, "by_fold": []}
    evaluation = {"training": classified(["a", "b"])["test"], "out_of_fold": folds}
    page = report(tmp_path / "folds", log, {"state": "finished"}, evaluation)
    assert "the out-of-fold error, 12.3 %: each row is judged by networks that never saw it" in notices(page)
    assert [s["name"] for s in specs(page)["Loss"]["series"]] == ["training"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("state", "message", "title", "note"),
    [
        ("diverged", "Epoch 3, step 2: the loss is not finite.", "Training diverged after 2 epochs", "Epoch 3, step 2"),
        ("interrupted", None, "Interrupted after 2 epochs", "--resume"),
        ("failed", "The disk is full.", "Failed after 2 epochs", "The disk is full."),
        ("running", None, "Still running after 2 epochs", "2 epochs of 4 so far"),
    ],
)
def test_runs_that_did_not_finish(tmp_path: Path, state: str, message: str | None, title: str, note: str) -> None:
    page = report(tmp_path / "run", epochs(2), {"state": state, "message": message})
    assert heading(page) == title
    assert note in notices(page)
    assert "thalweg train --config" in part(page, "use").text


def test_divergence_before_the_first_epoch(tmp_path: Path) -> None:
    page = report(tmp_path / "run", None, {"state": "diverged", "message": "x is not finite"})
    assert heading(page) == "Training diverged in its first epoch"


def test_no_better_than_a_constant(tmp_path: Path) -> None:
    y = np.array([0, 0, 1])
    page = report(tmp_path / "run", epochs(1), {}, {"test": classification_evaluation(y, np.eye(2)[1 - y], ["a", "b"])})
    assert "no better than a constant guess" in notices(page)


def test_one_epoch_is_a_table(tmp_path: Path) -> None:
    page = report(tmp_path / "run", epochs(1), {}, classified(["a", "b"]))
    assert "Loss" not in specs(page)
    assert len(part(page, "curves").one("table").rows) == 2


def test_long_logs_are_thinned(tmp_path: Path) -> None:
    page = report(tmp_path / "run", epochs(20_000), {"best_epoch": 777}, classified(["a", "b"]))
    x = specs(page)["Loss"]["x"]
    assert isinstance(x, list)
    assert len(x) < 2000
    assert {1, 777, 20_000} <= set(x)
    assert len(part(page, "curves").one("table").rows) < 210


def test_damaged_files_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.json").write_text("{")
    (folder / "evaluation.json").write_text("[1]")
    (folder / "config.toml").write_text("= = =")
    (folder / "log.jsonl").write_text('{"epoch": 1, "train_loss": 0.5}\n{"epoch": 2, "tra')
    text = write_report(folder).read_text("utf-8")
    assert "Could not be read, and is missing here: run.json, evaluation.json" in text
    assert "= = =" in text


def test_all_probabilities_lost(tmp_path: Path) -> None:
    y, p = answers(3)
    evaluation = {"test": classification_evaluation(y, np.full_like(p, np.nan), ["a", "b", "c"])}
    page = report(tmp_path / "run", epochs(3), {"state": "finished"}, evaluation)
    assert "200 rows the prediction was not finite" in notices(page)


def test_no_run_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="holds no run"):
        write_report(tmp_path)
    with pytest.raises(StorageError, match="not a folder"):
        write_report(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_heavy_libraries_stay_out_and_it_is_fast(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    report(
        folder,
        epochs(200),
        {"summary": SUMMARY},
        classified(["a", "b"], inputs=np.zeros((200, 784)), example_shape=(28, 28)),
    )
    # in its own process: this one has the libraries, and checks the types of every call
    code = (
        "import sys, time, thalweg.runs.report as r\n"
        "def once():\n"
        "    start = time.process_time()\n"
        f"    r.write_report({str(folder)!r})\n"
        "    return time.process_time() - start\n"
        "print(min(once() for _ in range(3)))\n"
        "print(sorted({'jax', 'numpy', 'matplotlib', 'sklearn', 'polars', 'pydantic'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, heavy = out.stdout.splitlines()
    assert heavy == "[]"
    assert float(seconds) < 0.1
