"""Activations, initializers, layers, the network and its summary."""

from thalweg.network.activation_layer import Activation, ParametricActivation, PReLU
from thalweg.network.activations import ACTIVATIONS, activation, softmax_jacobian
from thalweg.network.batch_ensemble import BatchEnsemble, MemberDense
from thalweg.network.dense import Dense
from thalweg.network.dropout import Dropout, GaussianNoise
from thalweg.network.embed import Embed
from thalweg.network.embeddings import NUMERIC_EMBEDDINGS
from thalweg.network.initializers import INITIALIZERS
from thalweg.network.layer import Layer
from thalweg.network.layers import LAYERS, layer_from_dict
from thalweg.network.members import Members
from thalweg.network.network import NORMALIZATIONS, Network, dense_network
from thalweg.network.normalization import BatchNorm, LayerNorm
from thalweg.network.parallel import Parallel
from thalweg.network.periodic import Periodic
from thalweg.network.piecewise_linear import PiecewiseLinear
from thalweg.network.residual import Residual
from thalweg.network.scale import Scale
from thalweg.network.sites import Site, activation_name, dense_sites
from thalweg.network.summary import Summary, summary
from thalweg.network.tabm_mini import MemberScale, SharedDense
from thalweg.network.vector import flatten, named_arrays, path_name, unflatten

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "LAYERS",
    "NORMALIZATIONS",
    "NUMERIC_EMBEDDINGS",
    "Activation",
    "BatchEnsemble",
    "BatchNorm",
    "Dense",
    "Dropout",
    "Embed",
    "GaussianNoise",
    "Layer",
    "LayerNorm",
    "MemberDense",
    "MemberScale",
    "Members",
    "Network",
    "PReLU",
    "Parallel",
    "ParametricActivation",
    "Periodic",
    "PiecewiseLinear",
    "Residual",
    "Scale",
    "SharedDense",
    "Site",
    "Summary",
    "activation",
    "activation_name",
    "dense_network",
    "dense_sites",
    "flatten",
    "layer_from_dict",
    "named_arrays",
    "path_name",
    "softmax_jacobian",
    "summary",
    "unflatten",
]
