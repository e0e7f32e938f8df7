"""Encoded rows packed for the disk: numbers as float32, indicators and one-hot columns in two bits, codes in few bytes.

Of a table with a hundred one-hot columns that is a tenth of the bytes, and the exact numbers come back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thalweg.data.layout import Layout
from thalweg.data.table import Array


@dataclass(frozen=True)
class Packing:
    """How the encoded columns of a row lie in bytes.

    Args:
        layout: what the columns are.

    Example:
        >>> packing = Packing(Layout(numbers=1, binary=3, codes=(300,)))
        >>> x = np.array([[0.5, 1, 0, -1, 299]], np.float32)
        >>> packing.bytes, packing.unpack(packing.pack(x)).tolist()
        (8, [[0.5, 1.0, 0.0, -1.0, 299.0]])
    """

    layout: Layout

    @property
    def code_types(self) -> tuple[np.dtype[np.unsignedinteger], ...]:
        """The smallest type that holds each code."""
        return tuple(np.min_scalar_type(max(0, levels - 1)) for levels in self.layout.codes)

    @property
    def bytes(self) -> int:
        """Bytes of a row."""
        planes = 2 * -(-self.layout.binary // 8)
        return 4 * self.layout.numbers + sum(kind.itemsize for kind in self.code_types) + planes

    def pack(self, x: Array) -> Array:
        """Pack encoded rows (n, d), float32, into bytes (n, `bytes`)."""
        layout = self.layout
        end = layout.numbers + layout.binary
        binary = x[:, layout.numbers : end]
        parts = [np.ascontiguousarray(x[:, : layout.numbers], "<f4").view(np.uint8).reshape(len(x), -1)]
        for place, kind in enumerate(self.code_types):
            code = np.ascontiguousarray(x[:, end + place], kind.newbyteorder("<"))
            parts.append(code.view(np.uint8).reshape(len(x), -1))
        parts += [np.packbits(plane, axis=1) for plane in (binary != 0, binary < 0)]
        return np.concatenate(parts, axis=1)

    def unpack(self, rows: Array) -> Array:
        """Return packed rows as encoded ones, float32 (n, d)."""
        layout = self.layout
        out = np.empty((len(rows), layout.width), np.float32)
        at = 4 * layout.numbers
        out[:, : layout.numbers] = np.ascontiguousarray(rows[:, :at]).view("<f4").reshape(len(rows), -1)
        end = layout.numbers + layout.binary
        for place, kind in enumerate(self.code_types):
            code = np.ascontiguousarray(rows[:, at : at + kind.itemsize]).view(kind.newbyteorder("<"))
            out[:, end + place] = code[:, 0]
            at += kind.itemsize
        if layout.binary:
            width = (rows.shape[1] - at) // 2
            filled, negative = (
                np.unpackbits(np.ascontiguousarray(plane), axis=1, count=layout.binary)
                for plane in (rows[:, at : at + width], rows[:, at + width :])
            )
            np.subtract(filled, 2 * negative, out=out[:, layout.numbers : end], casting="unsafe", dtype=np.int8)
        return out
