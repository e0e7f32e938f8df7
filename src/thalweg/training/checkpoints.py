"""Checkpoints: everything a run needs to go on as if it had never stopped."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import jax

from thalweg.core.errors import ModelError, StorageError


@dataclass
class Progress:
    """How far a run is, beside its arrays.

    Attributes:
        epoch: the epoch being run, from 1.
        chunk: its next chunk, from 0.
        loss: sum over the epoch's rows so far of the loss.
        score: sums of the metric's terms so far.
        counted: rows so far.
        seconds: seconds spent on this epoch so far.
        learning_rate: step size of the last update, where the optimizer tells.
        history: the finished epochs' lines.
        best_epoch: epoch whose parameters are kept for early stopping; 0 for none.
        fall: of a step size that falls from the best epoch on, the epoch before the first and the last; empty while
            it does not.
        members: the same of each member of an ensemble.
    """

    epoch: int = 1
    chunk: int = 0
    loss: float = 0.0
    score: list[float] = field(default_factory=list)
    counted: float = 0.0
    seconds: float = 0.0
    learning_rate: float | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    fall: list[int] = field(default_factory=list)
    members: dict[str, Any] = field(default_factory=dict)

    def next_epoch(self, row: dict[str, Any]) -> None:
        """Close the epoch with its line and open the next."""
        self.history.append(row)
        self.epoch, self.chunk = self.epoch + 1, 0
        self.loss, self.score, self.counted, self.seconds = 0.0, [], 0.0, 0.0


class Checkpoints:
    """A folder of Orbax checkpoints, of which the newest complete one counts.

    Orbax writes a checkpoint beside the others and renames it when complete, so a run killed at any moment finds the
    one before. When they are written never changes the numbers.

    Args:
        folder: made when the first checkpoint is written.
        every_seconds: least time between two checkpoints; the one asked for by Ctrl-C is always written.

    Raises:
        StorageError: the folder cannot be written.
    """

    def __init__(self, folder: Path, every_seconds: float = 30.0) -> None:
        self.folder, self.every_seconds = Path(folder).absolute(), every_seconds
        self._last = time.monotonic()
        self._manager: Any = None

    def due(self) -> bool:
        """Return whether the time between checkpoints has passed."""
        return time.monotonic() - self._last >= self.every_seconds

    def save(self, number: int, arrays: Any, progress: Progress) -> None:
        """Write a checkpoint.

        Args:
            number: chunks done in the whole run: the newest is the largest.
            arrays: pytree of arrays.
            progress: the rest.

        Raises:
            StorageError: the disk is full or read-only; the checkpoint before stays.
        """
        from orbax import checkpoint

        if self._manager is not None and self._manager.latest_step() == number:
            return
        self._check_space(arrays)
        try:
            self._open().save(
                number,
                args=checkpoint.args.Composite(
                    arrays=checkpoint.args.StandardSave(arrays), progress=checkpoint.args.JsonSave(asdict(progress))
                ),
            )
        except (OSError, ValueError) as error:
            raise StorageError(f"checkpoint {self.folder}: cannot be written ({error}).") from error
        self._last = time.monotonic()

    def _check_space(self, arrays: Any) -> None:
        """Raise before Orbax begins: it reports a full disk from many tasks at once, and leaves what it had begun."""
        needed = sum(leaf.nbytes for leaf in jax.tree.leaves(arrays)) + 2**18
        place = next(folder for folder in (self.folder, *self.folder.parents) if folder.is_dir())
        free = shutil.disk_usage(place).free
        if free < needed:
            raise StorageError(
                f"checkpoint {self.folder}: cannot be written: {needed} bytes are needed, {free} are free. "
                "Make room, then go on with --resume."
            )

    def restore(self, like: Any) -> tuple[Any, Progress] | None:
        """Return arrays and progress of the newest complete checkpoint, or None when there is none.

        Args:
            like: pytree of arrays that gives structure, shapes and placement.

        Raises:
            ModelError: the checkpoint is damaged, or of a network of other shapes.
        """
        if not self.folder.is_dir():
            return None
        from orbax import checkpoint

        number = self._open().latest_step()
        if number is None:
            return None
        try:
            restored = self._open().restore(
                number,
                args=checkpoint.args.Composite(
                    arrays=checkpoint.args.StandardRestore(jax.tree.map(checkpoint.utils.to_shape_dtype_struct, like)),
                    progress=checkpoint.args.JsonRestore(),
                ),
            )
            return restored.arrays, Progress(**restored.progress)
        except Exception as error:  # Orbax and TensorStore raise many kinds for a damaged folder
            raise ModelError(
                f"checkpoint {self.folder}: cannot be read ({type(error).__name__}). Train again without --resume."
            ) from error

    def close(self) -> None:
        """Release the folder."""
        if self._manager is not None:
            self._manager.close()
            self._manager = None

    def _open(self) -> Any:
        if self._manager is None:
            import logging

            from orbax import checkpoint

            logging.getLogger("absl").setLevel(logging.ERROR)
            self._manager = checkpoint.CheckpointManager(
                self.folder,
                options=checkpoint.CheckpointManagerOptions(max_to_keep=1, enable_async_checkpointing=False),
            )
        return self._manager
