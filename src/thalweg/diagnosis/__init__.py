"""Why does it not train: instruments that measure, rules that judge, findings in plain words."""

from thalweg.diagnosis.checkup import Checkup
from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.finding import Finding
from thalweg.diagnosis.hook import Instruments
from thalweg.diagnosis.instrument import Instrument
from thalweg.diagnosis.records import read_records, series
from thalweg.diagnosis.registry import GROUPS, INSTRUMENTS
from thalweg.diagnosis.rules import RULES
from thalweg.diagnosis.verdict import judge

__all__ = [
    "GROUPS",
    "INSTRUMENTS",
    "RULES",
    "Checkup",
    "Evidence",
    "Finding",
    "Instrument",
    "Instruments",
    "judge",
    "read_records",
    "series",
]
