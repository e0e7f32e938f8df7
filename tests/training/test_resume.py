"""Interrupted, killed and resumed runs, and minibatches split over devices: bit for bit where that is promised."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from thalweg.core.errors import ModelError, StorageError
from thalweg.data.batches import ArrayBatches, Layout
from thalweg.likelihoods import make_likelihood
from thalweg.network import dense_network, flatten
from thalweg.optimizers import make_optimizer
from thalweg.training import Checkpoints, ChunkInfo, EarlyStopping, Hook, Trained, train
from thalweg.training.interrupt import interruptible

EPOCHS = 6


def run(folder: Path | None, hook: Hook | None = None, anneal: float = 0.0) -> Trained:
    """Train a network with everything that a checkpoint must carry: momentum, statistics, dropout, average, best."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 5)).astype(np.float32)
    y = rng.integers(0, 3, 200).astype(np.int32)
    network = dense_network(5, (16, 16), 3, dropout=0.2, normalization="batch")
    batches, held_out = ArrayBatches(x, y, 16, seed=1), ArrayBatches(x[:50], y[:50], 50)
    # Four chunks an epoch, so that an epoch is also left in its middle.
    batches.layout = Layout(200, 16, 20, chunk_bytes=4 * 16 * 20)
    return train(
        network,
        make_likelihood("categorical"),
        batches,
        make_optimizer("adam", schedule="cosine", total_steps=13 * EPOCHS, steps_per_epoch=13),
        epochs=EPOCHS,
        seed=1,
        validation=held_out,
        average=0.9,
        stopping=EarlyStopping(patience=50, anneal=anneal),
        hooks=[hook] if hook else [],
        checkpoints=Checkpoints(folder, every_seconds=0.0) if folder else None,
    )


class SignalAt(Hook):
    """Send this process a signal after some chunk."""

    def __init__(self, number: int, after: int) -> None:
        self.number, self.left = number, after

    def on_chunk_end(self, info: ChunkInfo) -> None:
        del info
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), self.number)


def same(a: Trained, b: Trained) -> None:
    np.testing.assert_array_equal(flatten(a.params), flatten(b.params))
    for one, other in zip(jax.tree.leaves(a.state), jax.tree.leaves(b.state), strict=True):
        np.testing.assert_array_equal(one, other)
    clean = [[{k: v for k, v in row.items() if k != "seconds"} for row in t.history] for t in (a, b)]
    assert clean[0] == clean[1]
    assert a.epoch == b.epoch


def test_ctrl_c_ends_after_the_chunk_and_resumes_to_the_same_bits(tmp_path: Path) -> None:
    stopped = run(tmp_path / "checkpoint", SignalAt(signal.SIGINT, after=10))
    assert stopped.status == "interrupted"
    assert len(stopped.history) == 2
    again = run(tmp_path / "checkpoint", SignalAt(signal.SIGINT, after=3))
    assert again.status == "interrupted"
    same(run(tmp_path / "checkpoint"), run(None))


def test_an_interrupted_fall_of_the_step_size_resumes_to_the_same_bits(tmp_path: Path) -> None:
    whole = run(None, anneal=0.5)
    rates = [row["learning_rate"] for row in whole.history]
    planned = [row["learning_rate"] for row in run(None).history]
    assert rates[:4] == planned[:4]
    assert rates[4:] != planned[4:]
    # Of an epoch's four chunks two are done when the fall is interrupted.
    for after in (18, 4):
        assert run(tmp_path / "checkpoint", SignalAt(signal.SIGINT, after=after), 0.5).status == "interrupted"
    same(run(tmp_path / "checkpoint", anneal=0.5), whole)


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_bits(tmp_path: Path) -> None:
    script = (
        "import signal, sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; import test_resume as t; "
        "t.run(Path(sys.argv[2]), t.SignalAt(signal.SIGKILL, after=int(sys.argv[3])))"
    )
    for after in ("10", "4"):
        killed = subprocess.run(
            [sys.executable, "-c", script, str(Path(__file__).parent), str(tmp_path / "checkpoint"), after],
            check=False,
            capture_output=True,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    same(run(tmp_path / "checkpoint"), run(None))


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    run(tmp_path / "checkpoint", SignalAt(signal.SIGINT, after=5))
    for path in (tmp_path / "checkpoint").rglob("*"):
        if path.is_file() and path.parent.name == "d":
            path.write_bytes(b"")
    with pytest.raises(ModelError, match="cannot be read"):
        run(tmp_path / "checkpoint")


def test_a_checkpoint_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_text("a file stands where the folder should be")
    with pytest.raises(StorageError, match="cannot be written"):
        run(tmp_path / "checkpoint")


def test_a_full_disk_is_named_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(StorageError, match="1000 are free"):
        run(tmp_path / "checkpoint")
    assert not (tmp_path / "checkpoint").exists()


def test_a_double_ctrl_c_is_one() -> None:
    with interruptible() as asked:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        assert asked.wait(1)


@pytest.mark.slow
def test_two_devices_train_like_one() -> None:
    script = """
import sys, jax, numpy as np
from thalweg.data.batches import ArrayBatches
from thalweg.likelihoods import make_likelihood
from thalweg.network import dense_network, flatten
from thalweg.optimizers import make_optimizer
from thalweg.training import train
assert len(jax.devices()) == 2
rng = np.random.default_rng(0)
x, y = rng.normal(size=(103, 5)).astype(np.float32), rng.integers(0, 3, 103).astype(np.int32)
def theta(devices):
    batches = ArrayBatches(x, y, 15, multiple=len(devices))
    sgd = make_optimizer("momentum", learning_rate=0.05, total_steps=21, steps_per_epoch=7)
    network = dense_network(5, (16,), 3)
    trained = train(network, make_likelihood("categorical"), batches, sgd, epochs=3, devices=devices)
    return np.asarray(flatten(trained.params))
np.testing.assert_allclose(theta(jax.devices()), theta(jax.devices()[:1]), atol=1e-6)
"""
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr.decode()
