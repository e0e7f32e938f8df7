"""The forward and the explicit backward pass, and their checks."""
