"""Every likelihood family from the command line: train, evaluate, predict, report, and the model from Python."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
from scipy import stats

from thalweg.core.errors import ArgumentError
from thalweg.deploy import Model, load
from thalweg.likelihoods import LIKELIHOODS

pytestmark = pytest.mark.usefixtures("compile_quickly")

ROWS = 100


class Case(NamedTuple):
    target: str
    options: str = ""
    classes: str = ""


NUMBER, TWO, COUNT, LABELS, KIND, GRADE = "price", "price,size", "visits", "sun,sea,rare", "kind", "grade"
CASES = {
    "gaussian": Case(TWO),
    "laplace": Case(NUMBER),
    "heteroscedastic": Case(TWO),
    "huber": Case(NUMBER, "delta=1.0"),
    "student_t": Case(TWO, "df=5"),
    "quantile": Case(TWO, "levels=0.1:0.5:0.9"),
    "colored_gaussian": Case(TWO),
    "multivariate_gaussian": Case(TWO),
    "gaussian_mixture": Case(NUMBER, "components=2"),
    "poisson": Case(COUNT),
    "negative_binomial": Case(COUNT),
    "multilabel": Case(LABELS),
    "bernoulli": Case("sea"),
    "categorical": Case(KIND),
    "focal": Case(KIND, "gamma=1"),
    "ordinal": Case(GRADE, classes="low,middle,high"),
}


@pytest.fixture(scope="session")
def rows() -> pl.DataFrame:
    """Two features, and a target of every kind that depends on them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 2))
    z = x @ [1.0, -0.5]
    return pl.DataFrame(
        {
            "a": x[:, 0],
            "b": x[:, 1],
            "price": 500 + 40 * z + 10 * rng.normal(size=ROWS),
            "size": 0.1 * z + 0.02 * rng.normal(size=ROWS),
            "visits": rng.poisson(np.exp(1 + 0.5 * z)),
            "sun": (z + rng.normal(size=ROWS) > 0).astype(int),
            "sea": (x[:, 1] + rng.normal(size=ROWS) > 0).astype(int),
            "rare": (z > 1).astype(int),
            "kind": np.array(["ash", "birch", "cedar"])[np.digitize(x[:, 0], [-0.5, 0.5])],
            "grade": np.array(["low", "middle", "high"])[np.digitize(z, [-0.6, 0.6])],
        }
    )


def features_and(rows: pl.DataFrame, target: str, path: Path) -> Path:
    rows.select("a", "b", *target.split(",")).write_csv(path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_every_family_from_data_to_report(name: str, thalweg, rows: pl.DataFrame, tmp_path: Path) -> None:
    case, family = CASES[name], LIKELIHOODS[name]
    data = features_and(rows, case.target, tmp_path / "rows.csv")
    flags = ["--likelihood-options", case.options] if case.options else []
    flags += ["--classes", case.classes] if case.classes else []
    settings = [
        "--hidden",
        4,
        "--epochs",
        2,
        "--batch-size",
        50,
        "--test",
        "none",
        "--learning-rate",
        0.01,
        "--out",
        "r",
    ]
    answer = thalweg("train", data, "--target", case.target, "--likelihood", name, *flags, *settings)
    assert (answer.code, answer.err) == (0, "")
    answer = thalweg("evaluate", "r", data)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"{ROWS} rows, ")
    assert set(flags) <= set(json.loads(Path("r/run.json").read_text())["command"])
    model, columns = load("r"), case.target.split(",")
    x, y = rows.select("a", "b"), rows.select(columns).to_numpy()
    y = y if len(columns) > 1 else y[:, 0]
    result = model.evaluate(x, y)
    if family.proper:
        assert result["loss"] == pytest.approx(-density(model, x, y), rel=1e-4)
    checks = {"classes": check_classes, "ordered": check_classes, "labels": check_labels}
    assert thalweg("predict", "r", data, "-o", "p.parquet").code == 0
    checks.get(family.targets, check_numbers)(model, x, columns, pl.read_parquet("p.parquet"))
    page = Path("r/report.html").read_text()
    assert all(column in page for column in columns)


def test_no_family_is_left_out() -> None:
    of_pixels = {"soft_jaccard", "soft_dice", "hard_pixels"}  # losses of whole images, see tests of segmentation
    assert set(LIKELIHOODS) - of_pixels == set(CASES)


def density(model: Model, x: pl.DataFrame, y: np.ndarray) -> float:
    """Mean log-density that NumPyro gives to the targets, in their own units."""
    if model.likelihood.targets in {"classes", "ordered"}:
        y = np.array([model.classes.tolist().index(label) for label in y.tolist()])
    elif y.ndim == 1:
        y = y[:, None]
    return float(np.asarray(model.predict_dist(x).log_prob(y), np.float64).mean())


def check_classes(model: Model, x: pl.DataFrame, columns: list[str], written: pl.DataFrame) -> None:
    p = model.predict_proba(x)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert written.columns == ["prediction", *(f"p_{label}" for label in model.classes)]
    assert written["prediction"].to_list() == model.predict(x).tolist() == model.classes[p.argmax(axis=1)].tolist()
    with pytest.raises(ArgumentError, match="predict_proba"):
        model.predict_interval(x)


def check_labels(model: Model, x: pl.DataFrame, columns: list[str], written: pl.DataFrame) -> None:
    p = model.predict_proba(x)
    assert model.classes.tolist() == columns
    assert written.columns == [name for column in columns for name in (column, f"p_{column}")]
    np.testing.assert_array_equal(written.select(columns).to_numpy(), p > 0.5)
    np.testing.assert_array_equal(model.predict(x), p > 0.5)


def check_numbers(model: Model, x: pl.DataFrame, columns: list[str], written: pl.DataFrame) -> None:
    ends = [""] if len(columns) == 1 else [f"_{column}" for column in columns]
    levels = (0.1, 0.5, 0.9) if model.likelihood.name == "quantile" else (0.05, 0.95)
    parts = ["prediction", "sd", *(f"q{level:g}" for level in levels)]
    assert written.columns == [f"{part}{end}" for end in ends for part in parts]
    shape = (ROWS,) if len(columns) == 1 else (ROWS, len(columns))
    predicted = written.select(f"prediction{end}" for end in ends).to_numpy().reshape(shape)
    np.testing.assert_allclose(model.predict(x), predicted, rtol=1e-6)
    wide, narrow = model.predict_interval(x), model.predict_interval(x, coverage=0.5)
    assert wide.shape == (*shape, 2)
    assert (wide[..., 0] <= narrow[..., 0]).all()
    assert (narrow[..., 1] <= wide[..., 1]).all()
    np.testing.assert_allclose(model.predict_quantiles(x, (0.05, 0.95)), wide)


def test_intervals_of_a_normal_distribution_are_those_of_scipy(thalweg, rows: pl.DataFrame, tmp_path: Path) -> None:
    data = features_and(rows, "price", tmp_path / "rows.csv")
    assert thalweg("train", data, "--target", "price", "--hidden", 4, "--epochs", 1, "--out", "r").code == 0
    assert thalweg("predict", "r", data, "-o", "p.csv", "--quantiles", "0.1,0.5").code == 0
    written, model = pl.read_csv("p.csv"), load("r")
    mean, sd = written["prediction"].to_numpy(), written["sd"].to_numpy()
    np.testing.assert_allclose(written["q0.1"].to_numpy(), stats.norm(mean, sd).ppf(0.1), rtol=1e-5)
    x = rows.select("a", "b")
    low, high = model.predict_interval(x, coverage=0.8).T
    np.testing.assert_allclose([low, high], stats.norm(mean, sd).interval(0.8), rtol=1e-5)
    # What the run's evaluation says of the test rows, from the interval's definition.
    evaluation = json.loads(Path("r/evaluation.json").read_text())["test"]
    (target,) = evaluation["targets"]
    normal = stats.norm(target["points"]["predicted"], target["points"]["sd"])
    u = normal.cdf(target["points"]["true"])
    assert {row["level"]: row["share"] for row in target["coverage"]}[0.8] == pytest.approx(
        np.mean(abs(u - 0.5) <= 0.4)
    )
    np.testing.assert_allclose(target["pit"], np.histogram(u, 20, (0, 1))[0] / len(u))
    assert evaluation["loss"] == pytest.approx(-normal.logpdf(target["points"]["true"]).mean(), rel=1e-4)


@pytest.mark.parametrize(
    ("target", "flags", "message"),
    [
        ("price", ["--likelihood", "poisson"], "row 1 holds"),
        ("kind", ["--likelihood", "poisson"], "likelihood: expected one that produces classes, such as"),
        ("kind", ["--likelihood", "multilabel"], "likelihood: expected one that produces classes, such as"),
        ("sun,visits", ["--likelihood", "multilabel"], "label 'visits': expected 0 or 1"),
        ("price", ["--likelihood", "categorical"], "likelihood: expected one that produces continuous targets, such"),
        ("price,size", ["--likelihood", "categorical"], "likelihood: expected one that produces continuous targets"),
        ("sun,sea", ["--likelihood", "bernoulli"], "likelihood: expected one that produces several labels, such as"),
        ("price", ["--likelihood", "student_t", "--likelihood-options", "dof=4"], "Did you mean 'df'"),
        ("price", ["--likelihood", "student_t", "--likelihood-options", "df=-1"], "df: expected"),
        ("price", ["--likelihood-options", "df=4"], "likelihood_options: expected a likelihood by name"),
        ("price", ["--likelihood", "gaussian", "--likelihood-options", "scale"], "expected NAME=VALUE pairs"),
        ("kind", ["--classes", "ash,birch"], "which is not among the classes given"),
        ("grade", ["--classes", "low,middel,high"], "Did you mean 'middel'"),
        ("grade", ["--classes", "low,low,middle,high"], "classes: expected different names, got 'low' twice"),
        ("price", ["--classes", "a,b"], "classes: expected none for"),
        ("kind,price", [], "expected a number, got"),
    ],
)  # fmt: skip
def test_targets_and_options_that_do_not_go_together(
    thalweg, rows: pl.DataFrame, tmp_path: Path, target: str, flags: list[str], message: str
) -> None:
    data = features_and(rows, target, tmp_path / "rows.csv")
    answer = thalweg("train", data, "--target", target, "--epochs", 1, "--hidden", 2, *flags)
    assert answer.code == 2
    assert message in answer.err
    assert answer.err.count("\n") == 1


def test_options_are_checked_before_the_data(thalweg) -> None:
    answer = thalweg("train", "absent.csv", "--likelihood", "student_t", "--likelihood-options", "df=0")
    assert (answer.code, "df: expected" in answer.err) == (2, True)


def test_quantiles_of_classes_are_refused(thalweg, flower_run: Path, flowers: Path) -> None:
    answer = thalweg("predict", flower_run, flowers, "-o", "p.csv", "--quantiles", "0.5")
    assert (answer.code, "--quantiles: expected a model of numbers" in answer.err) == (2, True)
    answer = thalweg("predict", flower_run, flowers, "-o", "p.csv", "--quantiles", "5")
    assert (answer.code, "numbers between 0 and 1" in answer.err) == (2, True)
