"""The parameters of the estimators: the settings of `thalweg.recipes`, and a few that only Python can give."""

from __future__ import annotations

import dataclasses
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from thalweg.core.validate import number
from thalweg.likelihoods import Likelihood
from thalweg.recipes.config import RunConfig, make_config

Class = TypeVar("Class", bound=type)

OWN = {
    "random_state": "Seed of starting weights, order, split and noise: a number gives the same bits again; None "
    "another fit each time; a NumPy generator is drawn from.",
    "scoring": "What early stopping watches in place of the loss: the name of a scikit-learn scorer, or a function "
    "(estimator, X, y) to a number that should be large.",
    "warm_start": "Whether a further fit goes on from the one before: its weights, optimizer, encoder and history.",
    "callbacks": "Hooks of `thalweg.training`, or functions of an epoch's line, a dictionary; one that returns True "
    "ends training.",
    "class_weight": "Weight of each class: a dictionary, or 'balanced' for N/(C N_c), with which each class counts as "
    "much as any other; of several labels the weight of a label where it holds.",
    "folds": "Folds of cross-validation, trained at once: each network holds one out, all together answer; 0 for none. "
    "It gives ``oof_prediction_`` and ``oof_score_``.",
    "classes": "Classes in their order, for ordinal; by default that of an ordered category, else sorted.",
}
"""Parameters that are no settings, or mean more than the setting of that name."""

IN_PYTHON = {
    "hidden": "Widths of the hidden layers; () for a linear model.",
    "activation": "Activation of the hidden layers, or one for each.",
    "likelihood": "Distribution of the target, which gives the loss: a name or a likelihood object.",
    "likelihood_options": "Options of the likelihood by name.",
    "columns": "What columns are, by name: number, levels, date, dmy, mdy or ignore; the others are inferred.",
    "schedule_options": "Options of the schedule by name.",
    "optimizer_options": "Options of the update rule by name.",
}
"""Settings that are written otherwise in Python than on the command line."""

NOT_PARAMETERS = {
    "data",
    "task",
    "target",
    "test",
    "out",
    "checkpoint_seconds",
    "threads",
    "stream",
    "cache",
    "diagnose",
    "start",
}
"""Settings that `fit` is given, or that belong to a run's folder or process."""

RENAMED = {"random_state": "seed", "folds": "cv"}
"""Parameters with another name than their setting: scikit-learn's, or not scikit-learn's where it means more by it."""


def settings_of(estimator: Any) -> dict[str, Any]:
    """Return the settings among an estimator's parameters, in plain Python types; unset ones are left out."""
    given = {
        name: plain_value(getattr(estimator, name))
        for name in parameter_names(type(estimator))
        if name in RunConfig.model_fields and name not in OWN and getattr(estimator, name) is not None
    }
    if isinstance(given.get("likelihood"), Likelihood):
        options = given["likelihood"].to_dict()
        given |= {
            "likelihood": options.pop("name"),
            "likelihood_options": options | given.get("likelihood_options", {}),
        }
    return given


def config_of(estimator: Any, seed: int, **settings: Any) -> RunConfig:
    """Return an estimator's settings, checked.

    Args:
        estimator: with the parameters.
        seed: drawn from its ``random_state``.
        settings: others that win over its own.

    Raises:
        ArgumentError: a parameter that cannot be used.
    """
    more = {"data": "X", "test": "none", "seed": seed}
    if getattr(estimator, "folds", None) is not None:
        more["cv"] = plain_value(estimator.folds)
    return make_config(settings_of(estimator) | more | settings)


def seed_of(random_state: Any) -> int:
    """Return a seed for a ``random_state``: itself, or one drawn from a generator, or another at each call for None.

    Raises:
        ArgumentError: anything else.
    """
    if random_state is None:
        return int(np.random.default_rng().integers(2**32))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**32, dtype=np.uint32))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**32))
    return int(number("random_state", random_state, at_least=0, below=2**32, integer=True))


def parameter_names(kind: type) -> list[str]:
    """Return the names of an estimator's parameters, in the order of its signature."""
    return [field.name for field in dataclasses.fields(kind)]


def documented(**words: str) -> Callable[[Class], Class]:
    """Return a decorator that describes an estimator's parameters in its docstring, in the words of the settings.

    Args:
        words: what to say of parameters that mean something else here.
    """

    def describe(kind: Class) -> Class:
        lines = []
        for name in parameter_names(kind):
            text = (OWN | IN_PYTHON | words).get(name) or str(RunConfig.model_fields[name].description)
            lines.append(textwrap.fill(f"{name}: {text}", 116, initial_indent="    ", subsequent_indent="        "))
        head, example = inspect.cleandoc(str(kind.__doc__)).split("Example:")
        kind.__doc__ = "\n".join([head + "Args:", *lines, "", f"Example:{example}"])
        return kind

    return describe


def plain_value(value: Any) -> Any:
    """Return what a search over parameters may give, NumPy's numbers and arrays, in Python's own types."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, Mapping):
        return {name: plain_value(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(item) for item in value]
    return value


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class Parameters:
    """What all estimators have; a dataclass, so that editors and type checkers see the names, types and defaults."""

    hidden: Sequence[int] | int | None = None
    activation: str | Sequence[str] | None = None
    normalization: str | None = None
    residual: bool | None = None
    dropout: float | None = None
    initializer: str | None = None
    likelihood: str | Likelihood = "auto"
    likelihood_options: Mapping[str, Any] | None = None
    optimizer: str | None = None
    learning_rate: float | str | None = None
    schedule: str | None = None
    schedule_options: Mapping[str, float] | None = None
    optimizer_options: Mapping[str, float] | None = None
    warmup: float | None = None
    momentum: float | None = None
    weight_decay: float | None = None
    l1: float | None = None
    l2: float | None = None
    clip_norm: float | None = None
    clip_value: float | None = None
    ema: float | None = None
    input_noise: float | None = None
    epochs: int | None = None
    batch_size: int | None = None
    full_batch: bool = False
    validation: float | None = None
    patience: int | None = None
    anneal: float | None = None
    standardize: bool | None = None
    callbacks: Sequence[Callable[..., Any] | Any] = ()
    random_state: Any = 0
