"""What a run has to remember to be repeated: versions, machine, data, network."""

from __future__ import annotations

import dataclasses
import platform
from importlib.metadata import version
from typing import Any

import jax

from thalweg.core.processors import processors
from thalweg.network import Members, Network, summary
from thalweg.recipes.plan import Plan
from thalweg.recipes.tables import Tables


def versions() -> dict[str, str]:
    """Return the versions that decide the numbers."""
    import numpy as np
    import optax

    from thalweg import __version__

    return {
        "thalweg": __version__,
        "python": platform.python_version(),
        "jax": jax.__version__,
        "jaxlib": version("jaxlib"),
        "numpy": np.__version__,
        "optax": optax.__version__,
    }


def machine() -> dict[str, Any]:
    """Return what the run ran on; no names of hosts or users."""
    device = jax.devices()[0]
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": platform.machine(),
        "cores": processors(),
        "device": device.device_kind,
        "devices": jax.device_count(),
    }


def data(tables: Tables[Any], plan: Plan) -> dict[str, Any]:
    """Return what was trained on, for ``run.json``."""
    encoder = plan.encoder
    return {
        "name": tables.train.name,
        "hash": tables.train.hash(),
        "train_rows": tables.train.total,
        "validation_rows": None if tables.validation is None else tables.validation.total,
        "test_rows": 0 if tables.test is None else tables.test.total,
        "test": tables.test_origin,
        "features": encoder.feature_width,
        "classes": None if encoder.classes is None else [str(label) for label in encoder.classes],
        "target": encoder.target_name or ", ".join(encoder.target_names),
        "target_kind": encoder.outputs.kind,
        "shared_rows": tables.shared,
        "example_shape": encoder.example_shape,
    }


def network(plan: Plan) -> dict[str, Any]:
    """Return the summary of the network, or of all those of an ensemble, as plain data."""
    described, networks = plan.network, plan.config.networks
    if networks > 1:
        described = Network(described.inputs, (Members(networks, described.layers),))
    return dataclasses.asdict(summary(described))
