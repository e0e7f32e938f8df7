"""Records of instruments: a JSON object an epoch, in memory or as lines of a file, read back as arrays."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ModelError
from thalweg.core.files import storage_errors

FILE = "instruments.jsonl"
"""Their name in a run folder."""

SCHEMA = 1

Record = dict[str, Any]
"""``schema_version``, ``epoch``, ``complete`` (false for an epoch cut short), ``steps`` measured, ``rows`` in
them, ``network``: quantity ↦ number, ``layers``: name ↦ quantity ↦ number; the first of a run has ``unsupported``:
instrument ↦ why it could not measure this run."""


def series(records: Iterable[Mapping[str, Any]], quantity: str, layer: str | None = None) -> NDArray[np.float64]:
    """Return a quantity over the epochs, NaN where it is missing or was not finite.

    Args:
        records: a line an epoch.
        quantity: its name.
        layer: the layer's name; the network's quantities without one.

    Example:
        >>> series([{"network": {"sharpness": 2.0}}, {"network": {"sharpness": None}}], "sharpness").tolist()
        [2.0, nan]
    """
    parts = (r.get("network", {}) if layer is None else r.get("layers", {}).get(layer, {}) for r in records)
    return np.array([math.nan if (value := part.get(quantity)) is None else value for part in parts], np.float64)


def read_records(path: Path | str) -> list[Record]:
    """Return the records of a file, one an epoch: lines of one epoch, of several hooks or of a resumed run, are joined.

    Raises:
        StorageError: the file cannot be read.
        ModelError: a line in it is damaged.
    """
    with storage_errors("read", path):
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    epochs: dict[int, Record] = {}
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            epoch = int(record["epoch"])
        except (ValueError, KeyError, TypeError):
            if number == len(lines):
                break  # the process died while it wrote
            raise ModelError(f"{path}: line {number} is no record of instruments.") from None
        epochs[epoch] = _joined(epochs.get(epoch, {}), record)
    return [epochs[epoch] for epoch in sorted(epochs)]


def _joined(first: Record, second: Record) -> Record:
    joined = dict(first)
    for name, value in second.items():
        former = joined.get(name)
        joined[name] = _joined(former, value) if isinstance(former, dict) and isinstance(value, dict) else value
    return joined
