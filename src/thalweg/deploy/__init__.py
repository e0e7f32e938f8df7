"""The model folder: save, load, predict."""

from thalweg.deploy.loading import load
from thalweg.deploy.model import Model
from thalweg.deploy.segmenter import Segmenter

__all__ = ["Model", "Segmenter", "load"]
