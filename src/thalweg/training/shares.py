"""Members of an ensemble over the processors: programs that run many, and threads that run such programs side by side.

On the CPU a member's steps of a chunk run one after another with products on one thread, while another thread does the
same with other members: parameters and moments stay in a core's cache, and no product waits for a second core
(measured in docs/decisions/members.md). Tiny members are packed. On an accelerator all members advance together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

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
MembersEvaluate = Callable[[Params, State, Chunk, Any], tuple[Array, Array, Array]]


ABREAST = 4096
"""Members with no more parameters than this in all are packed: a third of the time for 10-16-1."""


class Shares:
    """Members in parts of nearly equal size, a thread for each.

    Args:
        members: M.
        threads: parts at most; by default one for each processor that this process may use, and a single part on an
            accelerator.

    Example:
        >>> shares = Shares(5, threads=2)
        >>> [(part.start, part.stop) for part in shares.parts]
        [(0, 3), (3, 5)]
        >>> shares.each(lambda part: part.stop)
        [3, 5]
        >>> shares.close()
    """

    def __init__(self, members: int, threads: int | None = None) -> None:
        if threads is None:
            threads = processors() if jax.default_backend() == "cpu" else 1
        threads = number("threads", threads, at_least=1, integer=True)
        ends = np.cumsum([len(part) for part in np.array_split(np.arange(members), min(members, threads))]).tolist()
        self.parts = [slice(first, last) for first, last in zip([0, *ends[:-1]], ends, strict=True)]
        self._pool = ThreadPoolExecutor(len(self.parts), "members")

    def submit(self, function: Callable[..., Any], *arguments: Sequence[Any]) -> list[Future[Any]]:
        """Start the function for every part, with its part and its own of each of the arguments."""
        return [self._pool.submit(function, *own) for own in zip(self.parts, *arguments, strict=True)]

    def each(self, function: Callable[..., Any], *arguments: Sequence[Any]) -> list[Any]:
        """Return what the function gives for every part."""
        return [future.result() for future in self.submit(function, *arguments)]

    def split(self, tree: Any) -> list[Any]:
        """Return arrays with a leading axis of members part by part."""
        return [jax.tree.map(lambda a, part=part: np.asarray(a)[part], tree) for part in self.parts]

    @staticmethod
    def joined(trees: Sequence[Any]) -> Any:
        """Return the parts' arrays as one, in NumPy."""
        return jax.tree.map(lambda *leaves: np.concatenate([np.asarray(leaf) for leaf in leaves]), *trees)

    @property
    def alone(self) -> bool:
        """Whether the parts share the processors, so that each has one."""
        return len(self.parts) > 1

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()


def own_weights(weight: Any, part: slice) -> tuple[Any, Any]:
    """Return the weights of a part's members (members, S, B), None where all have the same, and (S, B) weights.

    Example:
        >>> own, common = own_weights(np.zeros((7, 8, 5)), slice(0, 2))
        >>> own.shape, common.shape
        ((2, 7, 8), (7, 8))
    """
    if np.ndim(weight) == 2:
        return None, weight
    return np.ascontiguousarray(np.moveaxis(np.asarray(weight)[..., part], -1, 0)), weight[..., 0]


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
            nothing = jax.eval_shape(lambda: steps(state, own, key)[1])

            def rest() -> tuple[TrainState, ChunkResult]:
                return state, jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), nothing)

            after: tuple[TrainState, ChunkResult] = jax.lax.cond(goes_on, lambda: steps(state, own, key), rest)
            return after

        after: tuple[TrainState, ChunkResult] = _over_members(one, (states, weights, keys, active), states.params)
        return after

    program: MembersTrain = jax.jit(run, donate_argnums=0, compiler_options=_options(alone))
    return program


@lru_cache(maxsize=64)
def members_evaluation_program(network: Network, likelihood: Likelihood, alone: bool) -> MembersEvaluate:
    """Return the program (θ, state, chunk, weights) ↦ losses, score sums and counted rows, each (members, S, …).

    Minibatches in which no row of a member has weight are left out for it.
    """
    whole, sparse = (evaluation_steps(network, likelihood, sparse=sparse) for sparse in (False, True))

    def run(params: Params, state: State, chunk: Chunk, weights: Array | None) -> tuple[Array, Array, Array]:
        def one(member: tuple[Params, State, Array | None]) -> tuple[Array, Array, Array]:
            params, state, weight = member
            if weight is None:
                return whole(params, state, chunk)
            return sparse(params, state, chunk._replace(weight=weight))

        sums: tuple[Array, Array, Array] = _over_members(one, (params, state, weights), params)
        return sums

    program: MembersEvaluate = jax.jit(run, compiler_options=_options(alone))
    return program


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
