"""Optimizers: update rules, schedules and penalties, over Optax and in its form."""

from thalweg.optimizers.averaging import update_average
from thalweg.optimizers.groups import with_step_factors
from thalweg.optimizers.make import make_optimizer
from thalweg.optimizers.optimizer import Optimizer, OptimizerState, Scales, falling, rescaled, steps_of
from thalweg.optimizers.packing import packed
from thalweg.optimizers.registry import OPTIMIZERS, SCHEDULES, optimizer_options, schedule_options
from thalweg.optimizers.step_size import make_step_size

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "Optimizer",
    "OptimizerState",
    "Scales",
    "falling",
    "make_optimizer",
    "make_step_size",
    "optimizer_options",
    "packed",
    "rescaled",
    "schedule_options",
    "steps_of",
    "update_average",
    "with_step_factors",
]
