"""Data sets that come by name: MNIST ships inside the package, five small ones inside scikit-learn.

The small sets are parsed from the files in scikit-learn's package folder without importing scikit-learn, which
would cost a second; its loaders are used when a file is not where it was.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from thalweg.core.registry import lookup
from thalweg.data.readers.idx import read_idx
from thalweg.data.table import Array, Table, join


@dataclass(frozen=True)
class Dataset:
    """What ``thalweg datasets`` shows of a bundled data set, and how it is read.

    Args:
        rows: number of examples, test set included.
        features: number of feature columns.
        task: ``"classification"`` or ``"regression"``.
        source: who made it and where it is described.
        licence: terms it may be used under.
        description: one line.
        load: reads it: training set, and the official test set or None.
    """

    rows: int
    features: int
    task: str
    source: str
    licence: str
    description: str
    load: Callable[[], tuple[Table, Table | None]]


def load_dataset(name: str) -> tuple[Table, Table | None]:
    """Read a bundled data set.

    Args:
        name: a key of ``DATASETS``.

    Returns:
        The training set, and the official test set or None.

    Raises:
        ArgumentError: no bundled set has that name; names the nearest.

    Example:
        >>> train, test = load_dataset("iris")
        >>> len(train), train.feature_names[0], test
        (150, 'sepal length (cm)', None)
    """
    train, test = lookup(DATASETS, name, "dataset").load()
    return train, test


def _mnist() -> tuple[Table, Table]:
    folder = Path(__file__).parent / "mnist"

    def part(prefix: str) -> Table:
        images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")
        labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz")
        names = tuple(f"pixel{i}" for i in range(784))
        return Table("mnist", images.reshape(len(images), 784), labels, names, "digit", (28, 28))

    return part("train"), part("t10k")


def _text(file: str) -> str:
    spec = find_spec("sklearn")
    folder = Path(next(iter(spec.submodule_search_locations or []))) if spec else Path()
    raw = (folder / "datasets" / "data" / file).read_bytes()
    return (gzip.decompress(raw) if file.endswith(".gz") else raw).decode()


def _table(
    name: str, x: Array, y: Array, names: tuple[str, ...], target: str, shape: tuple[int, ...] | None = None
) -> tuple[Table, None]:
    return Table(name, x, y, names, target, shape), None


def _labelled(name: str, file: str, names: tuple[str, ...], target: str) -> tuple[Table, None]:
    """A CSV file whose first line holds sizes and class names, and whose last column is the class index."""
    try:
        rows = list(csv.reader(io.StringIO(_text(file))))
        classes = np.array(rows[0][2:])
        numbers = np.array([row for row in rows[1:] if row], dtype=np.float64)
        x, y = numbers[:, :-1], numbers[:, -1].astype(np.int64)
        x = x.reshape(int(rows[0][0]), len(names))  # fails, as it should, when the file has another form
    except (OSError, ValueError, IndexError):
        from sklearn import datasets

        bunch = getattr(datasets, f"load_{name}")()
        x, y, classes = bunch.data, bunch.target, bunch.target_names
    return _table(name, x, classes[y], names, target)


def _digits() -> tuple[Table, None]:
    try:
        numbers = np.loadtxt(io.StringIO(_text("digits.csv.gz")), delimiter=",", dtype=np.int64)
        x, y = numbers[:, :-1], numbers[:, -1]
    except (OSError, ValueError):
        from sklearn import datasets

        x, y = datasets.load_digits(return_X_y=True)
    names = tuple(f"pixel_{i}_{j}" for i in range(8) for j in range(8))
    return _table("digits", x.astype(np.uint8), y.astype(np.int64), names, "digit", (8, 8))


def _diabetes() -> tuple[Table, None]:
    try:
        x = np.loadtxt(io.StringIO(_text("diabetes_data_raw.csv.gz")))
        y = np.loadtxt(io.StringIO(_text("diabetes_target.csv.gz")))
    except (OSError, ValueError):
        from sklearn import datasets

        x, y = datasets.load_diabetes(return_X_y=True, scaled=False)
    return _table("diabetes", x, y, DIABETES, "progression")


def joined(name: str) -> Table:
    """A bundled set as one table: the official test set, if any, is marked in ``is_test``."""
    train, test = load_dataset(name)
    return train if test is None else join(train, test)


IRIS = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
WINE = (
    "alcohol",
    "malic_acid",
    "ash",
    "alcalinity_of_ash",
    "magnesium",
    "total_phenols",
    "flavanoids",
    "nonflavanoid_phenols",
    "proanthocyanins",
    "color_intensity",
    "hue",
    "od280/od315_of_diluted_wines",
    "proline",
)
_CELL = ("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points")
_CELLS = (*_CELL, "symmetry", "fractal dimension")
CANCER = (
    *(f"mean {name}" for name in _CELLS),
    *(f"{name} error" for name in _CELLS),
    *(f"worst {name}" for name in _CELLS),
)
DIABETES = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")

DATASETS: dict[str, Dataset] = {
    "mnist": Dataset(
        70000,
        784,
        "classification",
        "Y. LeCun, C. Cortes, C. Burges, from NIST databases 1 and 3",
        "CC BY-SA 3.0",
        "handwritten digits 0 to 9 in 28 × 28 grey pixels, 60000 to train and 10000 to test",
        _mnist,
    ),
    "iris": Dataset(
        150,
        4,
        "classification",
        "R. A. Fisher 1936, UCI",
        "CC BY 4.0",
        "three species of iris from four lengths of the flower",
        lambda: _labelled("iris", "iris.csv", IRIS, "species"),
    ),
    "wine": Dataset(
        178,
        13,
        "classification",
        "M. Forina et al., UCI",
        "CC BY 4.0",
        "three growers of wine from thirteen chemical measurements",
        lambda: _labelled("wine", "wine_data.csv", WINE, "grower"),
    ),
    "digits": Dataset(
        1797,
        64,
        "classification",
        "E. Alpaydin, C. Kaynak, UCI",
        "CC BY 4.0",
        "handwritten digits 0 to 9 in 8 × 8 grey pixels",
        _digits,
    ),
    "breast_cancer": Dataset(
        569,
        30,
        "classification",
        "W. Wolberg, O. Mangasarian, N. Street, UCI",
        "CC BY 4.0",
        "benign or malignant from thirty measurements of cell nuclei",
        lambda: _labelled("breast_cancer", "breast_cancer.csv", CANCER, "diagnosis"),
    ),
    "diabetes": Dataset(
        442,
        10,
        "regression",
        "B. Efron, T. Hastie, I. Johnstone, R. Tibshirani 2004",
        "free to use; shipped with scikit-learn (BSD-3-Clause)",
        "progress of diabetes after one year from ten measurements",
        _diabetes,
    ),
}
