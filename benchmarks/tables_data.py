"""The real sets of the tables benchmark, cut into training and test rows as their README says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Set:
    """A table on disk.

    Args:
        file: its name without ``.parquet``.
        task: ``"regression"``, ``"binary"`` or ``"multiclass"``.
        official: its splits come with it, and seed s takes split s; otherwise all seeds share one split.
    """

    file: str
    task: str
    official: bool = False


SETS = {
    "boston": Set("uci_bostonHousing", "regression", official=True),
    "energy": Set("uci_energy", "regression", official=True),
    "concrete": Set("uci_concrete", "regression", official=True),
    "higgs7k": Set("higgs7k", "binary"),
    "kin8nm": Set("uci_kin8nm", "regression", official=True),
    "power": Set("uci_power_plant", "regression", official=True),
    "magic": Set("magic", "binary"),
    "california": Set("california", "regression"),
    "house_16h": Set("house_16h", "regression"),
    "letter": Set("letter", "multiclass"),
    "bank": Set("bank", "binary"),
    "adult": Set("adult", "binary"),
    "diamonds": Set("diamonds", "regression"),
    "protein": Set("uci_protein_tertiary_structure", "regression", official=True),
    "connect_4": Set("connect_4", "multiclass"),
    "flights": Set("flights", "regression"),
}
"""Short name ↦ set, from small to large."""

UCI = tuple(name for name, of in SETS.items() if of.official)


@dataclass(frozen=True)
class Split:
    """Features as Polars frames, and targets: numbers, or classes counted from 0."""

    x_train: Any
    y_train: np.ndarray
    x_test: Any
    y_test: np.ndarray


def load(data: Path, name: str, seed: int) -> Split:
    """Return the rows to train on and to test on.

    Args:
        data: folder of the sets.
        name: a key of `SETS`.
        seed: number of the split, where the set has several; otherwise it changes nothing here.
    """
    import polars as pl
    from sklearn.model_selection import train_test_split

    of = SETS[name]
    frame = pl.read_parquet(data / f"{of.file}.parquet")
    target = frame["target"].to_numpy()
    y = target if of.task == "regression" else np.unique(target, return_inverse=True)[1]
    if of.official:
        with np.load(data / f"{of.file}_test_masks.npz") as masks:
            is_test = masks["test_mask"][:, seed]
    elif "is_test" in frame.columns:
        is_test = frame["is_test"].to_numpy()
    else:
        strata = None if of.task == "regression" else target
        _, test = train_test_split(np.arange(len(frame)), test_size=0.2, random_state=0, stratify=strata)
        is_test = np.isin(np.arange(len(frame)), test)
    x = frame.drop("target", "is_test", strict=False)
    return Split(x.filter(~is_test), y[~is_test], x.filter(is_test), y[is_test])
