"""JAX's programs run where they are asked for, unless the environment says otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("told", "wanted"), [(None, "False"), ("true", "True")])
def test_programs_run_in_the_thread_that_asks_unless_told_otherwise(told: str | None, wanted: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "JAX_CPU_ENABLE_ASYNC_DISPATCH"}
    if told is not None:
        environment["JAX_CPU_ENABLE_ASYNC_DISPATCH"] = told
    code = "import thalweg.network, jax; print(jax.config.read('jax_cpu_enable_async_dispatch'))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert said.stdout.strip() == wanted
