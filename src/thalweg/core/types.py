"""Array aliases: the pytrees every room passes around."""

from __future__ import annotations

from typing import Any

from jax import Array

Params = Any
"""Trained parameters: a pytree of arrays, one entry a layer."""

State = Any
"""What a layer keeps but does not train (running statistics): a pytree of arrays."""

Tape = Any
"""What a forward pass keeps for its backward pass."""

__all__ = ["Array", "Params", "State", "Tape"]
