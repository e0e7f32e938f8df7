"""Activations, initializers, layers, the network and its summary."""
