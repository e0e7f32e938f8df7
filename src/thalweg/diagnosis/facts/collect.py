"""All facts of a run, by group."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from thalweg.core.plain import plain
from thalweg.core.types import Params, State
from thalweg.diagnosis.facts.architecture import network_facts
from thalweg.diagnosis.facts.dependence import as_numbers, dependence_facts
from thalweg.diagnosis.facts.inputs import input_facts
from thalweg.diagnosis.facts.loss import loss_facts
from thalweg.diagnosis.facts.outcome import outcome_facts
from thalweg.diagnosis.facts.start import start_facts
from thalweg.diagnosis.facts.subject import Subject
from thalweg.diagnosis.facts.targets import target_facts
from thalweg.likelihoods import LIKELIHOODS, Likelihood
from thalweg.network import Embed, Network, sequence

Facts = dict[str, Any]
"""Group ↦ name ↦ a number, a word, or a list of them; None where there is no answer."""


def facts_before(subject: Subject) -> Facts:
    """Return what can be known before the first step."""
    batches, outputs = subject.batches, subject.network.outputs
    found: Facts = plain(
        {
            "run": {
                "rows": batches.rows,
                "batch_size": batches.batch_size,
                "steps": batches.steps,
                "epochs": subject.epochs,
                "likelihood": subject.likelihood.name,
            },
            "inputs": input_facts(subject.x, codes=_codes(subject.network)),
            "targets": target_facts(subject.likelihood, subject.y, outputs),
            "dependence": _dependence(subject.likelihood, subject.x, subject.y),
            "network": network_facts(subject.network, subject.likelihood),
            "loss": _loss(subject),
            "start": start_facts(subject.network, subject.params),
        }
    )
    return found


def facts_after(subject: Subject, params: Params, state: State, epoch: int) -> Facts:
    """Return what can be known once training has ended.

    Args:
        subject: the run.
        params: θ at its end.
        state: running statistics.
        epoch: the last one.
    """
    x, y = subject.seen(epoch)
    found: Facts = plain(
        {
            "seen": _dependence(subject.likelihood, x, y),
            "outcome": outcome_facts(subject.network, subject.likelihood, params, state, subject.x, subject.y),
        }
    )
    return found


def _codes(network: Network) -> int:
    """Return how many of the last inputs are codes of levels, which the network has vectors for."""
    # Parallel stacks have an embedding each, of the same columns.
    return max((len(layer.levels) for layer in sequence.flat(network.layers) if isinstance(layer, Embed)), default=0)


def _dependence(likelihood: Likelihood, x: NDArray[Any], y: NDArray[Any]) -> dict[str, Any]:
    classes = likelihood.targets in ("classes", "ordered")
    return dependence_facts(x, as_numbers(likelihood, y), classes=classes)


def _loss(subject: Subject) -> dict[str, Any]:
    """Try the loss, unless it is one of ours, of which tests hold that it is a mean over pairs, least at the truth."""
    if LIKELIHOODS.get(subject.likelihood.name) is type(subject.likelihood):
        return {}
    return loss_facts(subject.likelihood, subject.y, subject.network.outputs)
