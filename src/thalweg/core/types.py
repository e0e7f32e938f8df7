"""Array aliases: the pytrees every room passes around."""

from __future__ import annotations

from typing import Any

from jax import Array

from thalweg.core.dispatch import run_where_asked

Params = Any
"""Trained parameters: a pytree of arrays, one entry a layer."""

State = Any
"""What a layer keeps but does not train (running statistics): a pytree of arrays."""

Tape = Any
"""What a forward pass keeps for its backward pass."""

run_where_asked()  # every room that runs programs has these names

__all__ = ["Array", "Params", "State", "Tape"]
