"""Norms, distributions, density estimates, divergences and Bayes' rule."""
