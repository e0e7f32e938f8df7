"""Noise models: cost per example, output error vector, predictive distribution."""
