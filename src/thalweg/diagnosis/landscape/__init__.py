"""Loss landscapes: slices through those of real networks, and ways down on classic surfaces."""

from thalweg.diagnosis.landscape.descent import Descent, descend
from thalweg.diagnosis.landscape.directions import hessian_directions, random_directions, trajectory_directions
from thalweg.diagnosis.landscape.pictures import draw_descents, draw_slice
from thalweg.diagnosis.landscape.slices import Slice, slice_along
from thalweg.diagnosis.landscape.surfaces import SURFACES, Surface
from thalweg.diagnosis.landscape.trajectory import Trajectory

__all__ = [
    "SURFACES",
    "Descent",
    "Slice",
    "Surface",
    "Trajectory",
    "descend",
    "draw_descents",
    "draw_slice",
    "hessian_directions",
    "random_directions",
    "slice_along",
    "trajectory_directions",
]
