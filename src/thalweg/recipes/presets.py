"""Presets: settings that are filled in where the user gave none, by the size and kind of the data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from thalweg.data.encode import Encoder
from thalweg.data.table import Table
from thalweg.optimizers import OPTIMIZERS
from thalweg.recipes.config import RunConfig

ROWS_TO_HOLD_OUT = 50
"""A preset holds rows out of training only where there are at least so many: of fewer, each is needed to train on."""

AUTO = "tabular"
"""What ``auto`` is for tables."""

TO_AVERAGE = 2000
"""Rows from which on averages of the weights pay: with fewer an epoch has a few steps only."""

LARGE = 50_000
"""Rows from which on epochs become fewer, so that the time of a fit grows more slowly than the set."""


@dataclass(frozen=True)
class Facts:
    """What a preset knows of the data.

    Args:
        rows: rows to train on.
        numbers: encoded columns of numbers.
        classes: how many classes there are; None for targets of another kind.
        watched: whether training watches rows that are held out, to end when they no longer do better.
        labels: whether the targets are labels, each of which is there or not.
    """

    rows: int
    numbers: int
    classes: int | None = None
    watched: bool = False
    labels: bool = False


def tabular(facts: Facts) -> dict[str, Any]:
    """The recipe for tables, see docs/recipe.md: what pays of RealMLP, TabM and numerical embeddings, in one fit.

    Sources: Holzmüller, Grinsztajn, Steinwart, *Better by Default* (2024); Gorishniy, Kotelnikov, Babenko, *TabM*
    (2024); Gorishniy, Rubachev, Babenko, *On Embeddings for Numerical Features in Tabular Deep Learning* (2022).
    """
    return _network(facts) | course(facts, _usual(facts))


def quick(facts: Facts) -> dict[str, Any]:
    """A fit in seconds: half the members, a third of the width, and of the usual epochs, however the rows fare."""
    smaller = {"hidden": (64, 64), "shared_members": 4}
    return _network(facts) | smaller | course(replace(facts, watched=False), _usual(facts) // 3)


def _usual(facts: Facts) -> int:
    return 24 if facts.classes == 2 else 36


def _network(facts: Facts) -> dict[str, Any]:
    # Two classes mostly overlap, and a network soon learns their noise: more dropout, and below fewer epochs, smaller
    # steps. Of numbers dropout blurs what can be told exactly, and the members' mean keeps noise away as it is.
    two = facts.classes == 2
    return _ADAMW | {
        "hidden": (192, 192),
        # Beside bins ReLU, for targets with edges; the members without bins, the second half, are smooth.
        "activation": "relu|hard_swish" if facts.numbers else "hard_swish",
        "numeric_embedding": "mixed",
        "embedding_options": {"bins": bins(facts.numbers)},
        "feature_scaling": True,
        "shared_members": 8,
        "dropout": 0.2 if two else 0.1 if facts.classes or facts.labels else 0.0,
        "batch_size": batch_size(facts.rows),
    }


_ADAMW = {
    "optimizer": "adamw",
    "optimizer_options": {"beta2": 0.95},
    "weight_decay": 0.01,
}

PRESETS: dict[str, Callable[[Facts], dict[str, Any]]] = {"tabular": tabular, "quick": quick, "best": tabular}
"""Presets by name; ``plain`` fills in nothing, and ``best`` trains several networks of the recipe, see `_several`."""

HELD_OUT, LEAST_HELD_OUT = 0.15, 0.03
"""Shares of the rows that a preset holds out, to keep the best epoch and fit the noise: of small and of huge sets."""

MIDDLE = 5_000
"""Rows of a set of middle size: of smaller ones more of all is needed, see `held_out_share` and `epochs`."""

FOLDS = 5
"""Folds of the preset ``best``: each network trains on four fifths of the rows, and all rows are held out once."""

MEMBERS = 4
"""Networks of the preset ``best`` where the rows to watch are given, or there are too few to hold any out."""

BEFORE_TRAINING: dict[str, Any] = {"scaling": "adaptive", "embed_levels": True}
"""Settings that decide how rows are encoded, the same for all presets."""

_OF_THE_OPTIMIZER = {"optimizer_options", "learning_rate", "weight_decay", "schedule", "warmup", "anneal"}
"""Settings that mean something beside the preset's own optimizer only."""


def course(facts: Facts, usual: int) -> dict[str, Any]:
    """Return how long to train, and how large the steps are.

    Where rows are watched: steps of one size until these rows stall, for more epochs in small sets, whose few held-out
    rows tell less; then back to the best epoch, and from there a fall of the step size. How many epochs a table needs
    is not known before: from a half to three times the usual ones. From ``TO_AVERAGE`` rows on, weights are averaged,
    which bears larger steps, shows more clearly when rows stall, and leaves less to a fall. Otherwise half a cosine
    over the usual epochs.

    Args:
        facts: what is known of the data.
        usual: epochs of a set of middle size.

    Example:
        >>> course(Facts(rows=10_000, numbers=8), 36)
        {'learning_rate': 0.006, 'schedule': 'cosine', 'warmup': 0.02, 'epochs': 36}
        >>> watched = course(Facts(rows=10_000, numbers=8, watched=True), 36)
        >>> watched["learning_rate"], watched["schedule"], watched["epochs"], watched["patience"]
        (0.009, 'constant', 108, 5)
    """
    smaller, larger = (4e-3, 6e-3) if facts.classes == 2 else (6e-3, 9e-3)
    if not facts.watched:
        usual = epochs(facts.rows, usual)
        return {"learning_rate": smaller, "schedule": "cosine", "warmup": 0.02, "epochs": usual}
    steps = {"schedule": "constant", "warmup": 0.01, "epochs": epochs(facts.rows, 3 * usual)}
    steps |= {"patience": epochs(facts.rows, 5, power=0.7, most=6.4)}
    if facts.rows < TO_AVERAGE:
        return steps | {"learning_rate": smaller, "anneal": 0.6}
    return steps | {"learning_rate": larger, "anneal": 0.3, "ema": 0.999}


def epochs(rows: int, usual: int, power: float = 0.5, most: float = 4.0) -> int:
    """Return the epochs of a set: the usual ones from 5000 rows to ``LARGE``, more of smaller and fewer of larger ones.

    Args:
        rows: rows to train on.
        usual: epochs of a set of middle size.
        power: small sets get more epochs as this power of what they lack; by default the square root.
        most: small sets get at most this many times the usual ones.

    Example:
        >>> [epochs(rows, 32) for rows in (200, 1250, 20_000, 200_000, 1_000_000)]
        [128, 64, 32, 16, 7]
    """
    if rows > LARGE:
        return max(4, round(usual * math.sqrt(LARGE / rows)))
    more: float = (MIDDLE / max(rows, 1)) ** power
    return round(usual * min(most, max(1.0, more)))


def held_out_share(rows: int) -> float:
    """Return the share of the rows to hold out: how many rows tell enough grows more slowly than a set does.

    Beyond ``MIDDLE`` their number grows as the square root of all.

    Example:
        >>> [round(rows * held_out_share(rows)) for rows in (1000, 5000, 20_000, 45_000, 1_000_000)]
        [150, 750, 1500, 2250, 30000]
    """
    share = HELD_OUT * math.sqrt(MIDDLE / max(rows, MIDDLE))
    return round(max(share, LEAST_HELD_OUT), 3)


def batch_size(rows: int) -> int:
    """Return a power of two near rows/40 between 32 and 256, and for large sets up to 1024; never above the rows.

    Example:
        >>> [batch_size(rows) for rows in (20, 800, 20_000, 1_000_000)]
        [16, 32, 256, 1024]
    """
    largest = 256 if rows <= LARGE else 512 if rows <= 8 * LARGE else 1024
    wanted = min(largest, max(32, rows // 40))
    return int(2 ** math.floor(math.log2(max(1, min(wanted, rows)))))


def bins(numbers: int) -> int:
    """Return the bins of each number: 16, fewer where many columns would make the first layer wide.

    Example:
        >>> [bins(numbers) for numbers in (8, 28, 1000)]
        [16, 9, 2]
    """
    return max(2, min(16, 256 // max(numbers, 1)))


def chosen(config: RunConfig, table: Table | None) -> str:
    """Return the preset's name, ``auto`` resolved: ``tabular`` for tables, ``plain`` for images and masks.

    Args:
        config: the settings.
        table: some of the rows; None for a file that streams, which is a table always.
    """
    if config.preset != "auto":
        return config.preset
    images = table is not None and table.example_shape is not None
    return "plain" if config.task != "rows" or images else AUTO


def holds_out(table: Table) -> bool:
    """Return whether a preset holds rows of this table out of training; those of an array on disk keep their order."""
    return len(table) >= ROWS_TO_HOLD_OUT and not table.is_mapped


def facts_of(encoder: Encoder, rows: int) -> Facts:
    """Return what an encoder, and the number of rows to train on, tell of the data."""
    classes = None if encoder.classes is None else len(encoder.classes)
    return Facts(rows, encoder.layout.numbers, classes, labels=encoder.task == "multilabel")


def before_training(
    config: RunConfig, table: Table | None, *, held_out: bool, several: bool = True, folds: bool = True
) -> RunConfig:
    """Return the settings with those filled in that decide how rows are split and encoded, and for how many networks.

    Args:
        config: the settings.
        table: some of the rows; None for a file that streams.
        held_out: whether rows are, or may be, held out of training.
        several: whether several networks can be trained in place of one, as where training does not go on.
        folds: whether each of them can watch rows of its own.
    """
    name = chosen(config, table)
    if name == "plain":
        return config
    folds = folds and held_out and table is not None and not config.validation
    networks = _several(config, several=several, folds=folds) if name == "best" else {}
    # A file that streams has more rows than it is worth counting beforehand.
    share = LEAST_HELD_OUT if table is None else held_out_share(len(table))
    held = {"validation": share} if held_out and not networks.get("cv", config.cv) else {}
    return _filled(config, BEFORE_TRAINING | networks | held)


def leaves_networks(config: RunConfig) -> bool:
    """Return whether the settings leave it to the preset ``best`` how many networks are trained."""
    return config.preset == "best" and config.start is None and not {"members", "cv"} & config.model_fields_set


def _several(config: RunConfig, *, several: bool, folds: bool) -> dict[str, Any]:
    """Return the folds or members of the preset ``best``."""
    if not (several and leaves_networks(config)):
        return {"members": config.members, "cv": config.cv}
    return {"cv": FOLDS} if folds else {"members": MEMBERS}


def for_training(config: RunConfig, table: Table, facts: Facts, *, held_out: bool) -> RunConfig:
    """Return the settings with all filled in.

    Args:
        config: the settings.
        table: rows to train on, or a sample of them.
        facts: what is known of them.
        held_out: whether there are rows that early stopping can watch.
    """
    name = chosen(config, table)
    if name == "plain":
        return config
    given = config.model_fields_set
    values = PRESETS[name](_with_watched(facts, config, held_out=held_out))
    left: set[str] = set()
    if "optimizer" in given:
        left |= _OF_THE_OPTIMIZER
        if OPTIMIZERS[config.optimizer].full_batch:
            left |= {"dropout", "shared_members", "batch_size"}
    if config.full_batch:
        left.add("batch_size")
    if config.initializer != "auto" or not config.hidden:
        left.add("shared_members")
    if "numeric_embedding" in given:
        left.add("embedding_options")
    if (held_out or config.cv) and "patience" not in values:
        # As long as the run: training does not end early, and the best epoch is kept.
        values["patience"] = config.epochs if "epochs" in given else values["epochs"]
    return _filled(config, {setting: value for setting, value in values.items() if setting not in left})


def usual_step_size(config: RunConfig, table: Table, facts: Facts, *, held_out: bool) -> float | None:
    """Return the step size that the preset fills in where none is given; None where it leaves that to the optimizer."""
    name = chosen(config, table)
    if name == "plain" or "optimizer" in config.model_fields_set:
        return None
    usual: float = PRESETS[name](_with_watched(facts, config, held_out=held_out))["learning_rate"]
    return usual


def _with_watched(facts: Facts, config: RunConfig, *, held_out: bool) -> Facts:
    """Return the facts with whether training watches rows, of folds those that each network holds out."""
    own = config.model_fields_set & {"optimizer", "schedule"}
    return replace(facts, watched=(held_out or config.cv > 0) and not own)


def _filled(config: RunConfig, values: dict[str, Any]) -> RunConfig:
    new = {name: value for name, value in values.items() if name not in config.model_fields_set}
    return config.model_copy(update=new) if new else config
