"""Dense networks from PyTorch, Keras and scikit-learn, with weights, loss and optimizer: ask, train on, diagnose."""

from thalweg.recipes.imports.imported import Imported
from thalweg.recipes.imports.keras import from_keras
from thalweg.recipes.imports.sklearn import from_sklearn
from thalweg.recipes.imports.torch import from_torch

__all__ = ["Imported", "from_keras", "from_sklearn", "from_torch"]
