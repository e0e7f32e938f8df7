"""Whether a predictive distribution can be believed, and how to mend it on held-out rows."""

from thalweg.decisions.calibration.conformal import Conformal
from thalweg.decisions.calibration.coverage import Coverage, coverage, pit
from thalweg.decisions.calibration.crps import crps
from thalweg.decisions.calibration.held_out import Calibration, fit_calibration
from thalweg.decisions.calibration.maps import CALIBRATIONS, Isotonic, Scale, Temperature
from thalweg.decisions.calibration.methods import METHODS
from thalweg.decisions.calibration.reliability import Reliability, binomial_interval, reliability
from thalweg.decisions.calibration.scores import Brier, brier, nll

__all__ = [
    "CALIBRATIONS",
    "METHODS",
    "Brier",
    "Calibration",
    "Conformal",
    "Coverage",
    "Isotonic",
    "Reliability",
    "Scale",
    "Temperature",
    "binomial_interval",
    "brier",
    "coverage",
    "crps",
    "fit_calibration",
    "nll",
    "pit",
    "reliability",
]
