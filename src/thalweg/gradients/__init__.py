"""The forward and the explicit backward pass, and their checks."""

from thalweg.gradients.backprop import BackwardPass, backprop, error_vectors
from thalweg.gradients.check import GradientCheck, check_gradients

__all__ = ["BackwardPass", "GradientCheck", "backprop", "check_gradients", "error_vectors"]
