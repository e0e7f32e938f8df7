"""Members of an ensemble over the processors: programs that run many, and threads that run such programs side by side.

On the CPU a member's steps of a chunk run one after another with products on one thread, while another thread does the
same with other members: parameters and moments stay in a core's cache, and no product waits for a second core
(measured in docs/decisions/members.md). Tiny members are packed. On an accelerator all members advance together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from thalweg.core.processors import processors
from thalweg.core.types import Params, State
from thalweg.core.validate import number
from thalweg.data.batches import Chunk
from thalweg.likelihoods import Likelihood
from thalweg.network import Network
from thalweg.optimizers import Optimizer, steps_of
from thalweg.training.state import TrainState
from thalweg.training.step import ChunkResult, chunk_steps, compiler_options, evaluation_steps

MembersTrain = Callable[[TrainState, Chunk, Any, Array, Any], tuple[TrainState, ChunkResult]]
MembersEvaluate = Callable[[Params, State, Chunk, Any, Any], tuple[Array, Array, Array]]


ABREAST = 4096
"""Members with no more parameters than this in all are packed: a third of the time for 10-16-1."""


class Shares:
    """Members in parts of equal size, a thread for each: so all parts run the same compiled programs.

    Where members do not divide, the last part is filled with copies of the last member, which rest: they advance in
    no step, and nothing of them is kept.

    Attributes:
        parts: numbers of the members of each part, none twice.
        size: members of a part, those at rest included.

    Args:
        members: M.
        threads: parts at most; by default one for each processor that this process may use, and a single part on an
            accelerator.

    Example:
        >>> shares = Shares(5, threads=2)
        >>> [list(part) for part in shares.parts]
        [[0, 1, 2], [3, 4]]
        >>> [part.tolist() for part in shares.split(np.arange(5))]
        [[0, 1, 2], [3, 4, 4]]
        >>> shares.joined(shares.split(np.arange(5))).tolist()
        [0, 1, 2, 3, 4]
        >>> [part.tolist() for part in shares.awake(np.array([True, False, True, True, True]))]
        [[True, False, True], [True, True, False]]
        >>> shares.each(lambda part: len(part))
        [3, 2]
        >>> shares.close()
    """

    def __init__(self, members: int, threads: int | None = None) -> None:
        if threads is None:
            threads = processors() if jax.default_backend() == "cpu" else 1
        threads = number("threads", threads, at_least=1, integer=True)
        self.size = -(-members // threads)
        self.parts = [range(first, min(first + self.size, members)) for first in range(0, members, self.size)]
        self._pool = ThreadPoolExecutor(len(self.parts), "members")

    def submit(self, function: Callable[..., Any], *arguments: Sequence[Any]) -> list[Future[Any]]:
        """Start the function for every part, with its part and its own of each of the arguments."""
        return [self._pool.submit(function, *own) for own in zip(self.parts, *arguments, strict=True)]

    def each(self, function: Callable[..., Any], *arguments: Sequence[Any]) -> list[Any]:
        """Return what the function gives for every part."""
        return [future.result() for future in self.submit(function, *arguments)]

    def split(self, tree: Any) -> list[Any]:
        """Return arrays with a leading axis of members part by part, filled with those at rest."""
        return [jax.tree.map(lambda a, own=own: np.asarray(a)[own], tree) for own in map(self.filled, self.parts)]

    def joined(self, trees: Sequence[Any]) -> Any:
        """Return the parts' arrays as one, in NumPy, without those at rest."""
        members = self.parts[-1].stop
        return jax.tree.map(lambda *leaves: np.concatenate([np.asarray(leaf) for leaf in leaves])[:members], *trees)

    def filled(self, part: range) -> list[int]:
        """Return the numbers of a part's members, the last one again for each at rest."""
        return [*part, *[part[-1]] * (self.size - len(part))]

    def awake(self, active: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
        """Return part by part which members advance: of those that are active, none at rest."""
        return [np.append(active[part], np.zeros(self.size - len(part), bool)) for part in self.parts]

    @property
    def alone(self) -> bool:
        """Whether the parts share the processors, so that each has one."""
        return len(self.parts) > 1

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()


def own_weights(weight: Any, members: Sequence[int]) -> tuple[Any, Any]:
    """Return the weights of some members (members, S, B), None where all have the same, and (S, B) weights.

    Example:
        >>> own, common = own_weights(np.zeros((7, 8, 5)), [0, 1])
        >>> own.shape, common.shape
        ((2, 7, 8), (7, 8))
    """
    if np.ndim(weight) == 2:
        return None, weight
    return np.ascontiguousarray(np.moveaxis(np.asarray(weight)[..., members], -1, 0)), weight[..., 0]


def members_train_program(
    network: Network, likelihood: Likelihood, optimizer: Optimizer, average: float, alone: bool
) -> MembersTrain:
    """Return the program (states, chunk, weights, keys, active) ↦ (states, results), all but the chunk a row a member.

    Args:
        network: the network of one member.
        likelihood: of one member.
        optimizer: gives the updates.
        average: decay of the moving average of θ, 0 for none.
        alone: run on one thread.

    Returns:
        The jitted program; it consumes (donates) the states. Members that are not active stay as they are.
    """
    return _members_train_program(network, likelihood, steps_of(optimizer), average, alone)


@lru_cache(maxsize=64)
def _members_train_program(
    network: Network, likelihood: Likelihood, optimizer: Optimizer, average: float, alone: bool
) -> MembersTrain:
    steps = chunk_steps(network, likelihood, optimizer, average)

    def run(
        states: TrainState, chunk: Chunk, weights: Array | None, keys: Array, active: Array
    ) -> tuple[TrainState, ChunkResult]:
        def one(member: tuple[TrainState, Array | None, Array, Array]) -> tuple[TrainState, ChunkResult]:
            state, weight, key, goes_on = member
            own = chunk if weight is None else chunk._replace(weight=weight)

            def go_on() -> tuple[TrainState, ChunkResult]:
                return steps(state, own, key)

            after: tuple[TrainState, ChunkResult] = jax.lax.cond(goes_on, go_on, lambda: (state, _zeros(go_on)[1]))
            return after

        after: tuple[TrainState, ChunkResult] = _over_members(one, (states, weights, keys, active), states.params)
        return after

    program: MembersTrain = jax.jit(run, donate_argnums=0, compiler_options=_options(alone))
    return program


@lru_cache(maxsize=64)
def members_evaluation_program(network: Network, likelihood: Likelihood, alone: bool) -> MembersEvaluate:
    """Return the program (θ, state, chunk, weights, active) ↦ losses, score sums, rows counted, each (members, S, …).

    Minibatches in which no row of a member has weight are left out for it; members that are not active get zeros.
    """
    whole, sparse = (evaluation_steps(network, likelihood, sparse=sparse) for sparse in (False, True))

    def run(
        params: Params, state: State, chunk: Chunk, weights: Array | None, active: Array
    ) -> tuple[Array, Array, Array]:
        def one(member: tuple[Params, State, Array | None, Array]) -> tuple[Array, Array, Array]:
            params, state, weight, counts = member

            def sums() -> tuple[Array, Array, Array]:
                if weight is None:
                    return whole(params, state, chunk)
                return sparse(params, state, chunk._replace(weight=weight))

            found: tuple[Array, Array, Array] = jax.lax.cond(counts, sums, lambda: _zeros(sums))
            return found

        return cast("tuple[Array, Array, Array]", _over_members(one, (params, state, weights, active), params))

    program: MembersEvaluate = jax.jit(run, compiler_options=_options(alone))
    return program


def _zeros(function: Callable[[], Any]) -> Any:
    """Return zeros of the shapes that a function would return."""
    return jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), jax.eval_shape(function))


def _over_members(function: Callable[[Any], Any], members: Any, params: Params) -> Any:
    if jax.default_backend() != "cpu":
        return jax.vmap(function)(members)
    together = abreast(params)
    return jax.lax.map(function, members, batch_size=together if together > 1 else None)


def abreast(params: Params) -> int:
    """Return how many members advance step by step together on one thread: tiny ones, which then share the overhead.

    Example:
        >>> abreast({"weight": np.zeros((6, 32, 32))}), abreast({"weight": np.zeros((6, 128, 128))})
        (3, 1)
    """
    members = len(jax.tree.leaves(params)[0])
    size = sum(leaf.size for leaf in jax.tree.leaves(params)) // members
    return max(d for d in range(1, members + 1) if members % d == 0 and (d == 1 or d * size <= ABREAST))


def _options(alone: bool) -> dict[str, Any] | None:
    options: dict[str, Any] | None = compiler_options()
    return options if options is None or not alone else options | {"xla_cpu_multi_thread_eigen": False}
