"""The model folder: ``model.json`` beside ``weights.safetensors``. Loading one runs no code of its author.

``model.json`` holds the schema version, the network, the likelihood, the encoder, the history and the
digest of the weights; old schema versions stay readable, newer ones are refused with a hint to upgrade.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from thalweg.core.errors import ModelError
from thalweg.core.files import restore_folder, storage_errors, write_folder_atomic
from thalweg.core.plain import plain

SCHEMA_VERSION = 3
DESCRIPTION, WEIGHTS = "model.json", "weights.safetensors"


def write_artefact(folder: Path | str, description: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a model folder whole or not at all; a model that was there before survives any failure.

    Args:
        folder: where; a new or empty folder, or an older model to replace.
        description: JSON-able parts of the model (network, likelihood, encoder, history).
        arrays: weights and running statistics by name, e.g. ``layers.0.weight``.

    Raises:
        StorageError: the place is read-only, full, or holds something else.
    """
    from safetensors.numpy import save

    from thalweg import __version__

    weights = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    digest = hashlib.sha256(weights).hexdigest()
    head = {"schema_version": SCHEMA_VERSION, "thalweg": __version__, "weights_sha256": digest}
    text = json.dumps(plain(head | dict(description)), indent=1, allow_nan=False)

    def fill(temporary: Path) -> None:
        (temporary / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
        (temporary / WEIGHTS).write_bytes(weights)

    write_folder_atomic(folder, fill, names=(DESCRIPTION, WEIGHTS))


def read_artefact(folder: Path | str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read a model folder and check it.

    Returns:
        The description and the arrays by name.

    Raises:
        ModelError: not a model folder, damaged, or written by a newer version.
        StorageError: the files cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    folder = Path(folder)
    restore_folder(folder)
    for name in (DESCRIPTION, WEIGHTS):
        if not (folder / name).is_file():
            what = "is no model folder" if name == DESCRIPTION else "is damaged"
            raise ModelError(f"{folder} {what}: {name} is missing.")
    with storage_errors("read", folder):
        text, weights = (folder / DESCRIPTION).read_bytes(), (folder / WEIGHTS).read_bytes()
    try:
        description = json.loads(text)
        version = int(description["schema_version"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ModelError(f"{folder / DESCRIPTION} is damaged: no model description can be read from it.") from error
    if version > SCHEMA_VERSION:
        raise ModelError(
            f"{folder} was written by a newer thalweg ({description.get('thalweg', 'unknown')}, schema {version}; "
            f"this one reads up to schema {SCHEMA_VERSION}). Upgrade thalweg to load it."
        )
    if hashlib.sha256(weights).hexdigest() != description.get("weights_sha256"):
        raise ModelError(f"{folder / WEIGHTS} is damaged: its contents do not match the digest in {DESCRIPTION}.")
    try:
        return description, load(weights)
    except (SafetensorError, ValueError, KeyError) as error:
        raise ModelError(f"{folder / WEIGHTS} is damaged: {error}.") from error
