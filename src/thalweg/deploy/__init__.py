"""The model folder: save, load, predict."""

from thalweg.deploy.model import Model, load
from thalweg.deploy.segmenter import Segmenter

__all__ = ["Model", "Segmenter", "load"]
