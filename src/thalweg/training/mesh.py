"""Splitting minibatches over devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np


class DataMesh(NamedTuple):
    """Shardings over a mesh with the axis ``data``.

    Attributes:
        split: for chunks (S, B, …): every device gets its share of each minibatch's rows.
        whole: every device gets the whole array.
    """

    split: jax.sharding.NamedSharding
    whole: jax.sharding.NamedSharding


def data_mesh(devices: Sequence[Any] | None) -> DataMesh | None:
    """Return the mesh over ``devices``, or None for one device: then nothing needs to be split.

    Example:
        >>> data_mesh(None) is None
        True
    """
    if devices is None or len(devices) < 2:
        return None
    mesh = jax.sharding.Mesh(np.asarray(devices), ("data",))
    spec: Any = jax.sharding.PartitionSpec
    return DataMesh(jax.sharding.NamedSharding(mesh, spec(None, "data")), jax.sharding.NamedSharding(mesh, spec()))
