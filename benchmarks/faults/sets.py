"""Data that faults are built on: bundled and generated sets, and some of the shared folder, all small."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROWS = 1200
SHARED = ("california", "magic", "letter", "uci_concrete", "uci_energy", "uci_kin8nm")


@dataclasses.dataclass(frozen=True, eq=False)
class Data:
    """Inputs as they come (raw) and scaled, and targets: class numbers, or numbers as they come and scaled."""

    name: str
    classes: int
    raw: np.ndarray
    x: np.ndarray
    raw_y: np.ndarray
    y: np.ndarray

    def split(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of training rows and of held-out rows."""
        order = np.random.default_rng((7, seed)).permutation(len(self.x))
        cut = int(0.75 * len(order))
        return order[:cut], order[cut:]


def data_sets(folder: Path) -> list[Data]:
    """Return the sets; those of the folder only if it is there."""
    import sklearn.datasets as sk

    def both(loader: Callable[..., object], **options: object) -> tuple[np.ndarray, np.ndarray]:
        x, y = loader(**options)  # type: ignore[misc]
        return np.asarray(x, float), np.asarray(y)

    found = [
        _data("wine", *both(sk.load_wine, return_X_y=True), classes=3),
        _data("breast cancer", *both(sk.load_breast_cancer, return_X_y=True), classes=2),
        _data("digits", *both(sk.load_digits, return_X_y=True), classes=10),
        _data("moons", *both(sk.make_moons, n_samples=1000, noise=0.2, random_state=3), classes=2),
        _data("blobs", *both(sk.make_blobs, n_samples=1000, centers=4, cluster_std=2.5, random_state=4), classes=4),
        _data("friedman", *both(sk.make_friedman1, n_samples=1500, noise=0.5, random_state=5), classes=0),
        _data("swiss roll", *both(sk.make_swiss_roll, n_samples=1500, noise=0.2, random_state=6), classes=0),
    ]
    for name in SHARED if folder.is_dir() else ():
        import polars as pl

        frame = pl.read_parquet(folder / f"{name}.parquet").drop_nulls()
        frame = frame.sample(min(ROWS, len(frame)), seed=0, shuffle=True)
        target = frame["target"]
        classes = 0 if target.dtype.is_float() else target.n_unique()
        y = target.to_numpy() if not classes else np.unique(target.to_numpy(), return_inverse=True)[1]
        inputs = frame.drop("target").select(pl.selectors.numeric()).to_numpy().astype(float)
        found.append(_data(name, inputs, y, classes=classes))
    return found


def _data(name: str, x: np.ndarray, y: np.ndarray, *, classes: int) -> Data:
    x = x[:, x.std(axis=0) > 0]
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    if classes:
        codes = y.astype(np.int32)
        return Data(name, classes, x, scaled, codes, codes)
    numbers = y.astype(float).reshape(-1, 1)
    return Data(name, 0, x, scaled, numbers, (numbers - numbers.mean()) / numbers.std())
