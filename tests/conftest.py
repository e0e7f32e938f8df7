"""What all tests share."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """What one test compiles serves the others too, the other worker's and those in processes that tests start."""
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:  # from make, or in a worker from the process that started it
        return
    folder = tempfile.mkdtemp(prefix="thalweg-tests-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ["JAX_COMPILATION_CACHE_DIR"] = folder
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"


@pytest.fixture(autouse=True, scope="session")
def plain_networks() -> Iterator[str]:
    """Tests train plain networks unless they name a preset: the recipe for tables takes seconds to compile."""
    from thalweg.recipes import presets

    before, presets.AUTO = presets.AUTO, "plain"
    yield before
    presets.AUTO = before


@pytest.fixture
def shipped_preset(plain_networks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The preset that users get who name none."""
    monkeypatch.setattr("thalweg.recipes.presets.AUTO", plain_networks)


@pytest.fixture
def compile_quickly() -> Iterator[None]:
    """Where programs run once or briefly, nearly all of the time would go into optimizing them."""
    import jax

    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
