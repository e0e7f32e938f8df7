"""The training loop: epochs of scanned chunks, with evaluation, stopping, hooks and checkpoints between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError, DivergedError
from thalweg.core.memory import release_memory
from thalweg.core.random import fold_in, split
from thalweg.core.types import Params, State
from thalweg.data.batches import Batches, Chunk
from thalweg.data.read_ahead import close
from thalweg.likelihoods import Likelihood
from thalweg.network import Network
from thalweg.optimizers import Optimizer, OptimizerState, falling
from thalweg.training.checkpoints import Checkpoints, Progress
from thalweg.training.checks import check_monitor, check_run
from thalweg.training.divergence import HINT, broken_parameter, first_not_finite
from thalweg.training.evaluate import evaluate, metric, placed
from thalweg.training.hooks import ChunkInfo, Hook, RunInfo
from thalweg.training.interrupt import interruptible
from thalweg.training.mesh import data_mesh
from thalweg.training.state import KNOT_ROWS, TrainState, initial_params, initial_state
from thalweg.training.step import ChunkResult, Measure, train_program
from thalweg.training.stopping import EarlyStopping


@dataclass(frozen=True)
class Trained:
    """What training leaves.

    Attributes:
        params: θ of the last epoch, of the best one under early stopping, or the moving average when asked for.
        state: running statistics that go with it.
        history: a line an epoch.
        epoch: the epoch the parameters are from.
        status: ``"finished"``, ``"stopped early"`` or ``"interrupted"``; ``"diverged"`` on the error that says so.
        last: state after the last step, from which `train` goes on; its arrays are the caller's own.
    """

    params: Params
    state: State
    history: list[dict[str, Any]]
    epoch: int
    status: str
    last: TrainState


Score = Callable[[Params, State], float]
"""What θ and running statistics are worth, by a measure that is not the network's own."""


def train(
    network: Network,
    likelihood: Likelihood,
    batches: Batches,
    optimizer: Optimizer,
    *,
    epochs: int,
    seed: int = 0,
    test: Batches | None = None,
    validation: Batches | None = None,
    params: Params | None = None,
    start: Trained | None = None,
    average: float = 0.0,
    stopping: EarlyStopping | None = None,
    scores: Mapping[str, Score] | None = None,
    hooks: Sequence[Hook] = (),
    checkpoints: Checkpoints | None = None,
    score_scale: NDArray[Any] | float = 1.0,
    devices: Sequence[Any] | None = None,
) -> Trained:
    r"""Train a network: θ_{t+1} = θ_t + Δθ_t over ⌈N/B⌉ reshuffled minibatches an epoch.

    ``train_loss`` and the training metric of a line are averages over the epoch's minibatches, each taken before its
    update and with dropout on; the other quantities are evaluated after the epoch's last step.

    Args:
        network: the network f(x; θ).
        likelihood: gives cost and error vector.
        batches: the training set.
        optimizer: gives the updates.
        epochs: epochs at most; those of ``start`` do not count.
        seed: decides starting parameters and dropout; the order of rows is the batches' own.
        test: set evaluated each epoch, never used to decide.
        validation: set evaluated each epoch that early stopping may watch.
        params: θ_0; drawn from the seed when absent.
        start: training to go on from, of the same network and update rule: its θ, the state of its optimizer, its
            history and its best epoch. The batches may be others.
        average: decay of an exponential moving average of θ, used for evaluation and kept at the end; 0 for none.
        stopping: when to end early.
        scores: name ↦ function of θ and running statistics, told in the line of each epoch; ``stopping`` may watch it.
        hooks: called between chunks.
        checkpoints: where to save; a checkpoint found there is taken up, to the same weights bit for bit.
        score_scale: (targets,) factors that bring residuals to the target's units, for ``*_rmse``.
        devices: devices to split minibatches over; the first one when absent. ``batches`` must have been made with
            ``multiple=len(devices)``.

    Returns:
        Parameters, running statistics and history.

    Raises:
        ArgumentError: a setting out of range, or targets that the likelihood cannot produce.
        DivergedError: a quantity was not finite; names epoch, step and the first such quantity.

    Example:
        >>> import numpy as np
        >>> from thalweg.data.batches import ArrayBatches
        >>> from thalweg.likelihoods import make_likelihood
        >>> from thalweg.network import dense_network
        >>> from thalweg.optimizers import make_optimizer
        >>> x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
        >>> adam = make_optimizer("adam", learning_rate=0.01, total_steps=800, steps_per_epoch=4)
        >>> trained = train(
        ...     dense_network(1, (16,), 1), make_likelihood("gaussian"), ArrayBatches(x, x**2, 16), adam, epochs=200
        ... )
        >>> trained.history[-1]["train_rmse"] < 0.05
        True
    """
    epochs = check_run(network, likelihood, batches, optimizer, epochs, average)
    layout = getattr(batches, "layout", None)
    if devices is not None and layout is not None and layout.width % len(devices):
        raise ArgumentError(
            "devices",
            f"a number that divides minibatches of {layout.width} rows",
            len(devices),
            f"Make the batches with multiple={len(devices)}.",
        )
    if stopping is not None:
        check_monitor(stopping, validation is not None, test is not None, likelihood, scores or {})
    loop = Loop(network, likelihood, batches, optimizer, seed, average, stopping, list(hooks), checkpoints, devices)
    loop.sets = {name: s for name, s in (("validation", validation), ("test", test)) if s is not None}
    loop.score_scale, loop.scores = score_scale, scores or {}
    return loop.run(epochs, params, start)


class Loop:
    """A run's moving parts: of one network inside :func:`train`, of many where a subclass holds the state of each."""

    sets: dict[str, Batches]
    scores: Mapping[str, Score]
    score_scale: NDArray[Any] | float
    status: str = "interrupted"

    def __init__(
        self,
        network: Network,
        likelihood: Likelihood,
        batches: Batches,
        optimizer: Optimizer,
        seed: int,
        average: float,
        stopping: EarlyStopping | None,
        hooks: list[Hook],
        checkpoints: Checkpoints | None,
        devices: Sequence[Any] | None,
    ) -> None:
        self.network, self.likelihood, self.batches, self.optimizer = network, likelihood, batches, optimizer
        self.average, self.stopping, self.hooks, self.checkpoints = average, stopping, hooks, checkpoints
        self.init_key, self.draw_key = keys_of(seed)
        self.mesh = data_mesh(devices)
        self.progress = Progress()
        self.best: Any = ()
        self.upcoming: Iterator[Chunk] | None = None
        self.last_epoch = 0
        self.compiled = False

    def run(self, epochs: int, params: Params | None, former: Trained | None) -> Trained:
        self.go(epochs, params, former)
        return self.trained(self.status)

    def go(self, epochs: int, params: Params | None, former: Trained | None = None) -> None:
        """Run all epochs, whatever a run's state holds; ``status`` then says how it ended."""
        self.last_epoch = epochs + (0 if former is None else len(former.history))
        params = self.start(params, former)
        release_memory()
        if self.anneals and not self.has_step_size(params):
            raise ArgumentError("stopping", "anneal 0 for an optimizer with a step size of its own", self.stopping)
        self.tell("on_train_start", self.info(self.last_epoch, params))
        self.compile()
        try:
            with interruptible() as asked:
                self.status = self.epochs(self.last_epoch, asked)
        finally:
            close(self.upcoming)
            self.tell("on_train_end")
            if self.checkpoints is not None:
                self.checkpoints.close()

    def start(self, params: Params | None, former: Trained | None) -> Params:
        """Make the state before the first step, or take up a former run's or a checkpoint's; return θ_0."""
        if former is not None:
            # A copy: the first step takes over the state's memory.
            self.train_state = _copy(former.last)
            own = self.train_state.optimizer_state
            if isinstance(own, OptimizerState):  # step size and weight decay are those asked for now
                self.train_state = self.train_state._replace(optimizer_state=self.optimizer.rescaled(own))
            params = former.last.params
            self.progress = Progress(epoch=len(former.history) + 1, history=list(former.history))
        else:
            if params is None:
                params = initial_params(self.network, self.likelihood, self.batches, self.init_key)
            rows = self.rows_to_learn_from()
            self.train_state = initial_state(self.network, self.optimizer, params, average=self.average > 0, rows=rows)
        if self.stopping is not None:
            if former is not None and former.history:
                self.best, self.progress.best_epoch = (former.params, former.state), former.epoch
                if self.anneals:
                    # What the optimizer remembered at the best epoch is gone; what it remembers now has to do.
                    average = former.params if self.average else ()
                    best = self.train_state._replace(params=former.params, state=former.state, average=average)
                    self.best = _copy(best)
            else:
                self.best = _copy(self.worth_keeping(self.train_state))
        if self.checkpoints is not None and (found := self.checkpoints.restore((self.train_state, self.best))):
            (self.train_state, self.best), self.progress = found
        if self.mesh is not None:
            self.train_state = jax.device_put(self.train_state, self.mesh.whole)
        return params

    def rows_to_learn_from(self) -> NDArray[np.float32] | None:
        """Return training rows where a layer learns from them before the first step."""
        return self.batches.sample(KNOT_ROWS) if self.network.learns_from_rows else None

    def compile(self) -> None:
        """Make the program of a chunk."""
        measures = tuple(Measure(h.measure, h.due, h.read) for h in self.hooks if h.measure is not None)
        self.program = train_program(self.network, self.likelihood, self.optimizer, self.average, measures)

    def info(self, epochs: int, params: Params) -> RunInfo:
        batches = self.batches
        return RunInfo(
            network=self.network,
            rows=batches.rows,
            batch_size=batches.batch_size,
            steps=batches.steps,
            epochs=epochs,
            first_epoch=self.progress.epoch,
            likelihood=self.likelihood,
            optimizer=self.optimizer,
            batches=batches,
            params=params,
        )

    def epochs(self, epochs: int, asked: Any) -> str:
        while self.progress.epoch <= epochs:
            self.anneal()
            if self.over() or any(hook.stop for hook in self.hooks):
                return "stopped early"
            self.tell("on_epoch_start", self.progress.epoch)
            for _ in self.steps():
                if asked.is_set():
                    self.save()
                    return "interrupted"
                if self.checkpoints is not None and self.checkpoints.due():
                    self.save()
            self.end_epoch()
            if self.checkpoints is not None and self.checkpoints.due():
                self.save()
        return "finished"

    def anneal(self) -> None:
        """Once early stopping says so, go back to the best epoch, and let the step size fall from there."""
        progress = self.progress
        if self.stopping is None or progress.fall:
            return
        epochs = self.stopping.annealing(progress.history, self.last_epoch)
        if epochs:
            state: TrainState = _copy(self.best)
            course = falling(state.optimizer_state, epochs * self.batches.steps)
            self.train_state = state._replace(optimizer_state=course)
            progress.fall = [progress.epoch - 1, progress.epoch - 1 + epochs]

    def over(self) -> bool:
        """Return whether early stopping ends the run."""
        if self.stopping is None:
            return False
        history, fall = self.progress.history, self.progress.fall
        return self.stopping.fallen(history, *fall) if fall else self.stopping.ends(history)

    def steps(self) -> Iterator[None]:
        """Run the epoch's chunks; at each yield everything dispatched is done and counted."""
        progress = self.progress
        began = time.perf_counter() - progress.seconds
        chunks = self.upcoming or self.batches.chunks(progress.epoch, progress.chunk)
        last, self.upcoming = self.batches.chunks_per_epoch - 1, None
        try:
            for chunk in chunks:
                on_device = placed(chunk, self.mesh)
                under_way = self.dispatch(on_device)
                if progress.chunk == last and progress.epoch < self.last_epoch:
                    # While this chunk is computed, the next epoch's first one is prepared.
                    self.upcoming = self.batches.chunks(progress.epoch + 1)
                self.count(chunk, on_device, under_way)
                if not self.compiled:
                    release_memory()
                    self.compiled = True
                progress.seconds = time.perf_counter() - began
                yield
        finally:
            close(chunks)

    def dispatch(self, on_device: Chunk) -> Any:
        """Start on a chunk; return what :meth:`count` needs of it."""
        first = int(self.train_state.step)
        self.train_state, result = self.program(self.train_state, on_device, self.draw_key)
        return result, first

    def count(self, chunk: Chunk, on_device: Chunk, under_way: Any) -> None:
        """Wait for a chunk, and enter its losses into the progress."""
        progress, (result, first) = self.progress, under_way
        real = chunk.rows > 0
        if not bool(self.train_state.finite) or not bool(result.settled):
            applied = int(self.train_state.step) - first
            self.tell_chunk(result, real & (np.arange(len(real)) <= applied), progress.chunk * len(real) + applied)
            self.diverge(on_device, applied)
        losses, scores = np.asarray(result.loss, float), np.asarray(result.score, float)
        progress.loss += float(np.sum((losses * chunk.rows)[real]))
        progress.score = (scores.sum(axis=0) + (progress.score or 0.0)).tolist()
        progress.counted += float(np.sum(np.asarray(result.counted)))
        progress.chunk += 1
        if result.learning_rate is not None:
            progress.learning_rate = float(np.asarray(result.learning_rate)[real][-1])
        self.tell_chunk(result, real, min(progress.chunk * len(chunk.rows), self.batches.steps))

    def tell_chunk(self, result: ChunkResult, real: NDArray[np.bool_], done: int) -> None:
        loss, measured = np.asarray(result.loss)[real], iter(result.measured)
        for hook in self.hooks:
            own = None
            if hook.measure is not None:
                due, values = next(measured)
                told = real & np.asarray(due)
                own = jax.tree.map(lambda a, told=told: np.asarray(a)[told], values)
            info = ChunkInfo(
                self.progress.epoch,
                done,
                self.batches.steps,
                loss,
                own,
                self.train_state.params,
                self.train_state.state,
            )
            hook.on_chunk_end(info)

    def end_epoch(self) -> None:
        progress = self.progress
        began = time.perf_counter()
        params, state = self.kept()
        train_metric = metric(self.likelihood, progress.score, progress.counted, self.score_scale)
        parts = {"train": {"loss": progress.loss / self.batches.rows} | train_metric}
        for name, batches in self.sets.items():
            parts[name] = evaluate(self.network, self.likelihood.judged(), params, state, batches, self.score_scale)
        row = self.line(parts, progress.learning_rate, progress.seconds + time.perf_counter() - began)
        row |= {name: float(score(params, state)) for name, score in self.scores.items()}
        progress.next_epoch(row)
        if self.stopping is not None and self.stopping.best(progress.history) == row["epoch"]:
            # A copy: the next step takes over the state's memory.
            self.best, progress.best_epoch = _copy(self.worth_keeping(self.train_state)), row["epoch"]
        self.tell("on_epoch_end", row)

    def line(self, parts: dict[str, dict[str, float]], learning_rate: float | None, seconds: float) -> dict[str, Any]:
        """Return the log's line of the epoch."""
        row: dict[str, Any] = {"epoch": self.progress.epoch, "steps": self.batches.steps}
        for quantity in ("loss", self.likelihood.metric):
            row |= {f"{name}_{quantity}": values[quantity] for name, values in parts.items()}
        return row | {"learning_rate": learning_rate, "seconds": seconds}

    def kept(self) -> tuple[Params, State]:
        """Return what a model made now would hold."""
        return self.kept_of(self.train_state)

    def kept_of(self, state: TrainState) -> tuple[Params, State]:
        return (state.average if self.average else state.params), state.state

    def worth_keeping(self, state: TrainState) -> Any:
        """Return what is kept of the best epoch: the model, or all that training needs to go on from there."""
        return state if self.anneals else self.kept_of(state)

    def kept_of_best(self) -> tuple[Params, State]:
        kept: tuple[Params, State] = self.kept_of(self.best) if self.anneals else self.best
        return kept

    def has_step_size(self, params: Params) -> bool:
        """Return whether the optimizer tells its step size, which then can be multiplied, or let fall."""
        state = jax.eval_shape(self.optimizer.init, params)
        told = isinstance(state, OptimizerState)
        return told and jax.eval_shape(self.optimizer.learning_rate, jnp.int32(0), state) is not None

    @property
    def anneals(self) -> bool:
        """Whether training goes back to the best epoch, to let the step size fall from there."""
        return self.stopping is not None and self.stopping.anneal > 0

    def save(self) -> None:
        if self.checkpoints is not None:
            number = (self.progress.epoch - 1) * self.batches.chunks_per_epoch + self.progress.chunk
            self.checkpoints.save(number, (self.train_state, self.best), self.progress)

    def diverge(self, chunk: Chunk, applied: int) -> None:
        """Raise the error that names the first bad quantity; ``applied`` of the chunk's updates were made."""
        number, quantity = self.cause(self.train_state, self.draw_key, chunk, applied)
        error = DivergedError(self.progress.epoch, number, quantity, HINT)
        error.trained = self.trained("diverged")
        raise error

    def cause(self, at: TrainState, draw_key: Array, chunk: Chunk, applied: int) -> tuple[int, str]:
        """Return the step of the epoch that went to infinity, and its first bad quantity."""
        number = self.progress.chunk * len(chunk.rows) + applied
        quantity = broken_parameter(self.network, at.params)
        if quantity is None:
            number += 1  # the step whose update was not made any more
            minibatch = jax.tree.map(lambda a: a[applied], chunk)
            point = self.optimizer.gradient_point(at.params, at.optimizer_state)
            key = fold_in(draw_key, at.step)
            quantity = first_not_finite(self.network, self.likelihood, point, at.state, minibatch, key=key)
        return number, quantity

    def trained(self, status: str) -> Trained:
        params, state = self.kept()
        epoch = self.progress.epoch - 1
        if self.stopping is not None and self.progress.best_epoch:
            (params, state), epoch = self.kept_of_best(), self.progress.best_epoch
        return Trained(params, state, self.progress.history, epoch, status, self.train_state)

    def tell(self, event: str, *arguments: Any) -> None:
        for hook in self.hooks:
            getattr(hook, event)(*arguments)


def _copy(arrays: Any) -> Any:
    # Unlike `Array.copy`, this compiles no program for each shape.
    return jax.device_put(arrays, may_alias=False)


@jax.jit
def _split_key(seed: Array) -> tuple[Array, Array]:
    init_key, draw_key = split(jax.random.key(seed), 2)
    return init_key, draw_key


def keys_of(seed: int) -> tuple[Array, Array]:
    """Return the keys for starting parameters and for draws while training."""
    keys: tuple[Array, Array] = _split_key(np.uint32(seed % 2**32))
    return keys
