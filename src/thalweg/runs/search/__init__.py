"""Search: settings that make the loss on held-out rows small, by Optuna, and a run with the best of them."""

from thalweg.runs.search.result import SearchResult
from thalweg.runs.search.run import search
from thalweg.runs.search.space import SPACE
from thalweg.runs.search.study import Trial

__all__ = ["SPACE", "SearchResult", "Trial", "search"]
