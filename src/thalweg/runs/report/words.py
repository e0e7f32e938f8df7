"""Numbers and verdicts in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

THIN = "\u202f"  # narrow no-break space: groups thousands and precedes the percent sign
MISSING = "–"


def count(value: Any) -> str:
    """A whole number with thousands apart.

    Example:
        >>> count(60000).replace(THIN, "_")
        '60_000'
    """
    return MISSING if value is None else f"{int(value):,}".replace(",", THIN)


def plural(value: int, noun: str, many: str | None = None) -> str:
    """A number with its noun.

    Example:
        >>> plural(1, "epoch"), plural(3, "epoch"), plural(2, "class", "classes")
        ('1 epoch', '3 epochs', '2 classes')
    """
    return f"{count(value)} {noun if value == 1 else many or noun + 's'}"


def times(value: int) -> str:
    """How often.

    Example:
        >>> times(1), times(3)
        ('once', '3 times')
    """
    return {1: "once", 2: "twice"}.get(value) or f"{count(value)} times"


def shorten(name: str, length: int = 22) -> str:
    """A name that fits a heading; the middle goes, since long names often differ at their end.

    Example:
        >>> shorten("a rather long class name 12")
        'a rather lo…s name 12'
    """
    half = (length - 1) // 2
    return name if len(name) <= length else f"{name[: half + 1]}…{name[-half + 1 :]}"


def percent(share: Any, digits: int | None = None) -> str:
    """A share in percent, with as many digits as tell it from 0 and from 100.

    Example:
        >>> [percent(x).replace(THIN, " ") for x in (0, 0.016, 0.8865, 0.0004, 0.99996, 1)]
        ['0 %', '1.6 %', '88.7 %', '0.04 %', '99.996 %', '100 %']
    """
    if share is None:
        return MISSING
    value = 100 * float(share) * (1 + 1e-12)  # 0.8865 is meant as 88.65, which no float is, and rounds to 88.7
    room = min(abs(value), abs(100 - value))
    if digits is None:
        digits = 0 if room < 1e-9 else 1 if room >= 0.1 else min(6, -math.floor(math.log10(room) + 1e-6))
        text = f"{value:.{digits}f}"
        return (text.rstrip("0") if digits > 1 else text) + f"{THIN}%"
    return f"{value:.{digits}f}{THIN}%"


def number(value: Any, digits: int = 4) -> str:
    """A number to a few significant digits.

    Example:
        >>> number(0.061234), number(123456.7).replace(THIN, "_"), number(1e-7), number(None)
        ('0.06123', '123_457', '1e-07', '–')
    """
    if value is None:
        return MISSING
    value = float(value)
    if not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    if 1e-4 <= abs(value) < 1e7:
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        text = f"{value:,.{decimals}f}"
        return (text.rstrip("0").rstrip(".") if "." in text else text).replace(",", THIN)
    return f"{value:.{digits - 1}e}" if digits > 1 and f"{value:.0e}" != f"{value:g}" else f"{value:g}"


def cell(value: Any) -> str:
    """A value from a table: numbers shortened, text as it is."""
    if isinstance(value, bool) or value is None:
        return "missing" if value is None else str(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 10_000 else count(value)
    return number(value, 5 if abs(value) >= 1 else 3) if isinstance(value, float) else str(value)


def duration(seconds: Any) -> str:
    """A time.

    Example:
        >>> [duration(s).replace(THIN, " ") for s in (0.0123, 7.1, 95, 4000)]
        ['12 ms', '7.1 s', '1 min 35 s', '1 h 6 min']
    """
    if seconds is None:
        return MISSING
    seconds = float(seconds)
    if seconds < 1:
        return f"{1000 * seconds:.{0 if seconds >= 0.01 else 1}f}{THIN}ms"
    if seconds < 60:
        return f"{seconds:.1f}{THIN}s"
    minutes = round(seconds) // 60
    if minutes < 60:
        return f"{minutes}{THIN}min {round(seconds) % 60}{THIN}s"
    return f"{minutes // 60}{THIN}h {minutes % 60}{THIN}min"


def memory(size: Any) -> str:
    """A number of bytes.

    Example:
        >>> memory(1628200).replace(THIN, " "), memory(600).replace(THIN, " ")
        ('1.6 MB', '600 B')
    """
    if size is None:
        return MISSING
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.{0 if unit == 'B' or value >= 100 else 1}f}{THIN}{unit}"
        value /= 1000
    return f"{value:.1f}{THIN}TB"


def rows_noun(evaluation: Mapping[str, Any]) -> str:
    """What the examples are called."""
    if "segmentation" in evaluation:
        return "pixel"
    return "image" if evaluation.get("picture") else "row"
