"""What the encoded columns of a table are, in their order: what a network needs to know of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """Encoded columns in the order they stand: numbers, then columns of few values, then codes of levels.

    Args:
        numbers: how many leading columns are scaled numbers, parts of dates among them.
        binary: how many columns follow that hold indicators of missing numbers and one-hot codes: 0 and 1, or -1
            and 1.
        codes: for each trailing column of whole numbers, how many values 0 … n-1 it takes. They are no quantities: a
            network looks a vector up for each. 0 stands for what is rare or was never seen in training.

    Example:
        >>> layout = Layout(numbers=3, binary=2, codes=(4038,))
        >>> layout.width, layout.plain
        (6, False)
    """

    numbers: int
    binary: int = 0
    codes: tuple[int, ...] = ()

    @property
    def width(self) -> int:
        """Number of encoded columns d."""
        return self.numbers + self.binary + len(self.codes)

    @property
    def plain(self) -> bool:
        """Whether any network can take these columns as they are: there are no codes to look up."""
        return not self.codes
