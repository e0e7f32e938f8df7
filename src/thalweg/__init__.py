"""Dense neural networks from likelihood to loss, from loss to trained network, from posterior to decision."""

__version__ = "0.1.0"
