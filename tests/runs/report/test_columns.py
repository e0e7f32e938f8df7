"""The section on what the answers depend on, from explanations of every shape."""

import json
from pathlib import Path
from typing import Any

import pytest
from pages import Element
from reports import classified, epochs, report

EVIL = "</script><img src=x onerror=alert(1)>"


def change(mean: float) -> dict[str, float]:
    return {"mean": mean, "sd": 0.01, "se": 0.02}


def told(names: list[str], answers: list[str], *, probabilities: bool = True, **parts: Any) -> dict[str, Any]:
    courses = [
        {"name": names[0], "kind": "number", "grid": [1.0, 2.5], "mean": [[0.1, 0.4]] * len(answers), "lines": []},
        {
            "name": "day",
            "kind": "date",
            "grid": ["2020-01-01", "2020-01-31 12:00:00"],
            "mean": [[0.1, 0.4]] * len(answers),
            "lines": [[[0.2, 0.3], [0.0, 0.5]]] * len(answers),
        },
        {"name": "city", "kind": "levels", "grid": ["oslo", None], "mean": [[0.1, 0.4]] * len(answers), "lines": []},
    ]
    return {
        "schema": 1,
        "part": "test",
        "importance": {
            "rows": 30,
            "repeats": 5,
            "metric": "error" if probabilities else "rmse",
            "proper": True,
            "before": {"loss": 0.5, "metric": 0.1},
            "columns": [{"name": n, "loss": change(0.3 / (i + 1)), "metric": change(0.2)} for i, n in enumerate(names)],
            "unused": ["id"],
            "related": [{"columns": [names[0], names[-1]], "correlation": 0.91}],
        },
        "dependence": {"rows": 30, "answers": answers, "probabilities": probabilities, "columns": courses},
    } | parts


def section(folder: Path, explanation: dict[str, Any]) -> Element:
    folder.mkdir(parents=True)
    (folder / "explanation.json").write_text(json.dumps(explanation))
    page = report_of(folder)
    return page.one("section", **{"aria-labelledby": "columns"})


def report_of(folder: Path) -> Element:
    return report(folder, epochs(2), {}, classified(["a", "b"]))


def specs(part: Element) -> list[dict[str, Any]]:
    return [json.loads(figure.one("script").text) for figure in part.all("figure", class_="chart")]


def test_importance_in_words_bars_and_a_table(tmp_path: Path) -> None:
    part = section(tmp_path / "run", told(["age", "rooms", "noise"], ["yes"]))
    assert "Without age, the share wrong goes from 10.0 % to 30.0 %." in part.text
    assert "Left out, or of one value in these rows: id." in part.text
    assert "age and noise (0.91)" in part.text
    loss, error = specs(part)[:2]
    assert (loss["kind"], loss["labels"]) == ("ranks", ["age", "rooms", "noise"])
    assert loss["series"][0]["values"] == pytest.approx([0.3, 0.15, 0.1])
    assert loss["series"][0]["spread"] == [0.04] * 3  # two standard errors
    low, high = loss["window"]
    assert low < 0
    assert high > 0.34  # room for the whiskers
    assert error["percent"] is True
    assert part.one("table").rows[1][:3] == ["age", "0.3", "0.02"]


def test_columns_that_make_no_difference_are_named(tmp_path: Path) -> None:
    explanation = told(["age", "noise"], ["yes"])
    explanation["importance"]["columns"][1]["loss"]["mean"] = 0.03  # less than two standard errors
    assert "No difference that these rows can show: noise." in section(tmp_path / "run", explanation).text


def test_numbers_dates_and_levels_have_their_charts(tmp_path: Path) -> None:
    number, day, levels = specs(section(tmp_path / "run", told(["age"], ["yes"])))[2:]
    assert (number["kind"], number["x"], number["window"]) == ("line", [1.0, 2.5], [0, 1])
    assert day["dates"] is True
    assert day["x"] == [18262, 18292.5]  # days since 1970
    assert [series.get("faint", False) for series in day["series"]] == [False, True, True]
    assert (levels["kind"], levels["labels"]) == ("dots", ["oslo", "missing"])


def test_of_many_classes_each_has_its_color_and_of_many_targets_its_charts(tmp_path: Path) -> None:
    part = section(tmp_path / "classes", told(["age"], ["a", "b", "c"]))
    assert [series["color"] for series in specs(part)[2]["series"]] == ["k1", "k2", "k3"]
    part = section(tmp_path / "numbers", told(["age"], ["price", "size"], probabilities=False))
    assert [heading.text for heading in part.all("h4")] == ["price", "size"]
    drawn = specs(part)[2:]
    assert len(drawn) == 6
    assert [spec["titles"][1 if spec["kind"] == "line" else 0] for spec in drawn] == ["price"] * 3 + ["size"] * 3


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ([0.4, 0.3, 0.2], "more rows are likely to help"),
        ([0.4, 0.2, 0.2], "hardly help any more"),
        ([0.2, 0.1, 0.0], "can show no more"),
    ],
)
def test_a_learning_curve_is_read(tmp_path: Path, errors: list[float], words: str) -> None:
    points = [
        {"rows": rows, "train": {"loss": 0.3, "error": 0.1}, "test": {"loss": 0.31, "error": error}}
        for rows, error in zip((50, 100, 200), errors, strict=True)
    ]
    part = section(tmp_path / "run", {"schema": 1, "learning": {"points": points, "planned": [50, 100, 200]}})
    assert words in part.text
    loss, error = specs(part)
    assert (loss["x"], loss["steps"]) == ([50, 100, 200], True)
    assert [series["name"] for series in error["series"]] == ["test", "training"]


def test_what_was_left_out_names_the_command(tmp_path: Path) -> None:
    part = section(tmp_path / "run", {"schema": 1, "part": "test", "left_out": "It takes a while for 5000 columns."})
    assert "5000 columns" in part.text
    assert "thalweg explain" in part.one("code").text


def test_names_from_files_stay_text(tmp_path: Path) -> None:
    part = section(tmp_path / "run", told([EVIL, "b"], [EVIL]))
    assert not part.all("img")
    assert EVIL in part.text


def test_a_damaged_explanation_is_told_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "explanation.json").write_text("{")
    page = report_of(tmp_path / "run")
    assert "explanation.json" in page.one("body").text
    assert not page.all("section", **{"aria-labelledby": "columns"})
