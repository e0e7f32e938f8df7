"""When training ends, and which epoch is kept, where lines of the history are not all alike."""

from __future__ import annotations

from typing import Any

from thalweg.training import EarlyStopping


def lines(*losses: float | None) -> list[dict[str, Any]]:
    """A history of epochs, of which some lack the loss of validation rows."""
    rows = [{"epoch": epoch, "validation_loss": loss} for epoch, loss in enumerate(losses, start=1)]
    return [row if row["validation_loss"] is not None else {"epoch": row["epoch"]} for row in rows]


def test_lines_without_the_watched_quantity_do_not_count() -> None:
    rule = EarlyStopping(patience=2)
    assert rule.best(lines(None, 3.0, None, 2.0, None, 2.5)) == 4
    assert rule.best(lines(None, None)) == 0
    # One epoch without progress since the fourth; those that were not watched do not wait.
    assert not rule.ends(lines(None, 3.0, None, 2.0, None, 2.5, None, None))
    assert rule.ends(lines(None, 3.0, None, 2.0, None, 2.5, None, 2.5))
    assert not rule.ends(lines(None, None, None, None))
    assert not rule.ends([])


def test_a_history_read_from_a_file_has_none_for_what_was_not_finite() -> None:
    assert EarlyStopping(patience=2).best([{"epoch": 1, "validation_loss": None}, {"epoch": 2}]) == 0


def test_lines_up_to_an_epoch_do_not_count() -> None:
    history = lines(0.1, 0.2, 0.3, 5.0, 4.0, 4.5)
    rule = EarlyStopping(patience=2, anneal=0.5, since=3)
    assert EarlyStopping(patience=2).ends(history[:3])
    assert (rule.best(history[:3]), rule.ends(history[:3])) == (0, False)
    assert (rule.best(history), rule.ends(history)) == (5, False)
    # The step size falls over half of the two epochs up to the best one of those that count.
    assert rule.annealing([*history, {"epoch": 7, "validation_loss": 4.5}], 100) == 1
