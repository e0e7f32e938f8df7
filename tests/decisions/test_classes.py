"""Decisions about classes against enumeration of every action, and by hand."""

from pathlib import Path

import numpy as np
import numpyro.distributions as dist
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from thalweg.core.errors import ArgumentError, StorageError
from thalweg.decisions import CostMatrix, compare, decide, make_matrix

MATRIX = [[0.0, 1.0], [5.0, 0.0]]


def probabilities(rows: int, classes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(classes), rows)


def test_least_expected_cost_equals_enumeration() -> None:
    p = probabilities(200, 4)
    C = np.random.default_rng(1).normal(size=(4, 6))
    answer = decide(p, C, classes=list("abcd"))
    for n in range(len(p)):
        risks = [sum(p[n, y] * C[y, a] for y in range(4)) for a in range(6)]
        assert answer.actions[n] == int(np.argmin(risks))
        assert answer.expected[n] == pytest.approx(min(risks))


@pytest.mark.parametrize(
    "make",
    [
        lambda p: dist.Categorical(probs=p),
        lambda p: dist.Categorical(logits=np.log(p) + 3.0),
        lambda p: p,
    ],
)
def test_every_form_of_class_probabilities_decides_alike(make) -> None:
    p = probabilities(50, 3)
    answer = decide(make(p), "0-1")
    assert (answer.actions == p.argmax(axis=1)).all()
    np.testing.assert_allclose(answer.expected, 1 - p.max(axis=1), atol=1e-6)
    assert (answer.actions == answer.map_actions).all()


def test_a_bernoulli_row_is_two_classes_with_the_threshold_of_elkan() -> None:
    p = np.linspace(0.01, 0.99, 99)
    for d in (dist.Bernoulli(probs=p), dist.Bernoulli(logits=np.log(p / (1 - p)))):
        answer = decide(d, MATRIX)
        # predict 1 where p · 5 > (1 - p) · 1
        assert (answer.actions == (p > 1 / 6)).all()
        np.testing.assert_allclose(answer.expected, np.minimum(5 * p, 1 - p), atol=1e-6)


def test_logits_far_out_keep_their_expected_cost() -> None:
    answer = decide(dist.Bernoulli(logits=np.array([40.0])), [[0, 1e17], [1, 0]])
    assert answer.expected[0] == pytest.approx(1e17 * np.exp(-40), rel=1e-6)  # p(0) = 4e-18 is not 0


def test_labels_are_decided_one_by_one() -> None:
    p = np.random.default_rng(0).uniform(size=(30, 4))
    together = decide(dist.Bernoulli(probs=p).to_event(1), MATRIX)
    assert together.actions.shape == (30, 4)
    for k in range(4):
        assert (together.actions[:, k] == decide(dist.Bernoulli(probs=p[:, k]), MATRIX).actions).all()


@pytest.mark.parametrize(
    "cost", ["squared", "absolute", "pinball=0.8", "under=5,over=1", lambda a, y: np.abs(a - y) ** 3]
)
def test_pointwise_costs_of_classes_count_their_distance(cost) -> None:
    from thalweg.decisions import make_cost

    p = probabilities(40, 5)
    answer, pointwise = decide(p, cost), make_cost(cost)
    risks = np.array([[sum(row[y] * float(pointwise(a, y)) for y in range(5)) for a in range(5)] for row in p])
    assert (answer.actions == risks.argmin(axis=1)).all()


@settings(max_examples=60, deadline=None)
@given(
    npst.arrays(np.float64, (7, 3), elements=st.floats(0.01, 1)),
    npst.arrays(np.float64, (3, 4), elements=st.floats(-100, 100)),
    st.none() | st.floats(-10, 10),
)
def test_no_decision_is_expected_to_cost_more_than_map(weights: np.ndarray, C: np.ndarray, price: float | None) -> None:
    p = weights / weights.sum(axis=1, keepdims=True)
    if price is not None and price < min(0.0, C.min()):
        with pytest.raises(ArgumentError, match="reject: expected a price of at least"):
            decide(p, C, reject=price)
        return
    answer = decide(p, C, reject=price)
    assert (answer.expected <= answer.map_expected + 1e-9).all()


def test_map_takes_the_class_by_its_name_or_the_cheapest_action_for_it() -> None:
    p = np.array([[0.6, 0.4]])
    named = CostMatrix([[0, 1, -3], [5, 0, 0]], ["no", "yes"], ["no", "yes", "lottery"])
    assert decide(p, named, classes=["no", "yes"]).map_actions.tolist() == [0]
    other = CostMatrix([[2, 1], [0, 9]], ["no", "yes"], ["call", "wait"])
    assert decide(p, other, classes=["no", "yes"]).map_actions.tolist() == [1]


def test_rejection_equals_chow() -> None:
    p = probabilities(500, 3)
    answer = decide(p, "0-1", reject=0.3)
    assert (answer.rejected == (p.max(axis=1) < 0.7)).all()
    np.testing.assert_allclose(answer.expected, np.minimum(0.3, 1 - p.max(axis=1)))
    assert answer.labels()[answer.rejected].tolist() == ["reject"] * int(answer.rejected.sum())
    y = np.random.default_rng(2).integers(3, size=500)
    realized = answer.realized(y)
    np.testing.assert_allclose(realized, np.where(answer.rejected, 0.3, p.argmax(axis=1) != y))


def test_what_is_gained_lets_the_price_be_negative_too() -> None:
    gains = [[-1.0, 0.0], [0.0, -2.0]]
    assert decide(np.array([[0.5, 0.5]]), gains, reject=-1.5).rejected.tolist() == [True]
    with pytest.raises(ArgumentError, match="reject: expected a price of at least -2"):
        decide(np.array([[0.5, 0.5]]), gains, reject=-2.5)
    with pytest.raises(ArgumentError, match="reject: expected a price of at least 0"):
        decide(dist.Normal(np.zeros(3), 1.0), "squared", reject=-0.1)


def test_a_budget_rations_the_rejection_of_a_matrix_however_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "cost.csv").write_text("true,no,yes,reject\n0,0,1,0.1\n1,5,0,0.1\n")
    table = {0: {"no": 0, "yes": 1, "reject": 0.1}, 1: {"no": 5, "yes": 0, "reject": 0.1}}
    p = probabilities(50, 2)
    for cost in (tmp_path / "cost.csv", table):
        assert decide(p, cost, budget=4).rejected.sum() == 4


def test_a_budget_rations_rejection_or_a_named_action() -> None:
    p = probabilities(100, 2)
    answer = decide(p, MATRIX, budget=7)  # handed over for nothing
    risk = np.minimum(5 * p[:, 1], p[:, 0])
    assert set(np.flatnonzero(answer.rejected)) == set(np.argsort(-risk)[:7])
    called = decide(p, MATRIX, classes=["no", "yes"], budget=7, flag="yes")
    assert set(np.flatnonzero(called.actions)) == set(np.argsort(p[:, 0] - 5 * p[:, 1])[:7])
    np.testing.assert_allclose(called.expected, np.where(called.actions, p[:, 0], 5 * p[:, 1]))


def test_a_budget_of_money_pays_the_price_of_each_row() -> None:
    p = np.array([[0.0, 1.0], [0.4, 0.6], [0.4, 0.6]])
    answer = decide(p, MATRIX, classes=["no", "yes"], budget=2, flag="yes", prices=[2, 1, 1])
    assert answer.actions.tolist() == [0, 1, 1]  # saves 2 (3 - 0.4) > 5


@pytest.mark.parametrize("way", ["array", "dict", "file", "matrix"])
def test_every_way_to_write_a_matrix_is_one(way: str, tmp_path: Path) -> None:
    file = tmp_path / "cost.csv"
    file.write_text("true \\ action,yes,no,call back\n no ,1,0,0.2\n\nyes,0,5,0.2\n")
    ways = {
        "array": [[0, 1, 0.2], [5, 0, 0.2]],
        "dict": {"yes": {"no": 5, "yes": 0, "later": 0.2}, "no": {"no": 0, "yes": 1, "later": 0.2}},
        "file": file,
        "matrix": CostMatrix([[5, 0, 0.2], [0, 1, 0.2]], ["yes", "no"], ["no", "yes", "later"]),
    }
    p = probabilities(50, 2)
    answer = decide(p, ways[way], classes=["no", "yes"])
    np.testing.assert_allclose(answer.expected, np.minimum(np.minimum(5 * p[:, 1], p[:, 0]), 0.2))


@pytest.mark.parametrize("classes", [[0, 1], [False, True], [0.0, 1.0], ["0", "1"]])
def test_class_names_of_a_file_fit_labels_of_any_type(classes: list[object], tmp_path: Path) -> None:
    names = ["false", "true"] if classes[1] is True else ["0", "1"]
    file = tmp_path / "cost.csv"
    file.write_text(f",{names[1]},{names[0]}\n{names[0]},1,0\n{names[1]},0,5\n")
    assert make_matrix(file, classes).risk(np.array([[0.0, 1.0]])).tolist() == [[0.0, 5.0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "actions in its header"),
        ("true,no,yes\n", "a row a class"),
        ("true,no,yes\nno,0,1\n", "none for 'yes'"),
        ("true,no,yes\nno,0,1\nyse,5,0\n", "'yse'. Did you mean 'yes'"),
        ("true,no,yes\nno,0\nyes,5,0\n", "2 costs for class 'no', as in the header, got 1"),
        ("true,no,yes\nno,0,1\nyes,nan,0\n", "finite costs, got nan for class 'yes' and action 'no'"),
        ("true,no,yes\nno,0,inf\nyes,5,0\n", "got inf for class 'no' and action 'yes'"),
        ("true,no,yes\nno,0,x\nyes,5,0\n", "'x' for class 'no' and action 'yes'"),
        ("true,no,\nno,0,1\nyes,5,0\n", "an empty name"),
        ("true,no,yes\n,0,1\nyes,5,0\n", "an empty name"),
        ("true,no,no\nno,0,1\nyes,5,0\n", "'no' twice"),
        ("true,no,yes\nno,0,1\nno,5,0\n", "'no' twice"),
        ("true,no,yes\nno,0,1\nyes,5,0\nmaybe,1,1\n", "a row for 'maybe'"),
    ],
)
def test_a_bad_file_is_told_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "cost.csv"
    file.write_text(text)
    with pytest.raises(ArgumentError, match="cost: ") as caught:
        decide(probabilities(3, 2), file, classes=["no", "yes"])
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        ([[0, 1, 1], [1, 0, 1], [1, 1, 0]], "2 rows, one for each true class, got shape (3, 3)"),
        ([0, 1], "shape (2,)"),
        ([[0, 1], [1]], "a table of numbers"),
        ([[0, np.nan], [1, 0]], "finite costs"),
        ({"no": {"no": 0, "yes": 1}, "yes": {"no": 5}}, "none for 'yes'"),
        ({}, "{true class: {action: cost}}"),
        ("squard", "Did you mean 'squared'?"),
        ("pinball=x", "pinball: expected a number"),
        ("pinball=2", "level: expected a number above 0 and below 1"),
        ("under=0,over=1", "under: expected a number above 0"),
    ],
)
def test_costs_that_cannot_be_used(cost: object, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        decide(probabilities(3, 2), cost, classes=["no", "yes"])  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_settings_that_do_not_go_together() -> None:
    p = probabilities(4, 2)
    bad = [
        {"distribution": np.ones((3, 2))},
        {"distribution": "x"},
        {"classes": ["a"]},
        {"candidates": [1.0]},
        {"samples": 10},
        {"budget": 1, "flag": "yse"},
        {"budget": -1},
        {"budget": 1.5},
        {"budget": 1, "prices": 0.0},
        {"reject": "dear"},
        {"cost": CostMatrix(np.hstack([MATRIX, [[1], [1]]]), [0, 1], [0, 1, "reject"]), "reject": 1.0},
    ]
    for change in bad:
        with pytest.raises(ArgumentError):
            decide(**({"distribution": p, "cost": MATRIX} | change))  # type: ignore[arg-type]
    with pytest.raises(StorageError):
        decide(p, Path("nowhere.csv"))
    answer = decide(p, MATRIX)
    for y in (np.zeros(3, int), np.array([0, 1, 2, 0]), np.zeros(4)):
        with pytest.raises(ArgumentError, match=r"^y: "):
            answer.realized(y)


def test_realized_costs_are_compared_pair_by_pair() -> None:
    from scipy.stats import bootstrap

    p = probabilities(400, 2)
    y = (np.random.default_rng(3).uniform(size=400) < p[:, 1]).astype(int)
    answer = decide(p, MATRIX)
    found = compare(answer, y)
    C, plain = np.array(MATRIX), p.argmax(axis=1)
    own = C[y, answer.actions]
    assert found.realized == pytest.approx(own.mean())
    assert found.map_realized == pytest.approx(C[y, plain].mean())
    low, high = bootstrap(
        (own - C[y, plain],), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(0)
    ).confidence_interval
    spread = (own - C[y, plain]).std() / 20
    assert abs(found.low - low) < 0.1 * spread
    assert abs(found.high - high) < 0.1 * spread
    assert compare(answer, y) == found
