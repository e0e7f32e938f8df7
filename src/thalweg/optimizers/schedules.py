"""Step-size schedules: how γ_t changes over a run, as a factor of the learning rate.

Each function takes the length of the run and of an epoch in steps, then its options, and returns a traceable function
from the step t = 0, 1, … to a factor; 1 is the learning rate the user gave. Stairs and cycles begin at whole steps,
compared as integers, so that no rounding moves them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from thalweg.core.validate import number

Step = Int[Array, ""]
Factor = Callable[[Step], Float[Array, ""]]


def constant(total_steps: int, steps_per_epoch: int) -> Factor:
    """γ_t = γ.

    Example:
        >>> float(constant(100, 10)(jnp.int32(50)))
        1.0
    """
    del total_steps, steps_per_epoch
    return lambda t: jnp.ones_like(_real(t))


def step(total_steps: int, steps_per_epoch: int, *, factor: float = 0.1, every: float | None = None) -> Factor:
    """γ_t = γ · factor^⌊t / every⌋: a staircase.

    Args:
        total_steps: length of the run.
        steps_per_epoch: length of an epoch.
        factor: fall at each stair, in (0, 1].
        every: length of a stair in epochs; a third of the run by default.

    Raises:
        ArgumentError: an option out of bounds.

    Example:
        >>> round(float(step(100, 10, every=5)(jnp.int32(50))), 6)
        0.1
    """
    fall = number("factor", factor, above=0, at_most=1)
    if every is None:
        length = max(1, math.ceil(total_steps / 3))
    else:
        length = max(1, round(number("every", every, above=0) * steps_per_epoch))
    return lambda t: jnp.exp(_real(t // length) * math.log(fall))


def exponential(total_steps: int, steps_per_epoch: int, *, factor: float = 0.9, staircase: bool = False) -> Factor:
    """γ_t = γ · factor^e, with e the epochs done, or the whole epochs done.

    Args:
        total_steps: length of the run.
        steps_per_epoch: length of an epoch.
        factor: fall over an epoch, in (0, 1].
        staircase: fall once an epoch in place of at each step.

    Raises:
        ArgumentError: ``factor`` out of bounds.

    Example:
        >>> round(float(exponential(100, 10)(jnp.int32(20))), 6)
        0.81
    """
    del total_steps
    rate = math.log(number("factor", factor, above=0, at_most=1))
    if staircase:
        return lambda t: jnp.exp(_real(t // steps_per_epoch) * rate)
    return lambda t: jnp.exp(_real(t) * (rate / steps_per_epoch))


def inverse_time(total_steps: int, steps_per_epoch: int, *, decay: float = 0.1) -> Factor:
    """γ_t = γ / (1 + decay · e), with e the epochs done.

    Meets the conditions of Robbins and Monro: Σ γ_t diverges, Σ γ_t² does not.

    Args:
        total_steps: length of the run.
        steps_per_epoch: length of an epoch.
        decay: at least 0; after 1/decay epochs the step size has halved.

    Raises:
        ArgumentError: ``decay`` out of bounds.

    Example:
        >>> float(inverse_time(100, 10, decay=1.0)(jnp.int32(10)))
        0.5
    """
    del total_steps
    rate = number("decay", decay, at_least=0) / steps_per_epoch
    return lambda t: 1 / (1 + _real(t) * rate)


def polynomial(total_steps: int, steps_per_epoch: int, *, power: float = 1.0, final: float = 0.0) -> Factor:
    """γ_t = γ · (final + (1 - final) (1 - t / T)^power).

    Args:
        total_steps: length T of the run.
        steps_per_epoch: length of an epoch.
        power: above 0; 1 is a straight line.
        final: where it ends, as a share of γ in [0, 1].

    Raises:
        ArgumentError: an option out of bounds.

    Example:
        >>> float(polynomial(100, 10, power=2)(jnp.int32(50)))
        0.25
    """
    del steps_per_epoch
    exponent, end = number("power", power, above=0), _share("final", final)
    return lambda t: end + (1 - end) * (1 - _progress(t, total_steps)) ** exponent


def cosine(total_steps: int, steps_per_epoch: int, *, final: float = 0.0) -> Factor:
    """γ_t = γ · (final + (1 - final) ½ (1 + cos πt/T)).

    Args:
        total_steps: length T of the run.
        steps_per_epoch: length of an epoch.
        final: where it ends, as a share of γ in [0, 1].

    Raises:
        ArgumentError: ``final`` out of bounds.

    Example:
        >>> round(float(cosine(100, 10)(jnp.int32(50))), 6)
        0.5

    Source: Loshchilov, Hutter, *SGDR: Stochastic Gradient Descent with Warm Restarts* (2017).
    """
    del steps_per_epoch
    end = _share("final", final)
    return lambda t: end + (1 - end) * _half_wave(_progress(t, total_steps))


def one_cycle(
    total_steps: int, steps_per_epoch: int, *, rise: float = 0.3, start: float = 0.04, final: float = 4e-6
) -> Factor:
    """γ_t rises from start · γ to γ over the first part of the run, then falls to final · γ, both along half a cosine.

    Args:
        total_steps: length of the run; the last step has the final value.
        steps_per_epoch: length of an epoch.
        rise: share of the run spent rising, in [0, 1).
        start: where it starts, as a share of γ in [0, 1].
        final: where it ends, as a share of γ in [0, 1].

    Raises:
        ArgumentError: an option out of bounds.

    Example:
        >>> schedule = one_cycle(101, 10, rise=0.5)
        >>> round(float(schedule(jnp.int32(0))), 6)
        0.04

    Source: Smith, Topin, *Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates* (2018).
    """
    del steps_per_epoch
    low, end = _share("start", start), _share("final", final)
    peak = max(0.0, number("rise", rise, at_least=0, below=1) * total_steps - 1)
    last = max(total_steps - 1, peak + 1e-3)

    def schedule(t: Step) -> Float[Array, ""]:
        rising = 1 + (low - 1) * _half_wave(_real(t) / peak) if peak else jnp.ones_like(_real(t))
        falling = end + (1 - end) * _half_wave(jnp.clip((_real(t) - peak) / (last - peak), 0, 1))
        return jnp.where(_real(t) < peak, rising, falling)

    return schedule


def restarts(
    total_steps: int, steps_per_epoch: int, *, period: float = 1.0, growth: int = 2, final: float = 0.0
) -> Factor:
    """Cosine cycles, each starting again from γ.

    γ_t = γ · (final + (1 - final) ½ (1 + cos πu)), with u the share of the cycle that is done.

    Args:
        total_steps: length of the run.
        steps_per_epoch: length of an epoch.
        period: length of the first cycle in epochs.
        growth: each cycle is this many times as long as the last one; a whole number of at least 1.
        final: where a cycle ends, as a share of γ in [0, 1].

    Raises:
        ArgumentError: an option out of bounds.

    Example:
        >>> schedule = restarts(70, 10)  # cycles of 10, 20 and 40 steps
        >>> [round(float(schedule(jnp.int32(t))), 3) for t in (0, 5, 10, 20, 30)]
        [1.0, 0.5, 1.0, 0.5, 1.0]

    Source: Loshchilov, Hutter, *SGDR: Stochastic Gradient Descent with Warm Restarts* (2017).
    """
    end = _share("final", final)
    first = max(1, round(number("period", period, above=0) * steps_per_epoch))
    times = number("growth", growth, at_least=1, integer=True)

    def schedule(t: Step) -> Float[Array, ""]:
        if times == 1:
            done, length = t % first, first
        else:
            done, length = t, jnp.full_like(t, first)
            start, cycle = first, first
            while start < total_steps:  # few turns: cycles grow geometrically
                done = jnp.where(t >= start, t - start, done)
                cycle *= times
                length = jnp.where(t >= start, cycle, length)
                start += cycle
        return end + (1 - end) * _half_wave(jnp.minimum(_real(done) / length, 1))

    return schedule


def _real(t: Step) -> Float[Array, ""]:
    return jnp.asarray(t, jnp.result_type(float))


def _progress(t: Step, total_steps: int) -> Float[Array, ""]:
    return jnp.minimum(_real(t) / total_steps, 1)


def _half_wave(share: Float[Array, ""]) -> Float[Array, ""]:
    """Return ½ (1 + cos πu): from 1 at u = 0 to 0 at u = 1."""
    return 0.5 * (1 + jnp.cos(math.pi * share))


def _share(argument: str, value: float) -> float:
    return float(number(argument, value, at_least=0, at_most=1))
