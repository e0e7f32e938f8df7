"""What a search varies: intervals and choices of settings, as data."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_origin

from thalweg.core.errors import ArgumentError, nearest
from thalweg.core.files import storage_errors
from thalweg.recipes.config import RunConfig, field_kind


@dataclass(frozen=True)
class Interval:
    """Numbers from ``low`` to ``high``, both included.

    Args:
        low: the smallest.
        high: the largest.
        log: draw the logarithm evenly, for settings whose order of magnitude is not known.
        step: distance between the numbers drawn; None for all of them.
        relative: the bounds are factors of what a run takes by default.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    relative: bool = False

    def __str__(self) -> str:
        end = ":log" if self.log else "" if self.step in (None, 1) else f":{self.step:g}"
        return f"{self.low:g}:{self.high:g}{end}"

    @property
    def ends(self) -> tuple[float, ...]:
        """The values to check."""
        return self.low, self.high

    def times(self, usual: float) -> Interval:
        """Return the interval with its factors worked out."""
        return replace(self, low=self.low * usual, high=self.high * usual, relative=False)


@dataclass(frozen=True)
class Choices:
    """One of some values, of which none is between two others.

    Args:
        values: numbers or words.
        relative: the values are factors of what a run takes by default.
    """

    values: tuple[Any, ...]
    relative: bool = False

    def __str__(self) -> str:
        between = " / " if any("," in str(value) for value in self.values) else ", "
        return between.join(str(value) for value in self.values)

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values to check."""
        return self.values

    def times(self, usual: float) -> Choices:
        """Return the choices with their factors worked out."""
        return Choices(tuple(max(1, round(factor * usual)) for factor in self.values))


Space = dict[str, Interval | Choices]

SPACE: Space = {
    "learning_rate": Interval(0.1, 10, log=True, relative=True),
    "weight_decay": Interval(1e-5, 0.1, log=True),
    "width": Choices((64, 128, 256, 512)),
    "depth": Interval(1, 4, step=1),
    "dropout": Interval(0, 0.5, step=0.1),
    "batch_size": Choices((0.5, 1, 2, 4), relative=True),
    "activation": Choices(("relu|hard_swish", "relu", "silu", "mish")),
}
"""What is searched by default. Steps and choices where more values would only mean more programs to compile.

Near the spaces that Gorishniy et al., *Revisiting Deep Learning Models for Tabular Data* (2021), appendix F, and
Holzmüller et al., *Better by Default* (2024), appendix C, search networks for tables in.
"""

SHAPE = ("width", "depth")
"""No settings of a run: so many hidden layers of one width, in place of ``hidden``."""

FIXED = {
    *("data", "task", "target", "classes", "columns", "stream", "cache", "test", "validation", "calibrate", "seed"),
    *("window", "padding", "stride", "sampling", "members", "cv", "diagnose", "out", "checkpoint_seconds", "threads"),
}
"""Settings that say what is compared, where and how fast: to choose by them would choose luck or another question."""


def read_space(path: Path | str) -> Space:
    """Read a space from a TOML file: ``NAME = "LOW:HIGH:log"``, ``NAME = [VALUES]`` or a table of low, high, scale.

    Raises:
        StorageError: the file cannot be read.
        ArgumentError: it is no TOML, or says what cannot be searched.
    """
    with storage_errors("read", path):
        text = Path(path).read_bytes()
    try:
        entries = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ArgumentError("space", "a TOML file of ranges", f"{path}", f"{error}.") from None
    if not entries:
        raise ArgumentError("space", "at least one setting to search", f"none in {path}")
    return {name: parse(name, entry) for name, entry in entries.items()}


def parse_all(words: Iterable[str]) -> Space:
    """Read ``NAME=RANGE`` for each of some settings."""
    space: Space = {}
    for word in words:
        name, sign, text = word.partition("=")
        if not sign:
            raise ArgumentError("search", "NAME=RANGE, such as learning_rate=1e-4:1e-1:log", repr(word))
        space[name.strip().replace("-", "_")] = parse(name.strip().replace("-", "_"), text.strip())
    return space


def parse(name: str, entry: Any) -> Interval | Choices:
    """Return the range that a text, a list or a table says.

    Args:
        name: a setting of a run, ``width`` or ``depth``.
        entry: ``"LOW:HIGH"``, ``"LOW:HIGH:log"``, ``"LOW:HIGH:STEP"``, ``"A,B,C"`` (``"64,64/128"`` for lists of
            numbers), a list of values, or ``{"low": …, "high": …, "scale": "log", "step": …}``.

    Raises:
        ArgumentError: no such setting, one that cannot be searched, or a range that is empty or malformed.

    Example:
        >>> parse("learning_rate", "1e-4:1e-1:log")
        Interval(low=0.0001, high=0.1, log=True, step=None, relative=False)
        >>> parse("hidden", "128,128/512").values
        ('128,128', '512')
    """
    check_name(name)
    if isinstance(entry, (Interval, Choices)):
        return entry
    if isinstance(entry, Mapping):
        return _interval(name, entry)
    numbers = is_number(name)
    if isinstance(entry, str) and numbers and ":" in entry:
        low, high, *rest = entry.split(":")
        if len(rest) > 1:
            raise ArgumentError(name, "LOW:HIGH, LOW:HIGH:log or LOW:HIGH:STEP", repr(entry))
        scale = {} if not rest else {"scale": "log"} if rest[0] == "log" else {"step": rest[0]}
        return _interval(name, {"low": low, "high": high, **scale})
    if isinstance(entry, str):
        entry = [part.strip() for part in entry.split("/" if _listed(name) else ",")]
    if not isinstance(entry, (list, tuple)) or not entry or "" in entry:
        raise ArgumentError(name, "a range LOW:HIGH[:log], or values to choose from", repr(entry))
    values = tuple(dict.fromkeys(_choice(name, value, number=numbers) for value in entry))
    return Choices(values)


def plain(entry: Any) -> Any:
    """Return a range as JSON can hold it, for `parse` to read; anything else as it is.

    Example:
        >>> plain(parse("dropout", "0:0.5:0.1"))
        {'low': 0.0, 'high': 0.5, 'scale': 'linear', 'step': 0.1}
    """
    if isinstance(entry, Choices):
        return list(entry.values)
    if isinstance(entry, Interval):
        scale = "log" if entry.log else "linear"
        return {"low": entry.low, "high": entry.high, "scale": scale, "step": entry.step}
    return entry


def check_name(name: str) -> None:
    """Raise unless a setting of that name can be searched.

    Raises:
        ArgumentError: names the nearest one.
    """
    known = [*SHAPE, *(field for field in RunConfig.model_fields if field not in FIXED)]
    if name in known:
        return
    if name in RunConfig.model_fields:
        raise ArgumentError(name, "a setting that a search can vary", "one that all trials share")
    raise ArgumentError("search", "the name of a setting, width or depth", repr(name), nearest(name, known))


def resolve(given: Mapping[str, Any], own: Space | None, added: Space, usual: Mapping[str, Any]) -> Space:
    """Return the space of a search.

    Args:
        given: settings that are fixed.
        own: what takes the place of the default space.
        added: ranges that are added, or replace those of their names.
        usual: the settings of the run as given, resolved, for relative ranges.

    Raises:
        ArgumentError: a setting is both fixed and searched, or nothing is left to search.
    """
    chosen = {**(own or {}), **added}
    for name in chosen:
        fixed = "hidden" if name in SHAPE else name
        if fixed in given:
            raise ArgumentError(name, f"either a value ({fixed}) or a range to search", "both")
    if "hidden" in chosen and set(SHAPE) & set(chosen):
        raise ArgumentError("hidden", "either hidden or width and depth to search", "both")
    space = dict(chosen) if own is not None else _default(given, chosen, usual) | chosen
    if not space:
        raise ArgumentError("search", "at least one setting to search", "none: all of the default space is fixed")
    return {name: _bounded(name, each, usual) for name, each in space.items()}


def settings_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return drawn values as settings of a run: ``width`` and ``depth`` become ``hidden``.

    Example:
        >>> settings_of({"width": 64, "depth": 2, "dropout": 0.1})
        {'dropout': 0.1, 'hidden': (64, 64)}
    """
    settings = {name: value for name, value in params.items() if name not in SHAPE}
    if set(SHAPE) & set(params):
        settings["hidden"] = (int(params.get("width", 128)),) * int(params.get("depth", 2))
    return settings


def is_whole(name: str) -> bool:
    """Return whether a setting is a whole number."""
    return _kind(name) is int


def is_number(name: str) -> bool:
    """Return whether a setting is a number."""
    return _kind(name) in (int, float)


def _default(given: Mapping[str, Any], chosen: Space, usual: Mapping[str, Any]) -> Space:
    out = {*given, *(SHAPE if {"hidden"} & {*given, *chosen} else ())}
    if usual.get("full_batch"):
        out |= {"batch_size"}
    if usual.get("learning_rate") is None:  # a rule that finds its own step size, on all rows at once
        out |= {"batch_size", "learning_rate", "weight_decay"}
    return {name: each for name, each in SPACE.items() if name not in out}


def _bounded(name: str, each: Interval | Choices, usual: Mapping[str, Any]) -> Interval | Choices:
    if each.relative:
        each = each.times(float(usual[name]))
        if name == "batch_size" and isinstance(each, Choices):
            each = Choices(tuple(dict.fromkeys(v for v in each.values if v <= usual["rows"])))
    return each


def _interval(name: str, entry: Mapping[str, Any]) -> Interval:
    unknown = sorted(set(entry) - {"low", "high", "scale", "step"})
    if unknown or not {"low", "high"} <= set(entry):
        raise ArgumentError(name, "low and high, and scale or step", ", ".join(map(str, entry)) or "nothing")
    if not is_number(name):
        raise ArgumentError(name, "values to choose from", "an interval", f"{name} is no number.")
    low, high = (_number(name, entry[end]) for end in ("low", "high"))
    step = None if entry.get("step") is None else _number(name, entry["step"])
    scale = entry.get("scale", "linear")
    if scale not in {"linear", "log"}:
        raise ArgumentError(name, "the scale linear or log", repr(scale))
    if is_whole(name):
        if not (low.is_integer() and high.is_integer()):
            raise ArgumentError(name, "whole numbers", f"{low:g}:{high:g}")
        step = step or (None if scale == "log" else 1.0)
    if low >= high:
        raise ArgumentError(name, "a range whose low is below its high", f"{low:g}:{high:g}")
    if step is not None and (scale == "log" or not 0 < step <= high - low):
        raise ArgumentError(name, "a step above 0 within the range, on the linear scale", f"{step:g}")
    if scale == "log" and low <= 0:
        raise ArgumentError(name, "bounds above 0 on the log scale", f"{low:g}:{high:g}")
    return Interval(low, high, scale == "log", step)


def _number(name: str, value: Any) -> float:
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise ArgumentError(name, "numbers", repr(value))
    return found


def _choice(name: str, value: Any, *, number: bool) -> Any:
    """A value as a search stores it: lists become text, which settings read."""
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value)) or "none"
    if number:
        found = _number(name, value)
        return int(found) if found.is_integer() else found
    return value


def _kind(name: str) -> Any:
    return int if name in SHAPE else field_kind(RunConfig.model_fields[name])


def _listed(name: str) -> bool:
    return name not in SHAPE and get_origin(_kind(name)) is tuple and bool(get_args(_kind(name)))
