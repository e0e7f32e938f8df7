r"""Depth: what is left of the error vector in the first layer, sigmoid against ReLU.

The backward pass multiplies by weights and slopes, δ_lᵀ = δ_{l+1}ᵀ W_{l+1} diag(φ'(a_l)). With M weights a neuron of
variance σ_w²/M, the mean squares of wide layers at initialization follow

    q_{l+1} = σ_w² E φ(√q_l z)²,                z ~ N(0, 1), forward
    ‖δ_l‖² ≈ χ_l ‖δ_{l+1}‖²,                    χ_l = σ_w² E φ'(√q_l z)², backward.

For ReLU with He's σ_w² = 2, χ = 2 · ½ = 1 at every layer: the error arrives whole, however deep the network. The
sigmoid's slope is at most ¼, so that χ ≤ σ_w²/16: with Glorot's σ_w² = 1 a layer leaves at most a quarter of ‖δ‖, and
twenty layers a trillionth. Layers far from the output then do not learn, and those near it learn from features that
nobody has shaped.

Source: Hochreiter, *Untersuchungen zu dynamischen neuronalen Netzen* (1991); Glorot, Bengio, *Understanding the
difficulty of training deep feedforward neural networks* (2010); He et al., *Delving Deep into Rectifiers* (2015);
Schoenholz et al., *Deep Information Propagation* (2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import thalweg as tw
from thalweg.diagnosis.style import BLUE, INK, ORANGE, SOFT, figure, house_style, label
from thalweg.lessons.text import table, words
from thalweg.network import ACTIVATIONS

Array = NDArray[Any]

COLORS = {"sigmoid": ORANGE, "relu": BLUE}
GAINS = {"sigmoid": 1.0, "relu": 2.0}
"""σ_w², Glorot's for layers of one width and He's."""


@dataclass(frozen=True, eq=False)
class Depth:
    """Numbers of the lesson; dictionaries are by activation, then by depth.

    Attributes:
        width: M, neurons of each hidden layer.
        x: (N, M) inputs.
        y: (N, 1) targets.
        params: θ at initialization.
        norms: (depth,) root mean squared error vectors of the hidden layers, over that of the last one.
        expected: (depth,) the same by the mean-field recursion.
        trained: (epochs, layers) root mean squared error vectors of every layer while a network trains, output last.
        losses: (epochs,) its training loss.
    """

    width: int
    x: Array
    y: Array
    params: dict[str, dict[int, Any]]
    norms: dict[str, dict[int, Array]]
    expected: dict[str, dict[int, Array]]
    trained: dict[str, Array]
    losses: dict[str, Array]


def compute(
    depths: Sequence[int] = (2, 5, 10, 20),
    width: int = 64,
    rows: int = 128,
    trained: int = 8,
    epochs: int = 40,
    seed: int = 0,
) -> Depth:
    """Measure error vectors at initialization for every depth, and while one depth trains.

    Args:
        depths: numbers of hidden layers.
        width: M.
        rows: N.
        trained: hidden layers of the networks that are trained.
        epochs: passes over the rows, eight steps each.
        seed: of rows and starting weights.
    """
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, width)).astype(np.float32)
    y = (x[:, :1] * x[:, 1:2] + x[:, 2:3]).astype(np.float32)
    params: dict[str, dict[int, Any]] = {}
    norms: dict[str, dict[int, Array]] = {}
    expected: dict[str, dict[int, Array]] = {}
    courses, losses = {}, {}
    for name in COLORS:
        params[name], norms[name], expected[name] = {}, {}, {}
        for depth in depths:
            network = _network(name, width, depth)
            params[name][depth] = _draw(network, width, GAINS[name], rng)
            result = tw.backprop(
                network, _LIKELIHOOD, params[name][depth], network.init_state(), jnp.asarray(x), jnp.asarray(y)
            )
            sizes = np.array([_size(d) for d in tw.error_vectors(network, params[name][depth], result).values()])
            norms[name][depth] = sizes[:-1] / sizes[-2]
            expected[name][depth] = theory(name, depth)
        courses[name], losses[name] = _train(_network(name, width, trained), x, y, epochs, seed)
    return Depth(width, x, y, params, norms, expected, courses, losses)


_LIKELIHOOD = tw.Gaussian()


def _network(activation: str, width: int, depth: int) -> Any:
    initializer = "he_normal" if activation == "relu" else "glorot_normal"
    return tw.dense_network(width, (width,) * depth, 1, activation=activation, initializer=initializer)


def _draw(network: Any, width: int, gain: float, rng: np.random.Generator) -> Any:
    """Return weights of variance σ_w²/M and biases of zero; activations have no parameters."""
    return tuple(
        {
            "weight": rng.normal(0, np.sqrt(gain / width), (layer.units, width)).astype(np.float32),
            "bias": np.zeros(layer.units, np.float32),
        }
        if isinstance(layer, tw.Dense)
        else {}
        for layer in network.layers
    )


def _size(delta: Any) -> float:
    return float(np.sqrt(np.mean(np.square(np.asarray(delta, float)))))


def _train(network: Any, x: Array, y: Array, epochs: int, seed: int) -> tuple[Array, Array]:
    watch = tw.diagnosis.Instruments("error_vectors")
    model = tw.fit(
        network, x, y, likelihood="gaussian", epochs=epochs, batch_size=len(x) // 8, seed=seed, hooks=[watch]
    )
    names = list(watch.history[0]["layers"])
    sizes = np.stack([watch.series("error_rms", name) for name in names], axis=1)
    return sizes, np.array([row["train_loss"] for row in model.history])


def theory(activation: str, depth: int) -> Array:
    """Return √(E δ_l²) over that of the last hidden layer, by the mean-field recursion, inputs of mean square 1."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    phi, gain = ACTIVATIONS[activation], GAINS[activation]
    q, slopes = gain, []
    for _ in range(depth):
        a: Any = (np.sqrt(q) * nodes).astype(np.float32)
        value = phi.value(a)
        slopes.append(gain * weights @ np.asarray(phi.derivative(a, value), float) ** 2)
        q = gain * weights @ np.asarray(value, float) ** 2
    # δ_l comes from δ_{l+1} by the weights of layer l + 1 and the slopes of layer l.
    return np.asarray(np.sqrt(np.append(np.cumprod(slopes[-2::-1])[::-1], 1.0)))


def tell(numbers: Depth) -> str:
    """Return the numbers in words."""
    rows = [
        (
            depth,
            *(f"{part[name][depth][0]:.1e}" for name in COLORS for part in (numbers.norms, numbers.expected)),
        )
        for depth in numbers.norms["relu"]
    ]
    header = ("hidden layers", "sigmoid", "theory", "ReLU", "theory")
    layers = numbers.trained["relu"].shape[1] - 1
    first = {name: sizes[0, 0] / sizes[0, -2] for name, sizes in numbers.trained.items()}
    half = {name: int(np.argmax(losses < losses.mean())) + 1 for name, losses in numbers.losses.items()}
    return f"{table(header, rows)}\n\n" + words(
        f"""The error vector of the first hidden layer over that of the last one, at initialization. Every sigmoid layer
        leaves about {theory("sigmoid", 2)[0]:.2f} of it, ReLU with He's weights all of it on average, whatever the
        depth. In training {layers} hidden layers of sigmoids begin with {first["sigmoid"]:.0e} of the error in the
        first one. Adam gives each parameter steps of its own size, so that it learns at all: but the loss stands still
        while the error grows back, and falls below its mean over the run in epoch {half["sigmoid"]}, with ReLU in epoch
        {half["relu"]}."""
    )


@house_style()
def draw(numbers: Depth) -> Figure:
    """Draw error vectors by layer and by depth, and while a network trains."""
    picture = figure(5.6)
    layers, depths, course, losses = picture.subplots(2, 2).ravel()
    for name, color in COLORS.items():
        deepest = max(numbers.norms[name])
        for depth, sizes in numbers.norms[name].items():
            layers.plot(
                np.arange(depth) + 1, sizes, "o-", color=color, ms=2.5, lw=1, alpha=1.0 if depth == deepest else 0.6
            )
        every = range(1, deepest + 1)
        depths.plot(every, [theory(name, depth)[0] for depth in every], color=INK, lw=1, ls=(0, (1, 2)))
        first = [sizes[0] for sizes in numbers.norms[name].values()]
        depths.plot(list(numbers.norms[name]), first, "o", color=color)
        trained = numbers.trained[name]
        epochs = np.arange(1, len(trained) + 1)
        course.plot(epochs, trained[:, 0] / trained[:, -2], color=color)
        losses.plot(epochs, numbers.losses[name] - 0.5 * np.log(2 * np.pi), color=color)
    layers.set(title="By layer, four depths", yscale="log", xlabel="hidden layer l", ylabel="‖δ_l‖ / ‖δ_last‖")
    depths.set(
        title="First layer by depth, theory dotted", yscale="log", xlabel="hidden layers", ylabel="‖δ₁‖ / ‖δ_last‖"
    )
    hidden = numbers.trained["relu"].shape[1] - 1
    course.set(title=f"While {hidden} layers train", yscale="log", xlabel="epoch", ylabel="‖δ₁‖ / ‖δ_last‖")
    losses.set(title="Their training loss", xlabel="epoch", ylabel="½ mean squared error", ylim=(0, None))
    for axes in (layers, depths):
        axes.set(xticks=(1, 5, 10, 15, 20), ylim=(1e-13, 100))
    label(layers, 1, 20, "ReLU", BLUE)
    label(layers, 14, 1e-9, "sigmoid", ORANGE)
    label(depths, 12, 20, "ReLU", BLUE)
    label(depths, 5, 1e-9, "sigmoid", ORANGE)
    label(course, 20, 3.5, "ReLU", BLUE)
    label(course, 20, 2e-4, "sigmoid", ORANGE)
    label(losses, 8, 0.3, "ReLU", BLUE)
    label(losses, 28, 1.15, "sigmoid", ORANGE)
    course.set_ylim(1e-5, 10)
    for axes in (layers, depths, course):
        axes.axhline(1, color=SOFT, lw=0.6, zorder=0)
    return picture
