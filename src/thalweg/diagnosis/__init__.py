"""Instruments for training runs: what theory says can go wrong, measured while it happens."""

from thalweg.diagnosis.hook import Instruments
from thalweg.diagnosis.instrument import Instrument
from thalweg.diagnosis.records import read_records, series
from thalweg.diagnosis.registry import GROUPS, INSTRUMENTS

__all__ = ["GROUPS", "INSTRUMENTS", "Instrument", "Instruments", "read_records", "series"]
