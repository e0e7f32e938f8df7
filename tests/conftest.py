"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def plain_networks() -> Iterator[None]:
    """Tests train plain networks unless they name a preset: the recipe for tables takes seconds to compile."""
    from thalweg.recipes import presets

    before, presets.AUTO = presets.AUTO, "plain"
    yield
    presets.AUTO = before
