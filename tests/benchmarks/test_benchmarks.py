"""The parts of the benchmarks that compute and write, not those that measure."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.special import log_softmax

sys.path.append(str(Path(__file__).parents[2]))
from benchmarks import figures, nets, table


@pytest.mark.parametrize("name", ["1-32-1", "30-128-128-2"])
def test_works_have_whole_minibatches_of_the_right_shape(name):
    work = nets.WORKS[name].quick()
    x, y = nets.data(work)
    assert x.shape == (work.batch * work.steps, work.widths[0])
    assert x.dtype == np.float32
    assert len(y) == len(x)
    again, _ = nets.data(work)
    np.testing.assert_array_equal(x, again)


def test_starting_weights_have_the_variance_of_he():
    (W, b), *_ = nets.weights(nets.WORKS["784-512-10"])
    assert W.shape == (512, 784)
    assert np.var(W) == pytest.approx(2 / 784, rel=0.01)
    assert not b.any()


def test_loss_of_classes_is_that_of_scipy():
    work = nets.WORKS["30-128-128-2"].quick()
    (x, y), start = nets.data(work), nets.weights(work)
    h = x.astype(float)
    for W, b in start[:-1]:
        h = np.clip(h @ W.T + b, 0, None)
    outputs = h @ start[-1][0].T + start[-1][1]
    expected = -np.mean(log_softmax(outputs, axis=1)[np.arange(len(y)), y])
    assert nets.loss(work, start, x, y) == pytest.approx(expected, rel=1e-4)


def test_loss_of_a_constant_prediction_is_half_the_mean_square():
    work = nets.WORKS["1-32-1"].quick()
    x, y = nets.data(work)
    nothing = [(0 * W, b) for W, b in nets.weights(work)]
    assert nets.loss(work, nothing, x, y) == pytest.approx(0.5 * float(np.mean(y.astype(float) ** 2)), rel=1e-5)


def test_sections_not_measured_keep_their_text():
    first = table.merged("", {"B": "b", "A": "a\n\n### Part\n"}, ["A", "B", "C"])
    second = table.merged(first, {"B": "new"}, ["A", "B", "C"])
    assert second == table.merged("", {"A": "a\n\n### Part", "B": "new"}, ["A", "B", "C"])
    assert second.index("## A\n") < second.index("### Part") < second.index("## B\n\nnew\n")
    assert table.merged(second, {}, ["A"]).count("\n## ") == 1


def test_tables_keep_bars_inside_cells():
    assert table.table(["a", "b"], [["x|y", "1"]]) == "| a | b |\n| --- | ---: |\n| x\\|y | 1 |\n"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(8.31e-6, "8.31 µs"), (1.625e-3, "1.62 ms"), (0.317, "317 ms"), (34.2, "34.2 s"), (-0.02, "-20.0 ms")],
)
def test_durations_have_three_figures(seconds, words):
    assert figures.duration(seconds) == words


def test_the_fastest_has_the_smallest_median_and_was_measured():
    assert figures.fastest({"a": [1, 9, 9], "b": [5, 5, 5], "c": []}) == "b"
    assert figures.fastest({"c": []}) is None
    assert figures.ratios([2.0, 6.0], [1.0, 2.0]) == [2.0, 3.0]
