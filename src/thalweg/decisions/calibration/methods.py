"""The ways to calibrate a model, by name: what the command, the settings and their help list."""

from __future__ import annotations

METHODS: dict[str, str] = {
    "temperature": "one number for all probabilities of a classifier",
    "isotonic": "a rising curve for the probabilities of each class",
    "scale": "one number for the deviations of each target",
    "conformal": "intervals, or sets of classes, that hold the truth at the rate asked for",
}
"""Ways to calibrate, and what they mend."""
