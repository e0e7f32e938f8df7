"""One training step, and the XLA program that runs a chunk of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from thalweg.core.random import fold_in
from thalweg.core.types import Params, State
from thalweg.data.batches import Chunk
from thalweg.gradients import BackwardPass, backprop
from thalweg.likelihoods import Likelihood
from thalweg.network import Network
from thalweg.optimizers import Optimizer, packed, steps_of, update_average
from thalweg.training.state import TrainState


class StepView(NamedTuple):
    """What a hook may measure in a step, inside the program; what nobody measures is not computed.

    Attributes:
        network: the network.
        likelihood: gives cost and error.
        step: number of the update, from 0.
        learning_rate: γ_t, or None when the optimizer does not tell.
        params: θ_t.
        before: what the measure's own ``read`` found in θ_t.
        moved: by how much that differs in θ_{t+1}.
        state: running statistics before the step.
        key: randomness of the pass.
        point: where the gradient was taken: θ_t, or θ_t + β Δθ_{t-1} for Nesterov.
        passed: loss, outputs, gradients, error vectors and tapes of the minibatch.
        after: θ_{t+1}.
        x: (batch, inputs).
        y: targets.
        weight: (batch,) w_n.
    """

    network: Network
    likelihood: Likelihood
    step: Array
    learning_rate: Array | None
    params: Params
    before: Any
    moved: Any
    state: State
    key: Array
    point: Params
    passed: BackwardPass
    after: Params
    x: Array
    y: Array
    weight: Array


class Measure(NamedTuple):
    """What a hook has measured in the program, and in which steps.

    Attributes:
        function: a traceable function from a step to arrays, which are stacked over the steps of a chunk.
        due: a traceable function from the number of an update, from 0, to whether it is measured; None for always.
            Steps that are not measured run the program of a run without the measure.
        read: a traceable function of θ and the number of the update, for arrays to be read of θ_t and of θ_{t+1} and
            compared. Reading ``params`` beside ``after`` would do the same, but takes a copy of θ in every step.
    """

    function: Callable[[StepView], Any]
    due: Callable[[Array], Array] | None = None
    read: Callable[[Params, Array], Any] | None = None


class ChunkResult(NamedTuple):
    """What a chunk of S steps reports.

    Attributes:
        loss: (S,) loss of each minibatch before its update.
        score: (S, scores) sums of the metric's terms over the rows of each minibatch.
        counted: (S,) rows of positive weight.
        learning_rate: (S,) step sizes, or None when the optimizer does not tell.
        settled: whether θ is finite after the chunk's last update.
        measured: for each measure whether the step was measured, (S,), and what it gave, stacked over the steps.
    """

    loss: Float[Array, " steps"]
    score: Float[Array, "steps scores"]
    counted: Float[Array, " steps"]
    learning_rate: Array | None
    settled: Array
    measured: tuple[tuple[Array, Any], ...]


ChunkSteps = Callable[[TrainState, Chunk, Array], tuple[TrainState, ChunkResult]]


def train_program(
    network: Network,
    likelihood: Likelihood,
    optimizer: Optimizer,
    average: float = 0.0,
    measures: tuple[Measure, ...] = (),
) -> ChunkSteps:
    """Return :func:`chunk_steps` as a jitted program; it consumes (donates) the state it is given.

    Optimizers that differ in step size, weight decay and penalties alone share a program: these are numbers of the
    state.
    """
    return _train_program(network, likelihood, steps_of(optimizer), average, measures)


@lru_cache(maxsize=64)
def _train_program(
    network: Network, likelihood: Likelihood, optimizer: Optimizer, average: float, measures: tuple[Measure, ...]
) -> ChunkSteps:
    steps = chunk_steps(network, likelihood, optimizer, average, measures)
    program: ChunkSteps = jax.jit(steps, donate_argnums=0, compiler_options=compiler_options())
    return program


def chunk_steps(
    network: Network,
    likelihood: Likelihood,
    optimizer: Optimizer,
    average: float = 0.0,
    measures: tuple[Measure, ...] = (),
) -> ChunkSteps:
    r"""Return the function (state, chunk, key) ↦ (state, result) that scans the steps of a chunk.

    Each step takes the gradient of L = Σ w_n cost_n and applies the optimizer's update. A step whose loss or bias
    gradients are not finite is not applied, nor is any after it: the state keeps the last θ_t from which the trouble
    can be traced. Bias gradients are the sums of the error vectors, so they show any δ_l that is not finite.

    Args:
        network: the network.
        likelihood: gives cost, error and score.
        optimizer: gives the update.
        average: decay of the moving average of θ, 0 for none.
        measures: what hooks want to know of a step.
    """

    def step(
        carry: TrainState, minibatch: Chunk, key: Array, due: tuple[Array | bool, ...]
    ) -> tuple[TrainState, tuple[Any, ...]]:
        x, y, weight, rows = minibatch
        draw = fold_in(key, carry.step)
        point = optimizer.gradient_point(carry.params, carry.optimizer_state)
        passed = backprop(network, likelihood, point, carry.state, x, y, weight, key=draw)

        def value(params: Params) -> Array:
            outputs, _ = network.forward(params, carry.state, x, key=draw, training=True)
            return likelihood.loss(outputs, y, weight)

        bias_gradients = [leaf for leaf in jax.tree.leaves(passed.grads) if leaf.ndim <= 1]
        finite = carry.finite & ((rows == 0) | _finite(passed.loss, bias_gradients))

        def apply(before: tuple[Any, ...]) -> tuple[TrainState, tuple[Any, ...]]:
            updates, optimizer_state = optimizer.update(
                passed.grads, carry.optimizer_state, carry.params, value=passed.loss, grad=passed.grads, value_fn=value
            )
            params = optax.apply_updates(carry.params, updates)
            applied = TrainState(
                params,
                network.next_state(carry.state, passed.tapes),
                optimizer_state,
                update_average(carry.average, params, carry.step, average) if average else (),
                carry.step + 1,
                finite,
            )
            return applied, jax.tree.map(jnp.subtract, read(params), before)

        def read(params: Params) -> tuple[Any, ...]:
            return tuple(() if m.read is None else m.read(params, carry.step) for m in measures)

        # A branch, not a selection between new and old: that would copy the whole state in every step. What is read of
        # θ_t goes into it as an argument: XLA would else read it again beside θ_{t+1}, from a copy of θ_t.
        before = read(carry.params)
        after, moved = jax.lax.cond(
            finite & (rows > 0),
            apply,
            lambda before: (carry._replace(finite=finite), jax.tree.map(jnp.zeros_like, before)),
            before,
        )
        counted = weight > 0
        score = jnp.sum(jnp.where(counted[:, None], likelihood.score(passed.outputs, y), 0.0), axis=0)
        rate = optimizer.learning_rate(carry.step, carry.optimizer_state)
        view = StepView(
            network=network,
            likelihood=likelihood,
            step=carry.step,
            learning_rate=rate,
            params=carry.params,
            before=(),
            moved=(),
            state=carry.state,
            key=draw,
            point=point,
            passed=passed,
            after=after.params,
            x=x,
            y=y,
            weight=weight,
        )
        measured = tuple(
            _measured(m.function, view._replace(before=b, moved=u), d)
            for m, b, u, d in zip(measures, before, moved, due, strict=True)
        )
        return after, (passed.loss, score, jnp.sum(counted, dtype=jnp.float32), rate, measured)

    always = tuple(m.due is None for m in measures)

    def run(state: TrainState, chunk: Chunk, key: Array) -> tuple[TrainState, ChunkResult]:
        if all(always):
            state, reports = jax.lax.scan(
                lambda c, m: step(c, m, key, always),
                state,
                chunk,
                unroll=1 if measures else _unroll(state.params, len(chunk.rows)),
            )
        else:
            state, reports = scheduled(state, chunk, key)
        settled = _finite(jnp.zeros(()), state.params)
        loss, score, counted, rate, measured = reports
        return state, ChunkResult(loss, score, counted, rate, settled, measured)

    def scheduled(state: TrainState, chunk: Chunk, key: Array) -> tuple[TrainState, tuple[Any, ...]]:
        """Scan in runs of steps that are measured and runs that are not, two loops within one.

        A branch in every step would do the same, but XLA then copies the whole state in each.
        """

        def due(i: Array, state: TrainState) -> tuple[Array | bool, ...]:
            rows = chunk.rows[jnp.minimum(i, len(chunk.rows) - 1)]
            return tuple(True if m.due is None else m.due(state.step) & (rows > 0) for m in measures)

        # A schedule that is the only one is due in all steps of its runs.
        only = len(measures) - sum(always) == 1

        def run_of_steps(*, some: bool) -> Callable[[Any], Any]:
            def goes_on(carry: Any) -> Array:
                i, state, _ = carry
                now = [d for d, a in zip(due(i, state), always, strict=True) if not a]
                more: Array = (i < len(chunk.rows)) & (jnp.any(jnp.stack(now)) == some)
                return more

            def take(carry: Any) -> Any:
                i, state, reports = carry
                minibatch = jax.tree.map(lambda a: jax.lax.dynamic_index_in_dim(a, i, keepdims=False), chunk)
                now = always if not some else (True,) * len(measures) if only else due(i, state)
                state, report = step(state, minibatch, key, now)
                return i + 1, state, _entered(reports, report, i, now)

            return lambda carry: jax.lax.while_loop(goes_on, take, carry)

        first = jax.tree.map(lambda a: a[0], chunk)
        _, report = jax.eval_shape(lambda: step(state, first, key, always))
        reports = jax.tree.map(lambda a: jnp.zeros((len(chunk.rows), *a.shape), a.dtype), report)
        _, state, reports = jax.lax.while_loop(
            lambda carry: carry[0] < len(chunk.rows),
            lambda carry: run_of_steps(some=True)(run_of_steps(some=False)(carry)),
            (jnp.zeros((), jnp.int32), state, reports),
        )
        return state, reports

    return run


EvaluationSteps = Callable[[Params, State, Chunk], tuple[Array, Array, Array]]


@lru_cache(maxsize=64)
def evaluation_program(network: Network, likelihood: Likelihood) -> EvaluationSteps:
    """Return :func:`evaluation_steps` as a jitted program."""
    program: EvaluationSteps = jax.jit(evaluation_steps(network, likelihood), compiler_options=compiler_options())
    return program


def evaluation_steps(network: Network, likelihood: Likelihood, *, sparse: bool = False) -> EvaluationSteps:
    """Return the function (θ, state, chunk) ↦ per minibatch (S,) loss, (S, scores) score sums, (S,) counted rows.

    Args:
        network: the network.
        likelihood: gives cost and score.
        sparse: do not compute minibatches in which no row has weight.
    """

    def run(params: Params, state: State, chunk: Chunk) -> tuple[Array, Array, Array]:
        def one(minibatch: Chunk) -> tuple[Array, Array, Array]:
            outputs = network.apply(params, state, minibatch.x)
            counted = minibatch.weight > 0
            score = jnp.where(counted[:, None], likelihood.score(outputs, minibatch.y), 0.0)
            loss = likelihood.loss(outputs, minibatch.y, minibatch.weight)
            return loss, jnp.sum(score, axis=0), jnp.sum(counted, dtype=jnp.float32)

        def if_counted(minibatch: Chunk) -> tuple[Array, Array, Array]:
            nothing = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), jax.eval_shape(lambda: one(minibatch)))
            some = jnp.any(minibatch.weight > 0)
            sums: tuple[Array, Array, Array] = jax.lax.cond(some, lambda: one(minibatch), lambda: nothing)
            return sums

        sums: tuple[Array, Array, Array] = jax.lax.map(if_counted if sparse else one, chunk)
        return sums

    return run


def compiler_options() -> dict[str, str] | None:
    """Return options for XLA: on the CPU, vectors as wide as it has them (7 % on 784-512-10 with AVX-512)."""
    return {"xla_cpu_prefer_vector_width": "512"} if jax.default_backend() == "cpu" else None


def _measured(function: Callable[[StepView], Any], view: StepView, due: Array | bool) -> tuple[Array, Any]:
    """Return whether the step was measured, and what the function gave or zeros of that shape."""
    if due is True:
        return jnp.ones((), bool), function(view)
    zeros = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), jax.eval_shape(lambda: function(view)))
    if due is False:
        return jnp.zeros((), bool), zeros
    return jnp.asarray(due), jax.lax.cond(due, lambda: function(view), lambda: zeros)


def _entered(reports: Any, report: Any, i: Array, now: tuple[Array | bool, ...]) -> Any:
    """Return the reports with that of step i; of what it does not measure, they hold zeros already."""

    def put(every: Any, one: Any) -> Any:
        return jax.tree.map(lambda array, entry: array.at[i].set(entry), every, one)

    measured = tuple(
        every if due is False else put(every, one) for every, one, due in zip(reports[-1], report[-1], now, strict=True)
    )
    return (*put(reports[:-1], report[:-1]), measured)


def _unroll(params: Params, steps: int) -> int:
    """Return how many steps of the scan are written out: where a step is tiny, the loop around it is felt.

    On 1-32-1 four steps take 10 % less time than four turns, and twice as long to compile: only long chunks repay it.
    """
    tiny = sum(leaf.size for leaf in jax.tree.leaves(params)) < 4096
    return 4 if tiny and steps >= 512 else 1


def _finite(start: Array, arrays: Any) -> Array:
    return jnp.isfinite(sum((jnp.sum(array) for array in jax.tree.leaves(packed(arrays))), start))
