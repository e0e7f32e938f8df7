"""A finding: what a rule has found, in numbers and in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
"""``error``: the network cannot become good this way. ``warning``: it is very likely worse than it could be.
``note``: worth knowing, nothing to mend."""


@dataclass(frozen=True)
class Finding:
    """What is wrong, how sure that is, and what to do.

    Attributes:
        cause: name of the rule.
        severity: how bad.
        confidence: from 0 to 1: how likely the cause is the one named.
        says: the symptom with its numbers, and the cause.
        remedy: what to change, in words.
        settings: the same as settings of a run (``learning_rate`` ↦ 0.001), where they say it.
        symptoms: words for what can be seen.
        layer: the layer it is about.
        epoch: the epoch it shows in.
        weight: order among findings: severity and confidence, less what another finding explains.
    """

    cause: str
    severity: Severity
    confidence: float
    says: str
    remedy: str
    settings: dict[str, Any]
    symptoms: tuple[str, ...] = ()
    layer: str | None = None
    epoch: int | None = None
    weight: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    def flags(self) -> str:
        """Return the settings as flags of ``thalweg train``.

        Example:
            >>> Finding("x", "note", 1.0, "", "", {"learning_rate": 0.01, "hidden": (8, 8), "residual": True}).flags()
            '--learning-rate 0.01 --hidden 8,8 --residual'
        """
        return " ".join(_flag(name.replace("_", "-"), value) for name, value in self.settings.items())


def _flag(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    if isinstance(value, (tuple, list)):
        return f"--{name} {','.join(map(str, value))}"
    return f"--{name} {value:g}" if isinstance(value, float) else f"--{name} {value}"
