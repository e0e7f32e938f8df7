"""What every command that computes does first: keep compiled programs from one process to the next."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """Return this user's folder for compiled programs."""
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "thalweg" / "xla"


def keep_compiled() -> None:
    """Let JAX keep compiled programs on disk, so that the second run of a kind starts at once.

    A folder that JAX has been given already, such as by ``JAX_COMPILATION_CACHE_DIR``, stays.
    """
    import jax

    if getattr(jax.config, "jax_compilation_cache_dir", None):  # jax.config has no types
        return
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # a home that cannot be written costs speed, nothing else
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
