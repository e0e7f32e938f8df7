"""The training loop of many networks at once: one pass over the data, a state and a history for each member."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError, DivergedError
from thalweg.core.types import Params, State
from thalweg.data.batches import KNOWN_TARGETS, Batches, Chunk, spread, taken
from thalweg.network import sequence
from thalweg.optimizers import Scales, falling, rescaled
from thalweg.training.divergence import HINT
from thalweg.training.evaluate import metric, totals
from thalweg.training.hooks import ChunkInfo
from thalweg.training.loop import Loop, Trained, keys_of
from thalweg.training.shares import Shares, members_evaluation_program, members_train_program, own_weights
from thalweg.training.state import TrainState, initial_params, initial_state
from thalweg.training.step import ChunkResult
from thalweg.training.stopping import EarlyStopping


@dataclass(frozen=True)
class Own:
    """What a member has for itself where members differ in more than their seed.

    Attributes:
        params: θ_0.
        scales: its step size, weight decay and penalties.
        dropout: share of units that its dropout layers drop.
        stopping: when it ends early.
        state: running statistics to begin with, of all members or none; by default those of a new network.
    """

    params: Params
    scales: Scales
    dropout: float = 0.0
    stopping: EarlyStopping | None = None
    state: State | None = None


class MembersLoop(Loop):
    """A run of M members; lives only inside :func:`thalweg.training.members.train_members`.

    Attributes:
        seeds: one a member.
        factors: (M,) of the step size.
        own: what each has for itself, None where they differ in seed and factor alone.
        rules: when each ends early.
        folds: of cross-validation, 0 for none: member m holds out fold m mod ``folds``.
        shares: the members over the processors.
        losses: (M, S) of each chunk so far, where they are recorded.
    """

    seeds: list[int]
    factors: NDArray[np.float32]
    own: Sequence[Own] | None = None
    rules: list[EarlyStopping | None]
    folds: int = 0
    shares: Shares
    losses: list[NDArray[np.float32]] | None = None
    rates: NDArray[np.float32] | None = None

    # What each member has so far; `Progress.members` holds it in checkpoints.
    histories: list[list[dict[str, Any]]]
    best_epochs: list[int]
    falls: list[list[int]]
    stopped: NDArray[np.bool_]
    diverged: dict[int, str]
    sums: dict[str, NDArray[np.float64]]

    def start(self, params: Params | None, former: Trained | None) -> Params:
        del former
        members = len(self.seeds)
        keys = [keys_of(seed) for seed in self.seeds]
        if self.own is not None:
            each = [one.params for one in self.own]
        elif params is None:
            each = [self.first_params(m, key) for m, (key, _) in enumerate(keys)]
        else:
            each = [params] * members
        stacked = jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *each)
        rows, average = self.rows_to_learn_from(), self.average > 0
        state = initial_state(self.network, self.optimizer, stacked, average=average, rows=rows, members=True)
        if self.own is not None:
            state = self.with_own(state)
        if (self.factors != 1).any():
            state = self.with_factors(state)
        self.histories, self.best_epochs = [[] for _ in keys], [0] * members
        self.falls = [[] for _ in keys]
        self.stopped, self.diverged, self.sums = np.zeros(members, bool), {}, {}
        self.best = () if self.stopping is None else jax.tree.map(np.array, self.worth_keeping(state))
        if self.checkpoints is not None and (found := self.checkpoints.restore((state, self.best))):
            (state, self.best), self.progress = found
            self.best = jax.tree.map(np.array, self.best)
            self.read_progress()
        self.states: list[TrainState] = jax.device_put(self.shares.split(state))
        self.keys = [jnp.stack([keys[m][1] for m in self.shares.filled(part)]) for part in self.shares.parts]
        return stacked

    def first_params(self, member: int, key: Array) -> Params:
        """Return a member's starting parameters; its output bias comes from the rows that it is trained on."""
        weight, own = getattr(self.batches, "sample_weight", None), None
        if weight is not None and weight.ndim == 2:
            rows = np.flatnonzero(weight[:, member] > 0)
            own = taken(self.batches.y, rows[spread(KNOWN_TARGETS, len(rows))])
        return initial_params(self.network, self.likelihood, self.batches, key, own)

    def with_own(self, state: TrainState) -> TrainState:
        """Return the state with each member's own numbers."""
        assert self.own is not None, "asked for where members have something of their own"
        rates = [one.dropout for one in self.own]
        kept = state.state
        if all(one.state is not None for one in self.own):
            kept = jax.tree.map(lambda *leaves: np.stack(leaves), *[one.state for one in self.own])
        kept = sequence.rated(self.network.layers, kept, rates) if any(rates) else kept
        scales = np.transpose([one.scales for one in self.own])
        return state._replace(state=kept, optimizer_state=rescaled(state.optimizer_state, *scales))

    def with_factors(self, state: TrainState) -> TrainState:
        if not self.has_step_size(state.params):
            raise ArgumentError(
                "step_factors", "1 for an optimizer with a step size of its own", self.factors.tolist()[:3]
            )
        course = state.optimizer_state
        return state._replace(optimizer_state=course._replace(factor=course.factor * jnp.asarray(self.factors)))

    def compile(self) -> None:
        if any(hook.measure is not None for hook in self.hooks):
            raise ArgumentError("hooks", "none that measure inside steps, for members", "one that does")
        alone = self.shares.alone
        self.members_program = members_train_program(self.network, self.likelihood, self.optimizer, self.average, alone)
        self.evaluation = members_evaluation_program(self.network, self.likelihood, alone)

    def active(self) -> NDArray[np.bool_]:
        """Return which members still learn."""
        running = ~self.stopped
        running[list(self.diverged)] = False
        return running

    def over(self) -> bool:
        return not self.active().any()

    @property
    def anneals(self) -> bool:
        return any(rule is not None and rule.anneal for rule in self.rules)

    def anneal(self) -> None:
        due = {m: epochs for m in np.flatnonzero(self.active()).tolist() if (epochs := self.annealing(m))}
        if not due:
            return
        states: TrainState = self.shares.joined(self.states)
        for member, epochs in due.items():
            best = jax.tree.map(lambda a, member=member: jnp.asarray(a[member]), self.best)
            course = falling(best.optimizer_state, epochs * self.batches.steps)

            def put(all_of: NDArray[Any], own: Any, member: int = member) -> None:
                all_of[member] = own

            jax.tree.map(put, states, best._replace(optimizer_state=course))
            self.falls[member] = [self.progress.epoch - 1, self.progress.epoch - 1 + epochs]
        self.states = jax.device_put(self.shares.split(states))

    def annealing(self, member: int) -> int:
        """Return for how many epochs a member's step size is to fall from now on; 0 while it is not time, or done."""
        rule = self.rules[member]
        if rule is None or self.falls[member]:
            return 0
        return rule.annealing(self.histories[member], self.last_epoch)

    def dispatch(self, on_device: Chunk) -> list[Future[Any]]:
        def run(part: range, state: TrainState, keys: Array, going: Any) -> tuple[Array, TrainState, ChunkResult]:
            first = np.array(state.step)
            own, common = own_weights(on_device.weight, self.shares.filled(part))
            after = self.members_program(state, on_device._replace(weight=common), own, keys, going)
            return first, *jax.block_until_ready(after)

        self.going = self.active()
        return self.shares.submit(run, self.states, self.keys, self.shares.awake(self.going))

    def count(self, chunk: Chunk, on_device: Chunk, under_way: list[Future[Any]]) -> None:
        progress, going = self.progress, self.going
        parts = [future.result() for future in under_way]
        self.states = [state for _, state, _ in parts]
        first = self.shares.joined([before for before, _, _ in parts])
        result: ChunkResult = self.shares.joined([found for _, _, found in parts])
        finite, step = (
            self.shares.joined([getattr(state, name) for state in self.states]) for name in ("finite", "step")
        )
        real = chunk.rows > 0
        for member in np.flatnonzero(going & ~(finite & result.settled)).tolist():
            self.lose(member, on_device, int(step[member] - first[member]))
        sums = {
            "loss": np.sum(np.asarray(result.loss, float) * chunk.rows, axis=1),
            "score": np.asarray(result.score, float).sum(axis=1),
            "counted": np.asarray(result.counted, float).sum(axis=1),
        }
        self.sums = {name: values + self.sums.get(name, 0.0) for name, values in sums.items()}
        progress.chunk += 1
        if result.learning_rate is not None:
            self.rates = np.asarray(result.learning_rate)[:, real][:, -1]
        losses = np.where(self.active()[:, None], result.loss[:, real], np.float32("nan"))
        if self.losses is not None:
            self.losses.append(losses)
        told = losses[self.active()].mean(axis=0) if self.active().any() else losses[0]
        done = min(progress.chunk * len(chunk.rows), self.batches.steps)
        for hook in self.hooks:
            hook.on_chunk_end(ChunkInfo(progress.epoch, done, self.batches.steps, told, None, (), ()))

    def lose(self, member: int, chunk: Chunk, applied: int) -> None:
        """Take a member that went to infinity out of the run, and keep in words where it did."""
        share, within = divmod(member, self.shares.size)
        at, key = jax.tree.map(lambda a: a[within], (self.states[share], self.keys[share]))
        weight = chunk.weight if np.ndim(chunk.weight) == 2 else chunk.weight[..., member]
        number, quantity = self.cause(at, key, chunk._replace(weight=weight), applied)
        error = DivergedError(self.progress.epoch, number, quantity, HINT)
        self.diverged[member] = str(error)
        if len(self.diverged) == len(self.seeds) and not any(self.best_epochs):
            error.members = self.diverged
            raise error
        if self.folds:
            fold = member % self.folds
            lost = [m in self.diverged and not self.best_epochs[m] for m in range(fold, len(self.seeds), self.folds)]
            if all(lost):
                raise DivergedError(
                    self.progress.epoch, number, f"{quantity} of every network of fold {fold + 1}", HINT
                )

    def end_epoch(self) -> None:
        progress, active = self.progress, self.active()
        began = time.perf_counter()
        kept = [self.kept_of(state) for state in self.states]
        found = {"train": (self.sums["loss"], self.sums["score"], self.sums["counted"], self.batches.rows)}
        for name, batches in self.sets.items():
            found[name] = (*self.evaluated(kept, batches, active), batches.rows)
        seconds = progress.seconds + time.perf_counter() - began
        lines = {}
        for m in np.flatnonzero(active).tolist():
            parts = {
                name: {"loss": float(loss[m]) / rows}
                | metric(self.likelihood, score[m], float(counted[m]), self.score_scale)
                for name, (loss, score, counted, rows) in found.items()
            }
            rate = None if self.rates is None else float(self.rates[m])
            lines[m] = self.line(parts, rate, seconds) | self.scored(kept, m)
            self.histories[m].append(lines[m])
        improved = [m for m, row in lines.items() if self.improves(m, row["epoch"])]
        self.keep(improved)
        if lines:
            progress.next_epoch(_mean_line(list(lines.values())))
        else:
            progress.epoch, progress.chunk = progress.epoch + 1, 0
        self.sums = {}
        if lines:
            self.tell("on_epoch_end", progress.history[-1])

    def scored(self, kept: list[tuple[Params, State]], member: int) -> dict[str, float]:
        """Return what a member is worth by scores that are not the network's own."""
        if not self.scores:
            return {}
        share, within = divmod(member, self.shares.size)
        params, state = jax.tree.map(lambda a: a[within], kept[share])
        return {name: float(score(params, state)) for name, score in self.scores.items()}

    def evaluated(
        self, kept: list[tuple[Params, State]], batches: Batches, active: NDArray[np.bool_]
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return each active member's loss times rows, sums of scores and counted rows on a set; zeros for others."""
        awake = self.shares.awake(active)

        def program(chunk: Chunk) -> Any:
            def run(part: range, arrays: tuple[Params, State], counts: Any) -> Any:
                own, common = own_weights(chunk.weight, self.shares.filled(part))
                return jax.block_until_ready(self.evaluation(*arrays, chunk._replace(weight=common), own, counts))

            return self.shares.joined(self.shares.each(run, kept, awake))

        return totals(program, batches)

    def improves(self, member: int, epoch: int) -> bool:
        """Note whether a member is at its best, and whether its patience is used up."""
        rule = self.rules[member]
        if rule is None:
            return False
        history, fall = self.histories[member], self.falls[member]
        ends = rule.fallen(history, *fall) if fall else rule.ends(history)
        self.stopped[member] = ends and not self.annealing(member)
        best = rule.best(history) == epoch
        if best:
            self.best_epochs[member] = epoch
        return best

    def keep(self, improved: list[int]) -> None:
        """Copy what members at their best hold: the next step takes over the state's memory."""
        for part, state in zip(self.shares.parts, self.states, strict=True):
            own = [m for m in improved if m in part]
            if own:

                def copy(best: NDArray[Any], now: Any, own: list[int] = own, first: int = part.start) -> None:
                    best[own] = np.asarray(now)[[m - first for m in own]]

                jax.tree.map(copy, self.best, self.worth_keeping(state))

    def final(self) -> tuple[Params, State, list[int]]:
        """Return every member's parameters, statistics and the epoch they are from."""
        params, state = self.shares.joined([self.kept_of(part) for part in self.states])
        epochs = [self.histories[m][-1]["epoch"] if self.histories[m] else 0 for m in range(len(self.seeds))]
        for member, best in enumerate(self.best_epochs):
            if best:

                def take(last: NDArray[Any], kept: NDArray[Any], member: int = member) -> None:
                    last[member] = kept[member]

                jax.tree.map(take, (params, state), self.kept_of_best())
                epochs[member] = best
        return params, state, epochs

    def save(self) -> None:
        if self.checkpoints is not None:
            self.progress.members = {
                "sums": {name: np.asarray(values).tolist() for name, values in self.sums.items()},
                "rates": None if self.rates is None else self.rates.tolist(),
                "histories": self.histories,
                "best_epochs": self.best_epochs,
                "falls": self.falls,
                "stopped": self.stopped.tolist(),
                "diverged": {str(m): words for m, words in self.diverged.items()},
            }
            number = (self.progress.epoch - 1) * self.batches.chunks_per_epoch + self.progress.chunk
            self.checkpoints.save(number, (self.shares.joined(self.states), self.best), self.progress)

    def read_progress(self) -> None:
        """Take up what :meth:`save` wrote."""
        told = self.progress.members
        self.sums = {name: np.asarray(values) for name, values in told["sums"].items()}
        if told["rates"] is not None:
            self.rates = np.asarray(told["rates"], np.float32)
        self.histories, self.best_epochs, self.falls = told["histories"], told["best_epochs"], told["falls"]
        self.stopped = np.asarray(told["stopped"], bool)
        self.diverged = {int(m): words for m, words in told["diverged"].items()}


def _mean_line(lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the line of an epoch for all members that learned in it: the mean of theirs.

    Example:
        >>> _mean_line([{"epoch": 2, "steps": 4, "train_loss": 1.0}, {"epoch": 2, "steps": 4, "train_loss": 2.0}])
        {'epoch': 2, 'steps': 4, 'train_loss': 1.5}
    """

    def mean(name: str, first: Any) -> Any:
        return float(np.mean([row[name] for row in lines])) if isinstance(first, float) else first

    return {name: mean(name, first) for name, first in lines[0].items()}
