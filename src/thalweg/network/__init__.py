"""Activations, initializers, layers, the network and its summary."""

from thalweg.network.activation_layer import Activation, PReLU
from thalweg.network.activations import ACTIVATIONS, activation, softmax_jacobian
from thalweg.network.dense import Dense
from thalweg.network.dropout import Dropout, GaussianNoise
from thalweg.network.initializers import INITIALIZERS
from thalweg.network.layer import Layer
from thalweg.network.layers import LAYERS, layer_from_dict
from thalweg.network.members import Members
from thalweg.network.network import NORMALIZATIONS, Network, dense_network
from thalweg.network.normalization import BatchNorm, LayerNorm
from thalweg.network.residual import Residual
from thalweg.network.summary import Summary, summary
from thalweg.network.vector import flatten, named_arrays, path_name, unflatten

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "LAYERS",
    "NORMALIZATIONS",
    "Activation",
    "BatchNorm",
    "Dense",
    "Dropout",
    "GaussianNoise",
    "Layer",
    "LayerNorm",
    "Members",
    "Network",
    "PReLU",
    "Residual",
    "Summary",
    "activation",
    "dense_network",
    "flatten",
    "layer_from_dict",
    "named_arrays",
    "path_name",
    "softmax_jacobian",
    "summary",
    "unflatten",
]
