"""What all kinds of runs check before they begin."""

from __future__ import annotations

from collections.abc import Iterable

from thalweg.core.errors import ArgumentError
from thalweg.core.validate import number
from thalweg.data.batches import Batches, known_targets
from thalweg.likelihoods import Likelihood
from thalweg.network import Network
from thalweg.optimizers import Optimizer
from thalweg.training.stopping import EarlyStopping


def check_run(
    network: Network, likelihood: Likelihood, batches: Batches, optimizer: Optimizer, epochs: int, average: float
) -> int:
    """Return the epochs, after checking what all kinds of runs are given."""
    number("average", average, at_least=0, below=1)
    if optimizer.full_batch and batches.steps != 1:
        raise ArgumentError(
            "batch_size",
            f"all {batches.rows} rows for this optimizer",
            batches.batch_size,
            "It takes full-batch steps.",
        )
    likelihood.check(network.outputs, known_targets(batches))
    return int(number("epochs", epochs, at_least=1, integer=True))


def check_monitor(
    stopping: EarlyStopping, validation: bool, test: bool, likelihood: Likelihood, scores: Iterable[str] = ()
) -> None:
    """Raise unless what early stopping watches is in the log's lines."""
    sets = ["train"] + ["validation"] * validation + ["test"] * test
    known = [f"{name}_{quantity}" for name in sets for quantity in ("loss", likelihood.metric)] + list(scores)
    if stopping.monitor not in known:
        raise ArgumentError(
            "monitor", f"one of {', '.join(known)}", repr(stopping.monitor), "Hold out a validation set."
        )
