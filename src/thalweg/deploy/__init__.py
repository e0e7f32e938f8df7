"""The model folder: save, load, predict."""

from thalweg.deploy.model import Model, load

__all__ = ["Model", "load"]
