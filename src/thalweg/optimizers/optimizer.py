"""The optimizer that a training loop sees: limits, penalties, step size and update rule as one pure step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from thalweg.core.errors import ArgumentError
from thalweg.core.types import Params
from thalweg.optimizers.penalties import Penalties
from thalweg.optimizers.rule import Rule, Scalar
from thalweg.optimizers.step_size import StepSize


class OptimizerState(NamedTuple):
    """What an optimizer carries from step to step: a pytree of arrays.

    Attributes:
        step: number of updates made so far.
        factor: multiplies the step size: its peak, times that of a member of an ensemble.
        decay: multiplies the weight decay.
        l1: multiplies the penalty on absolute values.
        l2: multiplies the penalty on squares.
        fall: steps over which the step size falls to 0 from ``fall_start`` on; 0 where it does not.
        fall_start: number of the update with which it begins to fall.
        rule: state of the update rule.
        plateau: state of the ``plateau`` schedule, ``()`` for the others.
    """

    step: Int[Array, ""]
    factor: Scalar
    decay: Scalar
    l1: Scalar
    l2: Scalar
    fall: Int[Array, ""]
    fall_start: Int[Array, ""]
    rule: Any
    plateau: Any


class Scales(NamedTuple):
    """Numbers of the state that an optimizer starts with; on all else its program of steps may depend.

    Attributes:
        learning_rate: peak of the step size.
        weight_decay: decoupled weight decay.
        l1: penalty on absolute values.
        l2: penalty on squares.
    """

    learning_rate: float = 1.0
    weight_decay: float = 1.0
    l1: float = 1.0
    l2: float = 1.0


class OptimizerUpdate(Protocol):
    """The second half of an :class:`Optimizer`, with Optax's signature."""

    def __call__(
        self,
        grads: Params,
        state: OptimizerState,
        params: Params,
        *,
        value: Float[Array, ""] | None = None,
        grad: Params = None,
        value_fn: Callable[[Params], Float[Array, ""]] | None = None,
        **extra: Any,
    ) -> tuple[Params, OptimizerState]:
        """Return the update Δθ, to be added to the parameters, and the new state.

        Args:
            grads: gradient of the mean cost at ``gradient_point(params, state)``.
            state: what ``init`` or the last call returned.
            params: θ.
            value: mean cost at the same point; needed by the ``plateau`` schedule and by L-BFGS.
            grad: the gradient again, as Optax's line searches name it; ``grads`` is used in any case.
            value_fn: θ → mean cost on the same examples; needed by L-BFGS.
            extra: passed on to an Optax transformation.
        """


class Optimizer(NamedTuple):
    """An optimizer: Optax's ``init`` and ``update``, and what a training loop wants to know beyond them.

    Attributes:
        init: parameters → state.
        update: see :class:`OptimizerUpdate`.
        learning_rate: (step, state) → γ_t, the reductions of ``plateau`` included; ``None`` where no single step size
            exists (L-BFGS, an Optax transformation of one's own).
        gradient_point: (parameters, state) → where the gradient is to be taken: θ, or θ + β Δθ for Nesterov.
        full_batch: true if each step needs the gradient of the whole set.
        stability: the γλ above which steps diverge on a parabola of curvature λ, ``None`` where there is none.
        scales: peak of the step size, weight decay and penalties, the factors of the states that it starts with.
    """

    init: Callable[[Params], OptimizerState]
    update: OptimizerUpdate
    learning_rate: Callable[[Int[Array, ""], OptimizerState], Scalar | None]
    gradient_point: Callable[[Params, OptimizerState], Params]
    full_batch: bool = False
    stability: float | None = None
    scales: Scales = Scales()

    def rescaled(self, state: OptimizerState) -> OptimizerState:
        """Return a state, of this optimizer or of one of other scales, with the scales of this one."""
        return rescaled(state, *self.scales)


def rescaled(state: OptimizerState, learning_rate: Any, weight_decay: Any, l1: Any, l2: Any) -> OptimizerState:
    """Return a state with other scales: numbers, or of members side by side one each."""
    factor, decay, l1, l2 = (jnp.asarray(v, jnp.result_type(float)) for v in (learning_rate, weight_decay, l1, l2))
    return state._replace(factor=factor, decay=decay, l1=l1, l2=l2, fall=jnp.zeros_like(state.fall))


def falling(state: OptimizerState, steps: Any) -> OptimizerState:
    """Return a state in which the step size falls from now on, in a straight line, and is 0 after so many steps."""
    return state._replace(fall=jnp.full_like(state.fall, steps), fall_start=jnp.array(state.step))


def scaled(optimizer: Optimizer, scales: Scales) -> Optimizer:
    """Return the optimizer with its step size, weight decay and penalties multiplied.

    They are numbers of the state that it starts with, so that optimizers which differ in them alone make the same
    program: to try another step size compiles nothing.
    """
    own = optimizer._replace(scales=scales)
    return own._replace(init=lambda params: own.rescaled(optimizer.init(params)))


def steps_of(optimizer: Optimizer) -> Optimizer:
    """Return the optimizer without its start: what a program of steps depends on."""
    return optimizer._replace(init=_no_start, scales=Scales())


def _no_start(params: Params) -> OptimizerState:
    raise TypeError("a program of steps does not start an optimizer")


def assemble(rule: Rule, step_size: StepSize | None, penalties: Penalties, *, full_batch: bool = False) -> Optimizer:
    """Return the optimizer of a rule.

    Args:
        rule: the update rule.
        step_size: γ_t, or ``None`` for a rule with a step size of its own.
        penalties: limits and penalties on the gradient, decay of the weights.
        full_batch: true if each step needs the gradient of the whole set.

    Example:
        >>> from thalweg.optimizers.momentum import sgd
        >>> from thalweg.optimizers.step_size import make_step_size
        >>> step_size = make_step_size(0.5, total_steps=1, steps_per_epoch=1)
        >>> optimizer, theta = assemble(sgd(), step_size, Penalties()), jnp.ones(1)
        >>> updates, state = optimizer.update(theta, optimizer.init(theta), theta)
        >>> float(updates[0]), int(state.step)
        (-0.5, 1)
    """
    plateau = step_size.plateau if step_size else None

    def init(params: Params) -> OptimizerState:
        one, zero = jnp.ones((), jnp.result_type(float)), jnp.zeros((), jnp.int32)
        course = plateau.init(params) if plateau is not None else ()
        return OptimizerState(zero, one, one, one, one, zero, zero, rule.init(params), course)

    def learning_rate(step: Int[Array, ""], state: OptimizerState) -> Scalar | None:
        if step_size is None:
            return None
        done = (step - state.fall_start) / jnp.maximum(state.fall, 1)
        left = jnp.where(state.fall > 0, jnp.clip(1 - done, 0, 1), 1)
        rate = step_size.planned(step) * state.factor * left.astype(state.factor.dtype)
        return rate if plateau is None else rate * state.plateau.scale.astype(rate.dtype)

    def gradient_point(params: Params, state: OptimizerState) -> Params:
        return params if rule.gradient_point is None else rule.gradient_point(params, state.rule)

    def update(
        grads: Params,
        state: OptimizerState,
        params: Params,
        *,
        value: Float[Array, ""] | None = None,
        grad: Params = None,
        value_fn: Callable[[Params], Float[Array, ""]] | None = None,
        **extra: Any,
    ) -> tuple[Params, OptimizerState]:
        del grad  # the same as grads, before limits and penalties
        rate = learning_rate(state.step, state)
        point = gradient_point(params, state)
        added = penalties.times(state.l1, state.l2)
        grads = added.gradient(grads, point)
        if step_size is None:
            extra |= {
                "value": added.value(value, point),
                "grad": grads,
                "value_fn": added.value_function(value_fn),
            }
        updates, rule_state = rule.update(
            grads,
            state.rule,
            params,
            step=state.step,
            learning_rate=rate if rate is not None else jnp.ones(()),
            **extra,
        )
        if rate is not None:
            updates = penalties.decay(updates, params, rate * state.decay)
        plateau_state = state.plateau
        if plateau is not None:
            if value is None:
                raise ArgumentError("value", "the mean cost, for the schedule 'plateau'", "None")
            _, plateau_state = plateau.update((), state.plateau, value=value)
        step = optax.safe_increment(state.step)
        return updates, state._replace(step=step, rule=rule_state, plateau=plateau_state)

    return Optimizer(init, update, learning_rate, gradient_point, full_batch, rule.stability)
