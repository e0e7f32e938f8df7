"""Cost matrices: what each action costs for each true class."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError, nearest
from thalweg.core.files import storage_errors

REJECT = "reject"
"""Name of the action that hands a case over instead of deciding it."""


@dataclasses.dataclass(frozen=True, eq=False)
class CostMatrix:
    r"""The cost C[y, a] of the action a (column) when the class y (row) is true.

    The expected cost of an action is R(a|x) = Σ_y C[y, a] p(y|x), and the decision is argmin_a R(a|x). There may be
    more actions than classes, or others: "reject", "call back".

    Args:
        values: (classes, actions) finite numbers; what is gained may be negative.
        classes: names of the rows.
        actions: names of the columns; by default those of the classes.

    Raises:
        ArgumentError: a wrong shape, values that are not finite, names that are missing, empty or twice.

    Example:
        >>> cost = CostMatrix([[0, 1], [5, 0]], ["healthy", "ill"])  # missing an ill one costs 5
        >>> cost.risk(np.array([[0.7, 0.3]])).round(2)
        array([[1.5, 0.7]])

    Source: Elkan, *The Foundations of Cost-Sensitive Learning*, IJCAI (2001).
    """

    values: NDArray[np.float64]
    classes: tuple[str, ...]
    actions: tuple[str, ...]

    def __init__(self, values: Any, classes: Sequence[object], actions: Sequence[object] = ()) -> None:
        try:
            array = np.array(values, np.float64)
        except (TypeError, ValueError):
            raise ArgumentError("cost", "a table of numbers", "rows of different lengths, or text") from None
        if array.ndim != 2 or 0 in array.shape:
            raise ArgumentError("cost", "a matrix of shape (classes, actions)", f"shape {array.shape}")
        rows = tuple(map(spelled, classes))
        columns = tuple(map(spelled, actions)) or (rows if len(rows) == array.shape[1] else ())
        for names, length, what in ((rows, array.shape[0], "classes"), (columns, array.shape[1], "actions")):
            _check_names(names, length, what)
        if not np.isfinite(array).all():
            row, column = np.argwhere(~np.isfinite(array))[0]
            raise ArgumentError(
                "cost",
                "finite costs",
                f"{array[row, column]} for class {rows[row]!r} and action {columns[column]!r}",
                "Give a large number for what must not happen.",
            )
        for name, value in (("values", array), ("classes", rows), ("actions", columns)):
            object.__setattr__(self, name, value)

    @classmethod
    def from_cost(cls, cost: Callable[[Any, Any], Any], classes: Sequence[object]) -> Self:
        """Return the matrix of a pointwise cost between class numbers, whose order and distance then count.

        Example:
            >>> from thalweg.decisions.costs import Absolute
            >>> CostMatrix.from_cost(Absolute(), "abc").values.tolist()
            [[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [2.0, 1.0, 0.0]]
        """
        numbers = np.arange(len(classes))
        return cls(np.broadcast_to(cost(numbers, numbers[:, None]), (len(classes),) * 2), classes)

    @classmethod
    def from_dict(cls, table: Mapping[Any, Mapping[Any, float]]) -> Self:
        """Return the matrix of ``{true class: {action: cost}}``.

        Raises:
            ArgumentError: a class lacks the cost of an action.

        Example:
            >>> CostMatrix.from_dict({"no": {"no": 0, "yes": 1}, "yes": {"no": 5, "yes": 0}}).actions
            ('no', 'yes')
        """
        if not table or not all(isinstance(row, Mapping) and row for row in table.values()):
            raise ArgumentError("cost", "{true class: {action: cost}}", repr(table))
        actions = list(dict.fromkeys(action for row in table.values() for action in row))
        for name, row in table.items():
            for action in actions:
                if action not in row:
                    raise ArgumentError("cost", f"a cost of action {action!r} for every class", f"none for {name!r}")
        return cls([[row[action] for action in actions] for row in table.values()], list(table), actions)

    @classmethod
    def read(cls, path: Path | str) -> Self:
        r"""Read a CSV file: actions in the header, a row for each true class that begins with its name.

        Raises:
            ArgumentError: names the row and the column of what is no number, or missing.
            StorageError: the file cannot be read.

        Example:
            >>> import tempfile
            >>> path = Path(tempfile.mkdtemp()) / "cost.csv"
            >>> _ = path.write_text("true,no,yes,call back\nno,0,1,0.2\nyes,5,0,0.2\n")
            >>> CostMatrix.read(path).actions
            ('no', 'yes', 'call back')
        """
        with storage_errors("read", path):
            text = Path(path).read_bytes()
        try:
            lines = list(csv.reader(text.decode("utf-8-sig").splitlines()))
        except (UnicodeDecodeError, csv.Error) as error:
            raise ArgumentError("cost", "a CSV file", str(path), f"{error}.") from None
        rows = [[cell.strip() for cell in row] for row in lines if any(cell.strip() for cell in row)]
        if len(rows) < 2 or len(rows[0]) < 2:
            raise ArgumentError(
                "cost",
                "a CSV file with actions in its header and a row a class",
                f"{path} of {len(rows)} line(s), its first of {len(rows[0]) if rows else 0} cell(s)",
                "Separate cells by commas; the first line is like: true,no,yes.",
            )
        header, body = rows[0], rows[1:]
        for row in body:
            if len(row) != len(header):
                raise ArgumentError(
                    "cost", f"{len(header) - 1} costs for class {row[0]!r}, as in the header", f"{len(row) - 1}"
                )
        return cls([[_cell(cell, row[0], a) for cell, a in zip(row[1:], header[1:], strict=True)] for row in body],
                   [row[0] for row in body], header[1:])  # fmt: skip

    def aligned(self, classes: Sequence[object]) -> Self:
        """Return the matrix with its rows in the order of a model's classes.

        Raises:
            ArgumentError: another number of classes, one that is missing, or one that the model does not know.

        Example:
            >>> CostMatrix([[0, 1], [5, 0]], ["yes", "no"]).aligned(["no", "yes"]).values.tolist()
            [[5.0, 0.0], [0.0, 1.0]]
        """
        names = tuple(map(spelled, classes))
        for name in self.classes:
            if name not in names:
                raise ArgumentError(
                    "cost", f"rows for the classes {', '.join(names)}", f"a row for {name!r}", nearest(name, names)
                )
        for name in names:
            if name not in self.classes:
                raise ArgumentError("cost", f"a row for each of the classes {', '.join(names)}", f"none for {name!r}")
        return type(self)(self.values[[self.classes.index(name) for name in names]], names, self.actions)

    def with_reject(self, price: float) -> Self:
        """Return the matrix with one more action, which costs ``price`` whatever the class.

        Source: Chow, *On Optimum Recognition Error and Reject Tradeoff* (1970).
        """
        if REJECT in self.actions:
            raise ArgumentError("reject", "no price beside a cost matrix that has this action", f"{price:g}")
        column = np.full((len(self.classes), 1), price)
        return type(self)(np.hstack([self.values, column]), self.classes, (*self.actions, REJECT))

    def risk(self, probabilities: Float[np.ndarray, "*rows classes"]) -> Float[np.ndarray, "*rows actions"]:
        """Return the expected cost R(a|x) = Σ_y C[y, a] p(y|x) of each action."""
        return np.asarray(probabilities @ self.values)

    def plain_actions(self) -> NDArray[np.intp]:
        """Return, for each class, the action of one who takes it for certain: its name's, else the cheapest one."""
        names = {name: place for place, name in enumerate(self.actions)}
        cheapest = self.values.argmin(axis=1)
        return np.array([names.get(name, cheapest[row]) for row, name in enumerate(self.classes)], np.intp)

    def action(self, name: object) -> int:
        """Return the column of an action.

        Raises:
            ArgumentError: there is no such action; names the nearest one.
        """
        if spelled(name) not in self.actions:
            raise ArgumentError(
                "flag", f"one of the actions {', '.join(self.actions)}", repr(name), nearest(str(name), self.actions)
            )
        return self.actions.index(spelled(name))


def make_matrix(cost: Any, classes: Sequence[object]) -> CostMatrix:
    """Return the cost matrix of any way to write one, for a model's classes.

    Args:
        cost: a `CostMatrix`, an array (classes, actions), a dictionary, the path of a CSV file, or a pointwise cost.
        classes: names of the classes, in the model's order.

    Raises:
        ArgumentError: it does not fit the classes.

    Example:
        >>> make_matrix([[0, 1], [5, 0]], ["no", "yes"]).actions
        ('no', 'yes')
    """
    if isinstance(cost, Path):
        cost = CostMatrix.read(cost)
    elif isinstance(cost, Mapping):
        cost = CostMatrix.from_dict(cost)
    elif callable(cost):
        return CostMatrix.from_cost(cost, classes)
    elif not isinstance(cost, CostMatrix):
        try:
            shape = np.shape(cost)
        except ValueError:  # rows of different lengths: the matrix says so
            shape = ()
        if len(shape) == 2 and shape[0] != len(classes):
            raise ArgumentError("cost", f"{len(classes)} rows, one for each true class", f"shape {shape}")
        named = classes if len(shape) == 2 and shape[1] == len(classes) else ()
        unnamed = [] if len(shape) != 2 or named else [f"action {place}" for place in range(shape[1])]
        cost = CostMatrix(cost, classes, named or unnamed)
    matrix: CostMatrix = cost.aligned(classes)
    return matrix


def spelled(name: object) -> str:
    """Return one spelling of a class name: 3, 3.0 and "3" are one, and so are True and "true".

    Example:
        >>> spelled(3.0), spelled("3.0"), spelled(True), spelled(" ham ")
        ('3', '3', 'true', 'ham')
    """
    text = str(name).strip()
    if text in {"True", "False"}:
        return text.lower()
    return text[:-2] if text.endswith(".0") and text[:-2].lstrip("-").isdigit() else text


def _check_names(names: tuple[str, ...], length: int, what: str) -> None:
    if len(names) != length:
        raise ArgumentError("cost", f"{length} {what}, as the matrix has", f"{len(names)} names", "Name each of them.")
    if "" in names:
        raise ArgumentError("cost", f"names of all {what}", "an empty name")
    if twice := [name for name in names if names.count(name) > 1]:
        raise ArgumentError("cost", f"different names of {what}", f"{twice[0]!r} twice")


def _cell(text: str, row: str, column: str) -> float:
    try:
        return float(text)
    except ValueError:
        got = f"{text!r} for class {row!r} and action {column!r}"
        raise ArgumentError("cost", "a number in every cell", got) from None
