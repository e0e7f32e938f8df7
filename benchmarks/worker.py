"""One contender in a process of its own: ``python -m benchmarks.worker CONTENDER WORK EPOCHS [--quick]``.

It trains EPOCHS epochs to warm up, says so, and then answers each line on standard input by training for a while
and telling the seconds a step took. Contenders in one process would share thread pools and disturb each other.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from typing import IO, Any

from benchmarks import nets
from benchmarks.contenders import CONTENDERS, Contender, make

LEAST = 0.2
"""Seconds that a round takes at least; whole epochs are repeated until then."""


def main(arguments: list[str]) -> None:
    # Answers go to the real standard output; what libraries print there goes to standard error.
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        try:
            _serve(arguments, answers)
        except Exception as error:  # noqa: BLE001  the row of the table tells it
            _answer(answers, error=" ".join(f"{type(error).__name__}: {error}".split())[:300])
        os._exit(0)  # threads may still hold a training loop


def _serve(arguments: list[str], answers: IO[str]) -> None:
    name, work, epochs = arguments[0], nets.WORKS[arguments[1]], int(arguments[2])
    if "--quick" in arguments:
        work = work.quick()
    x, y = nets.data(work)
    contender = make(name, work, x, y, nets.weights(work))
    trained = contender.warm_up(epochs)
    _round(contender, work.steps)
    loss = nets.loss(work, trained, x, y) if trained else None
    _answer(answers, label=CONTENDERS[name].label, version=contender.version, loss=loss)
    for _ in sys.stdin:
        _answer(answers, seconds=_round(contender, work.steps))


def _round(contender: Contender, steps: int) -> float:
    """Return seconds a step, over as many epochs as fill the round."""
    began, epochs, passed = time.perf_counter(), 0, 0.0
    while passed < LEAST:
        contender.epoch()
        epochs, passed = epochs + 1, time.perf_counter() - began
    return passed / (epochs * steps)


def _answer(answers: IO[str], **content: Any) -> None:
    if content.get("loss") is not None and not math.isfinite(content["loss"]):
        content["loss"] = None
    answers.write(json.dumps(content) + "\n")
    answers.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
