"""Small pictures as PNG bytes, without an image library.

The report shows a few dozen tiny pictures; a PNG is a zlib stream with four chunk headers around it,
so no dependency is worth its import time.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def encode_png(pixels: np.ndarray) -> bytes:
    r"""Encode one picture losslessly.

    Args:
        pixels: uint8, (height, width) for gray or (height, width, 1 | 3 | 4) for gray, RGB, RGBA.

    Returns:
        The bytes of a PNG file.

    Raises:
        ValueError: for another shape or type.

    Example:
        >>> encode_png(np.zeros((2, 3), np.uint8))[:8]
        b'\x89PNG\r\n\x1a\n'

    Source: PNG specification, third edition, W3C, 2025 (filter type 0 on every row).
    """
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4) or 0 in pixels.shape:
        raise ValueError(f"a picture is uint8 (height, width[, 1 | 3 | 4]), got {pixels.dtype} {pixels.shape}")
    height, width, channels = pixels.shape
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # the leading zero names the filter of each row
    rows[:, 1:] = pixels.reshape(height, -1)
    color_type = {1: 0, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 8, color_type, 0, 0, 0)
    body = zlib.compress(rows.tobytes(), 6)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")
