"""Facts: plain numbers about data, network, loss and start, taken before training, and about the result, taken after.

Facts are measured here and judged elsewhere: the rules read numbers, so that a finished run can be judged again.
"""

from thalweg.diagnosis.facts.collect import facts_after, facts_before
from thalweg.diagnosis.facts.subject import Subject

__all__ = ["Subject", "facts_after", "facts_before"]
