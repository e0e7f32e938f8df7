from pathlib import Path
from typing import Any

import pytest

from thalweg.runs.search import SearchResult, search

SMALL: dict[str, Any] = {
    "data": "iris",
    "epochs": 4,
    "trials": 9,
    "test": "0.2",
    "pruner": "none",
    "space": {"learning_rate": "1e-3:0.1:log", "width": [4, 8]},
}
"""A search whose trials share few shapes: compilation is all that costs."""


@pytest.fixture(scope="session")
def found(tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    """A finished search. Tests that go on with it work on copies."""
    return search(**SMALL, out=str(tmp_path_factory.mktemp("search") / "<b>iris</b>"))
