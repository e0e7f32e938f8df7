"""State, step, loop, hooks, stopping and checkpoints."""

from thalweg.training.checkpoints import Checkpoints
from thalweg.training.evaluate import evaluate
from thalweg.training.hooks import ChunkInfo, Hook, RunInfo, StepStatistics
from thalweg.training.loop import Trained, train
from thalweg.training.step import StepView
from thalweg.training.stopping import EarlyStopping

__all__ = [
    "Checkpoints",
    "ChunkInfo",
    "EarlyStopping",
    "Hook",
    "RunInfo",
    "StepStatistics",
    "StepView",
    "Trained",
    "evaluate",
    "train",
]
