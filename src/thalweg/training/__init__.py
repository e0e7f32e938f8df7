"""State, step, loop, hooks, stopping and checkpoints."""

from thalweg.training.begin import begin
from thalweg.training.checkpoints import Checkpoints
from thalweg.training.evaluate import evaluate
from thalweg.training.hooks import ChunkInfo, Hook, RunInfo, StepStatistics
from thalweg.training.loop import Trained, train
from thalweg.training.members import TrainedMembers, as_one, out_of_fold, train_members
from thalweg.training.members_loop import Own
from thalweg.training.step import StepView
from thalweg.training.stopping import EarlyStopping

__all__ = [
    "Checkpoints",
    "ChunkInfo",
    "EarlyStopping",
    "Hook",
    "Own",
    "RunInfo",
    "StepStatistics",
    "StepView",
    "Trained",
    "TrainedMembers",
    "as_one",
    "begin",
    "evaluate",
    "out_of_fold",
    "train",
    "train_members",
]
