"""Configuration, run folder and report."""
