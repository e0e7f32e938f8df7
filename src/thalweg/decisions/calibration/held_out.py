"""What held-out rows taught about a model: a map of its probabilities or deviations, and conformal scores."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.registry import lookup
from thalweg.decisions.calibration.conformal import Conformal
from thalweg.decisions.calibration.maps import CALIBRATIONS, Isotonic, Scale, Temperature
from thalweg.decisions.calibration.methods import check_held_out, check_method
from thalweg.decisions.outcomes import class_probabilities


@dataclasses.dataclass(frozen=True)
class Calibration:
    """A map of probabilities or deviations and conformal scores, either of them absent where it was not asked for.

    Args:
        way: mends every answer; conformal scores are those of the mended answers.
        conformal: gives intervals or sets.
        rows: held-out rows that it was fitted to last.

    Example:
        >>> Calibration.from_dict(Calibration(Temperature(1.5), rows=100).to_dict())
        Calibration(way=Temperature(temperature=1.5), conformal=None, rows=100)
    """

    way: Temperature | Isotonic | Scale | None = None
    conformal: Conformal | None = None
    rows: int = 0

    def __call__(self, distribution: Any) -> Any:
        """Return a predictive distribution mended."""
        if self.way is None:
            return distribution
        if isinstance(self.way, Scale):
            return self.way(distribution)
        probabilities = class_probabilities(distribution)
        assert probabilities is not None, "checked by fit_calibration"
        return _over_classes(self.way(probabilities), distribution)

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of what was fitted, in order."""
        return tuple(part.name for part in (self.way, self.conformal) if part is not None)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; `from_dict` reads them back."""
        parts = {"way": self.way, "conformal": self.conformal}
        return {key: None if part is None else part.to_dict() for key, part in parts.items()} | {"rows": self.rows}

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises:
            ArgumentError: an unknown method, or settings that cannot be used.
        """
        parts: list[Any] = []
        for key in ("way", "conformal"):
            options = None if settings.get(key) is None else dict(settings[key])
            registry = CALIBRATIONS if key == "way" else {Conformal.name: Conformal}
            parts.append(None if options is None else lookup(registry, options.pop("name", ""), key)(**options))
        way, conformal = parts
        return cls(way, conformal, int(settings.get("rows", 0)))


def fit_calibration(
    method: str,
    distribution: Any,
    y: NDArray[Any],
    *,
    former: Calibration | None = None,
    score: str | None = None,
    base: float = 0.9,
) -> Calibration:
    """Fit a calibration to held-out rows.

    Args:
        method: a name in ``METHODS``. A map of probabilities or deviations takes the place of a former one and of
            conformal scores, which belonged to the former answers; conformal scores are added to a former map.
        distribution: predicted for the rows, not mended.
        y: class numbers (N,), labels (N, K), or numbers (N, K) in the units of the distribution.
        former: what the model has already.
        score: for ``"conformal"``, a name in ``SCORES``; by default ``"normalized"``, for classes ``"lac"``.
        base: for the score ``"quantile"``, the coverage of the predicted interval.

    Raises:
        ArgumentError: an unknown method, one that does not fit the distribution, no rows, or for a map of
            probabilities rows of one class only.

    Example:
        >>> p = np.array([[0.9, 0.1]] * 10)
        >>> fit_calibration("temperature", p, np.array([0] * 7 + [1] * 3)).way.temperature > 2
        True
    """
    probabilities = class_probabilities(distribution)
    if probabilities is not None:
        kind = "labels" if probabilities.ndim > 2 else "classes"
    else:
        kind = "counts" if distribution.support.is_discrete else "numbers"
    check_method(method, kind)
    check_held_out(method, y)
    if method == "conformal":
        known = former or Calibration()
        mended = known(distribution)
        if probabilities is None:
            scores = Conformal.fit_intervals(mended, y, score or "normalized", base)
        else:
            mapped = class_probabilities(mended)
            assert mapped is not None, "a map keeps the kind of the distribution"
            scores = Conformal.fit_sets(mapped, y, score or "lac")
        return dataclasses.replace(known, conformal=scores, rows=len(y))
    if score is not None:
        raise ArgumentError("score", "none beside this method", repr(score), "Scores belong to --method conformal.")
    if probabilities is not None:
        return Calibration(CALIBRATIONS[method].fit(probabilities, y), rows=len(y))
    from thalweg.probability import mean, std

    return Calibration(Scale.fit(mean(distribution), std(distribution), y), rows=len(y))


def _over_classes(probabilities: NDArray[np.float64], like: Any) -> Any:
    """Return the distribution of the same kind with other probabilities; logits keep those close to 1 apart."""
    import numpyro.distributions as densities

    if not hasattr(like, "batch_shape"):
        return probabilities
    logs = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny)).astype(np.float32)
    if isinstance(like, (densities.CategoricalLogits, densities.CategoricalProbs)):
        return densities.Categorical(logits=logs)
    return densities.Bernoulli(logits=logs[..., 1] - logs[..., 0]).to_event(len(like.event_shape))
