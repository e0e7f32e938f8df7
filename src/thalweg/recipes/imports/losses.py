"""From another library's loss, and the activation before it, to a likelihood with the same error vectors."""

from __future__ import annotations

import math
from typing import Any

from thalweg.core.errors import ArgumentError
from thalweg.core.registry import lookup
from thalweg.likelihoods import Likelihood, make_likelihood
from thalweg.recipes.imports.stack import Stack

PROBABILITIES = {"softmax": "categorical", "log_softmax": "categorical", "sigmoid": "bernoulli"}
"""Output activations that tell the loss by themselves."""


def likelihood_of(stack: Stack, loss: str | None, **options: Any) -> tuple[Likelihood, str]:
    """Return the likelihood of a stack, and the activation that was taken off its end.

    An activation that the loss is made for goes into the likelihood. One that it is not made for stays in the network,
    as in a softmax before a cross entropy of logits: such mistakes are to be seen.

    Args:
        stack: the layers; its last activation may be taken off.
        loss: ``"squared"``, ``"absolute"``, ``"huber"``, ``"cross_entropy"`` (of probabilities), ``"logits"``,
            ``"binary"`` (of probabilities), ``"binary_logits"``, ``"poisson"``; None to tell by the last activation.
        options: ``outputs_mean`` (the loss is a mean over outputs too), ``factor`` (of the square in a squared loss),
            ``delta`` and ``weight`` of Huber's, ``label_smoothing``, ``class_weights``.

    Raises:
        ArgumentError: there is nothing to tell the loss by, or it needs probabilities and gets none.
    """
    last, outputs = stack.last(), stack.units
    if loss is None:
        if last not in PROBABILITIES:
            raise ArgumentError(
                "loss", "the loss that the network is trained with", "none, and no output that tells it"
            )
        loss = "binary" if last == "sigmoid" else "cross_entropy"
    # Error vectors of a mean over K outputs are 1/K of those of the sum that a likelihood is.
    share = outputs if options.get("outputs_mean", True) else 1
    link = "identity"
    if loss in {"cross_entropy", "binary"}:
        wanted = {"cross_entropy": ("softmax", "log_softmax"), "binary": ("sigmoid",)}[loss]
        if last not in wanted:
            raise ArgumentError("loss", f"{wanted[0]} outputs before it", f"{last or 'linear'} outputs")
        link = last
        stack.drop()
        loss = {"cross_entropy": "logits", "binary": "binary_logits"}[loss]
    smoothing = {name: options[name] for name in ("label_smoothing", "class_weights") if options.get(name)}
    if loss == "logits":
        if outputs == 1:
            stack.note("a softmax over one output is always 1: the loss tells nothing")
        return make_likelihood("categorical", **smoothing), link
    if loss == "binary_logits":
        if outputs > 1:
            stack.note(f"the loss is a mean over {outputs} labels there, a sum here: the step size acts {outputs} fold")
        return make_likelihood("bernoulli" if outputs == 1 else "multilabel", **smoothing), link
    if loss == "poisson":
        if outputs > 1:
            stack.note(
                f"the loss is a mean over {outputs} outputs there, a sum here: the step size acts {outputs} fold"
            )
        return make_likelihood("poisson"), link
    scales = {
        # ∂/∂f of (y - f)² is twice that of ½ (y - f)² / s² with s = 1.
        "squared": lambda: make_likelihood("gaussian", scale=math.sqrt(share / options.get("factor", 2.0))),
        "absolute": lambda: make_likelihood("laplace", scale=float(share)),
        "huber": lambda: _huber(options["delta"], share / options.get("weight", 1.0)),
    }
    return lookup(scales, loss, "loss")(), link


def _huber(delta: float, share: float) -> Likelihood:
    # With z = r / s, Huber's ρ_{δ/s}(z) is ρ_δ(r) / s²: s² = K makes it the mean over K outputs.
    scale = math.sqrt(share)
    return make_likelihood("huber", delta=delta / scale, scale=scale)
