"""Plans for the same rows trained together: those whose networks have the same shapes in one program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from thalweg.core.errors import DivergedError
from thalweg.network import Dense, Dropout, Layer, Network, sequence
from thalweg.network.sequence import Layers
from thalweg.optimizers import OPTIMIZERS
from thalweg.recipes.choices import choose_optimizer
from thalweg.recipes.plan import Plan, train_plan
from thalweg.training import Checkpoints, Hook, Own, Trained, TrainedMembers, train_members
from thalweg.training.loop import keys_of
from thalweg.training.state import TrainState, initial_params

NUMBERS = {"learning_rate", "weight_decay", "l1", "l2", "dropout", "initializer", "patience"}
"""Settings in which networks of one program may differ: numbers of their state, starting weights, when they end."""


def alike(one: Plan, other: Plan) -> bool:
    """Return whether two plans can share a program: they differ in the numbers of their networks' states at most."""
    return (
        one.tables is other.tables
        and one.encoder is other.encoder
        and one.train.batch_size == other.train.batch_size
        and one.likelihood == other.likelihood
        and _plain(one.network.layers) == _plain(other.network.layers)
        and not OPTIMIZERS[one.config.optimizer].full_batch
        and one.config.model_dump(exclude=NUMBERS) == other.config.model_dump(exclude=NUMBERS)
    )


def groups(plans: Sequence[Plan]) -> list[list[int]]:
    """Return the places of the plans that can be trained together, group by group; some groups have one."""
    found: list[list[int]] = []
    for place, plan in enumerate(plans):
        group = next((group for group in found if alike(plans[group[0]], plan)), None)
        if group is None:
            found.append([place])
        else:
            group.append(place)
    return found


def train_together(
    plans: Sequence[Plan], hooks: Sequence[Hook] = (), checkpoints: Checkpoints | None = None
) -> list[Trained | str]:
    """Train plans that are :func:`alike`, each as `thalweg.recipes.plan.train_plan` would alone but for test rows.

    Args:
        plans: one group of :func:`groups`.
        hooks: follow the training, with means over the networks.
        checkpoints: where the state is kept.

    Returns:
        For each plan what its training left, or where it diverged, in words.
    """
    first = plans[0]
    try:
        if len(plans) == 1:
            return [train_plan(first, hooks, checkpoints, test=None)]
        network = next((plan.network for plan in plans if plan.config.dropout), first.network)
        optimizer = first.optimizer
        if len({plan.optimizer.scales for plan in plans}) > 1:
            # The program decays and penalizes where any of them does; the others have zeros for it.
            strongest = {name: max(plan.settings.get(name, 0.0) for plan in plans) for name in _STRENGTHS}
            steps = first.train.steps
            optimizer = choose_optimizer(first.config.model_copy(update=strongest), steps, network.step_factors())
        key, _ = keys_of(first.config.seed)
        own = [_own(plan, network, key) for plan in plans]
        trained = train_members(
            network,
            first.likelihood,
            first.train,
            optimizer,
            epochs=first.config.epochs,
            seeds=[first.config.seed] * len(plans),
            own=own,
            validation=first.validation,
            average=first.config.ema,
            score_scale=first.encoder.target_scale,
            hooks=hooks,
            checkpoints=checkpoints,
        )
    except DivergedError as error:
        return [error.members.get(member, str(error)) for member in range(len(plans))]
    return [trained.diverged.get(m) or _alone(trained, m, plan, network) for m, plan in enumerate(plans)]


def _own(plan: Plan, network: Network, key: Array) -> Own:
    params, state = plan.start or (initial_params(plan.network, plan.likelihood, plan.train, key), None)
    return Own(
        _carried(params, plan.network.layers, network.layers),
        plan.optimizer.scales,
        plan.config.dropout,
        plan.stopping,
        None if state is None else _carried(state, plan.network.layers, network.layers),
    )


_STRENGTHS = ("weight_decay", "l1", "l2")


def _alone(together: TrainedMembers, member: int, plan: Plan, network: Network) -> Trained:
    params, state = (_carried(part, network.layers, plan.network.layers) for part in together.member(member))
    params = jax.tree.map(jnp.asarray, params)
    last = TrainState(params, state, (), (), jnp.int32(0), jnp.ones((), bool))
    return Trained(params, state, together.histories[member], together.epochs[member], together.status, last)


def _plain(layers: Layers) -> Layers:
    """Return layers without dropout, and without what decides starting weights alone."""
    return tuple(_bare(layer) for layer in layers if not isinstance(layer, Dropout))


def _bare(layer: Layer) -> Layer:
    return Dense(layer.units) if isinstance(layer, Dense) else layer.mapped(_plain)


def _carried(tree: Any, source: Layers, target: Layers) -> Any:
    """Return parameters or state of layers as those of others, which have dropout elsewhere."""
    parts: Iterator[tuple[Layer, Any]] = (
        pair for pair in zip(source, tree, strict=True) if not isinstance(pair[0], Dropout)
    )

    def carried(layer: Layer) -> Any:
        if isinstance(layer, Dropout):
            return {}
        own, part = next(parts)
        if not layer.inside:
            return part
        among = iter(own.inside.values())
        return sequence.inside(layer, lambda layers, piece: _carried(piece, next(among), layers), part)

    return tuple(carried(layer) for layer in target)
