"""Configuration, run folder, report, and training from Python."""
