r"""Training in minibatches: 60 000 digits in steps of 128 make 469 steps an epoch.

Each step moves θ against the gradient of the mean cost of B examples, θ_{t+1} = θ_t - γ_t ∇L; an epoch goes through
all N once, in a new order, in ⌈N/B⌉ steps: ⌈60000 / 128⌉ = 469, the last with the 96 digits that are left. The gradient
of a minibatch is that of the whole set plus noise, so its loss jumps while the trend falls. What counts is the error on
digits that training never saw: where it stays while the training error goes on falling, the network learns by heart.

Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, *Gradient-based learning applied to document recognition* (1998).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import thalweg as tw
from thalweg.diagnosis.style import BLUE, INK, ORANGE, PALE, SOFT, bare, figure, house_style, label
from thalweg.lessons.text import table, words
from thalweg.training import ChunkInfo, StepView

Array = NDArray[Any]


@dataclass
class MinibatchErrors(tw.Hook):
    """Record the share of wrong digits of every minibatch, before its update."""

    errors: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.measure = _share_wrong

    def on_chunk_end(self, info: ChunkInfo) -> None:
        """Take what the chunk's steps measured."""
        self.errors.extend(np.asarray(info.measured, float).tolist())


def _share_wrong(view: StepView) -> Any:
    wrong = view.passed.outputs.argmax(axis=-1) != view.y
    # The last minibatch is filled up with rows of weight 0.
    return (wrong * view.weight).sum() / view.weight.sum()


@dataclass(frozen=True, eq=False)
class Digits:
    """Numbers of the lesson.

    Attributes:
        rows: N, digits to train on.
        batch_size: B.
        steps: ⌈N/B⌉ minibatches an epoch.
        last: digits in the last minibatch of an epoch.
        parameters: N_p of the network.
        minibatch_error: (epochs · steps,) share of wrong digits in each minibatch, before its update.
        training_error: (epochs,) mean of those over the epoch.
        test_error: (epochs,) share of wrong test digits after each epoch.
        images: (n, 28, 28) the test digits it got wrong with most confidence.
        read_as: (n,) what it read.
        meant: (n,) what they are.
    """

    rows: int
    batch_size: int
    steps: int
    last: int
    parameters: int
    minibatch_error: Array
    training_error: Array
    test_error: Array
    images: Array
    read_as: Array
    meant: Array


def compute(hidden: int = 512, epochs: int = 6, batch_size: int = 128, rows: int = 60_000, seed: int = 0) -> Digits:
    """Train on the bundled digits and watch every minibatch.

    Args:
        hidden: neurons of the hidden layer.
        epochs: passes over the training digits.
        batch_size: B.
        rows: N, digits to train on, 60 000 at most.
        seed: of starting weights and order.
    """
    train, test = tw.load_dataset("mnist")
    assert test is not None, "its authors set test digits apart"
    x, y = np.asarray(train.features[:rows], np.float32) / 255, np.asarray(train.target)[:rows]
    x_test, y_test = np.asarray(test.features, np.float32) / 255, np.asarray(test.target)
    network = tw.dense_network(784, hidden, 10)
    watch = MinibatchErrors()
    model = tw.fit(network, x, y, test=(x_test, y_test), epochs=epochs, batch_size=batch_size, seed=seed, hooks=[watch])
    steps = model.history[0]["steps"]
    probability = model.predict_proba(x_test)
    wrong = np.flatnonzero(probability.argmax(axis=1) != y_test)
    surest = wrong[np.argsort(-probability[wrong].max(axis=1))][:6]
    return Digits(
        rows=len(x),
        batch_size=batch_size,
        steps=steps,
        last=len(x) - (steps - 1) * batch_size,
        parameters=tw.summary(network).parameters,
        minibatch_error=np.array(watch.errors),
        training_error=np.array([row["train_error"] for row in model.history]),
        test_error=np.array([row["test_error"] for row in model.history]),
        images=np.asarray(test.features)[surest].reshape(-1, 28, 28),
        read_as=probability[surest].argmax(axis=1),
        meant=y_test[surest],
    )


def tell(numbers: Digits) -> str:
    """Return the numbers in words."""
    rows = [
        (epoch, f"{numbers.steps * epoch:,}", f"{100 * train:.2f} %", f"{100 * test:.2f} %")
        for epoch, (train, test) in enumerate(zip(numbers.training_error, numbers.test_error, strict=True), start=1)
    ]
    return f"{table(('epoch', 'steps so far', 'training error', 'test error'), rows)}\n\n" + words(
        f"""{numbers.rows:,} digits in minibatches of {numbers.batch_size} make {numbers.steps} steps an epoch; the
        last one has {numbers.last}. The network has {numbers.parameters:,} parameters. The training error is that
        of the epoch's minibatches, each taken before its update, so it lags behind; the test error is taken after the
        epoch, on 10,000 other digits."""
    )


@house_style()
def draw(numbers: Digits) -> Figure:
    """Draw the errors by step, and digits read wrongly."""
    picture = figure(4.6)
    above, below = picture.subfigures(2, 1, squeeze=False, height_ratios=(2.6, 1)).ravel()
    _draw_errors(above.subplots(), numbers)
    below.suptitle("Test digits it is most sure of, and wrong", x=0.01, ha="left", fontsize=10, fontweight="bold")
    for axes, image, read, meant in zip(
        np.atleast_1d(below.subplots(1, max(1, len(numbers.images)))),
        numbers.images,
        numbers.read_as,
        numbers.meant,
        strict=False,
    ):
        axes.imshow(image, cmap="gray_r", interpolation="nearest")
        axes.set_xlabel(f"{meant}, read as {read}", fontsize=8, color=INK)
        bare(axes)
    return picture


def _draw_errors(axes: Axes, numbers: Digits) -> None:
    steps = np.arange(1, len(numbers.minibatch_error) + 1)
    ends = numbers.steps * np.arange(1, len(numbers.test_error) + 1)
    axes.plot(steps, 100 * numbers.minibatch_error, ".", color=SOFT, ms=2, alpha=0.35, rasterized=True)
    middles = ends - numbers.steps / 2
    axes.plot(middles, 100 * numbers.training_error, "o-", color=BLUE)
    axes.plot(ends, 100 * numbers.test_error, "o-", color=ORANGE)
    for end in ends.tolist():
        axes.axvline(end, color=PALE, lw=0.8, zorder=0)
    axes.set(
        title=f"{numbers.steps} minibatches an epoch",
        xlabel="minibatches so far; a line ends each epoch",
        xticks=(0, *ends),
        ylabel="wrong digits in %",
        yscale="log",
        ylim=(0.2, 110),
        yticks=(0.3, 1, 3, 10, 30, 100),
        xlim=(0, ends[-1] * 1.13),
    )
    axes.set_yticklabels(("0.3", "1", "3", "10", "30", "100"))
    axes.minorticks_off()
    label(axes, ends[-1] * 1.02, 100 * float(numbers.test_error[-1]), "test", ORANGE)
    label(axes, middles[0], 170 * float(numbers.training_error[0]), "training", BLUE, ha="center")
    label(axes, numbers.steps * 0.12, 45, "each minibatch", SOFT)
