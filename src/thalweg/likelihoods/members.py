"""Ensembles: several members' outputs side by side, trained each by itself and judged as one mixture."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any, ClassVar, Literal, Self

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.validate import number
from thalweg.likelihoods.labels import mistakes
from thalweg.likelihoods.likelihood import Likelihood, TargetKind, array_library

NOISE_STEPS = 8
"""Steps of expectation maximization for the noise scale; it moves little after the first."""

WEIGHT_STEPS = 200
"""Steps of expectation maximization for the members' weights."""


@dataclasses.dataclass(frozen=True)
class Members(Likelihood):
    r"""M networks that answer together: the mixture q(y|x) = Σ_m w_m q_m(y|x) of the members' distributions.

    The weights w_m are 1/M until :meth:`with_weights` fits them to rows held out of training. Of the M K outputs the
    first K are the first member's, the next K the second's (member-major): ``outputs.reshape(N, M, K)`` parts them.
    Members learn independently of each other: the cost is the mean of their costs, 1/M Σ_m cost_m, with error vector
    δ_m / M for member m. Everything that is predicted (distribution, mean, deviation, score) is the mixture's. Of
    several labels each is mixed by itself.

    Test sets are judged by :meth:`unweighted`, whose cost is the mixture's -ln q, see :class:`Mixture`.

    Args:
        base: likelihood of each member, or the dictionary that its ``to_dict`` wrote.
        members: M.
        weights: (M,) w_m, at least 0 and of sum 1; none for equal ones.

    Raises:
        ArgumentError: ``members`` is no whole number of at least 1, ``base`` is an ensemble itself, or the weights are
            not M shares of 1.

    Example:
        >>> from thalweg.likelihoods import Bernoulli
        >>> ensemble = Members(Bernoulli(), 2)
        >>> ensemble.mean(np.array([[0.0, np.log(3.0)]])).tolist()  # ½ (½ + ¼), ½ (½ + ¾)
        [[0.375, 0.625]]

    Source: Lakshminarayanan, Pritzel, Blundell, *Simple and Scalable Predictive Uncertainty Estimation using Deep
    Ensembles* (2017).
    """

    name: ClassVar[str] = "members"
    base: Likelihood
    members: int
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.base, Mapping):
            from thalweg.likelihoods.registry import likelihood_from_dict

            object.__setattr__(self, "base", likelihood_from_dict(self.base))
        if not isinstance(self.base, Likelihood) or isinstance(self.base, Members):
            raise ArgumentError("base", "the likelihood of one member", repr(self.base))
        object.__setattr__(self, "members", number("members", self.members, at_least=1, integer=True))
        object.__setattr__(self, "weights", tuple(number("weights", w, at_least=0, at_most=1) for w in self.weights))
        if self.weights and (len(self.weights) != self.members or not math.isclose(sum(self.weights), 1, rel_tol=1e-6)):
            raise ArgumentError("weights", f"{self.members} shares of 1, or none", repr(self.weights))

    # What a family fixes for its class, an ensemble takes over from its members.
    @property
    def targets(self) -> TargetKind:  # type: ignore[override]
        """Kind of the members' targets."""
        return self.base.targets

    @property
    def metric(self) -> Literal["error", "rmse"]:  # type: ignore[override]
        """Metric of the members."""
        return self.base.metric

    @property
    def proper(self) -> bool:  # type: ignore[override]
        """Whether :meth:`unweighted` has the negative log-density of the predictive distribution as its cost."""
        return self.base.proper

    @property
    def sums_examples(self) -> bool:
        return self.base.sums_examples

    def cost_and_error(
        self, outputs: Float[Array, "batch outputs"], y: Shaped[Array, "batch ..."]
    ) -> tuple[Float[Array, " batch"], Float[Array, "batch outputs"]]:
        costs, errors = self._costs_and_errors(outputs, y)
        return jnp.mean(costs, axis=1), errors.reshape(outputs.shape) / self.members

    def loss(
        self, outputs: Float[Array, "batch outputs"], y: Shaped[Array, "batch ..."], weight: Float[Array, " batch"]
    ) -> Float[Array, ""]:
        losses = jax.vmap(lambda part: self.base.loss(part, y, weight), in_axes=1)(self.parted(outputs))
        return jnp.mean(losses)

    def loss_and_error(
        self, outputs: Float[Array, "batch outputs"], y: Shaped[Array, "batch ..."], weight: Float[Array, " batch"]
    ) -> tuple[Float[Array, ""], Float[Array, "batch outputs"]]:
        def one(part: Array) -> tuple[Array, Array]:
            return self.base.loss_and_error(part, y, weight)

        losses, errors = jax.vmap(one, in_axes=1, out_axes=(0, 1))(self.parted(outputs))
        return jnp.mean(losses), errors.reshape(outputs.shape) / self.members

    def predictive(self, outputs: Float[Array, "batch outputs"]) -> Any:
        from numpyro import distributions as densities

        if self.targets in {"classes", "ordered", "labels"}:
            return self._of_classes(outputs)
        from numpyro.distributions.batch_util import promote_batch_shape

        parts = self.parted(outputs)
        mixing = densities.Categorical(probs=self.shares.astype(outputs.dtype))
        stacked = promote_batch_shape(jax.vmap(self.base.predictive)(parts))
        if stacked.batch_shape == parts.shape[:2]:
            return densities.MixtureSameFamily(mixing, stacked)
        # A family that NumPyro cannot stack, such as a mixture.
        each = [self.base.predictive(parts[:, m]) for m in range(self.members)]
        return densities.MixtureGeneral(mixing, each, support=each[0].support)

    def _of_classes(self, outputs: Float[Array, "batch outputs"]) -> Any:
        """Return the mixture over classes, or for each label, with the logarithm of its probabilities as logits."""
        from numpyro.distributions import Bernoulli, BernoulliLogits, Categorical

        density = self.base.predictive(self._rows(outputs))
        labels = self.targets == "labels"
        inner = density.base_dist if labels else density
        values = np.arange(2 if labels else self.target_width(outputs.shape[-1]))
        each = inner.log_prob(values.reshape(-1, *[1] * len(inner.batch_shape)))
        each = each.reshape(len(values), len(outputs), self.members, *inner.batch_shape[1:])
        shares = self.shares.reshape(-1, *[1] * (each.ndim - 3))
        logits = jnp.moveaxis(jax.nn.logsumexp(each, axis=2, b=shares.astype(each.dtype)), 0, -1)
        if not isinstance(inner, BernoulliLogits):
            return Categorical(logits=logits)
        mixed = Bernoulli(logits=logits[..., 1] - logits[..., 0])
        return mixed.to_event(1) if labels else mixed

    def score(
        self, outputs: Float[Array, "batch outputs"], y: Shaped[Array, "batch ..."]
    ) -> Float[Array, "batch scores"]:
        xp, mean = array_library(outputs), self.mean(outputs)
        if self.metric == "rmse":
            squares: Array = xp.square(mean - y)
            return squares
        if self.targets == "labels":
            # A probability of exactly ½ counts as no; not a number is a mistake.
            wrong: Array = (~xp.where(y == 1, mean > 0.5, mean <= 0.5)).astype(outputs.dtype)
            return wrong
        return mistakes(mean, y)

    def mean(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch values"]:
        return self._mixed(self._by_member(self.base.mean(self._rows(outputs))))

    def std(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch values"]:
        if self.metric == "error":
            return super().std(outputs)
        # The mean of the variances, and the variance of the means.
        xp, rows = array_library(outputs), self._rows(outputs)
        within, means = xp.square(self._by_member(self.base.std(rows))), self._by_member(self.base.mean(rows))
        between = xp.square(means - self._mixed(means)[:, None])
        deviation: Array = xp.sqrt(self._mixed(within + between))
        return deviation

    def check(self, outputs: int, y: np.ndarray) -> None:
        if outputs < self.members or outputs % self.members:
            raise ArgumentError(
                "likelihood",
                f"a multiple of {self.members} outputs, as many for each member",
                f"a network with {outputs}",
            )
        self.base.check(outputs // self.members, y)

    def target_width(self, outputs: int) -> int:
        return self.base.target_width(outputs // self.members)

    def output_width(self, y: np.ndarray, classes: int | None = None) -> int:
        return self.members * self.base.output_width(y, classes)

    def output_bias(self, y: np.ndarray, outputs: int | None = None) -> np.ndarray:
        """Return each member's best constant output, all the same."""
        width = None if outputs is None else outputs // self.members
        return np.tile(self.base.output_bias(y, width), self.members)

    def with_noise(self, outputs: np.ndarray, y: np.ndarray) -> Self:
        """Return the ensemble with the members' noise scale fitted to the mixture, by stochastic EM.

        The spread of the members is noise already, so the scale that fits best is below that of one member alone.
        Each step draws members for every row by their responsibilities w_m q_m(y|x) / Σ_i w_i q_i(y|x), and fits the
        scale to them.

        Source: Celeux, Diebolt, *The SEM Algorithm* (1985); systematic draws: Kitagawa (1996).
        """
        if type(self.base).with_noise is Likelihood.with_noise:
            return self
        parts = outputs.reshape(len(outputs), self.members, -1)
        base = self.base.with_noise(parts.mean(axis=1), y)
        start = np.random.default_rng(0).uniform(size=len(y))
        rows, repeated = np.arange(len(y)), np.repeat(y, self.members, axis=0)
        of_members = _by_row(parts, y)
        for _ in range(NOISE_STEPS):
            costs = _costs(base, *of_members).reshape(len(y), self.members)
            share = self.shares * np.exp(costs.min(axis=1, keepdims=True) - costs)
            reached = np.cumsum(share / share.sum(axis=1, keepdims=True), axis=1)[:, :-1]
            drawn = [(reached < ((start + m) / self.members)[:, None]).sum(axis=1) for m in range(self.members)]
            chosen = np.stack([parts[rows, member] for member in drawn], axis=1)
            base = base.with_noise(chosen.reshape(len(repeated), -1), repeated)
        return dataclasses.replace(self, base=base)

    def with_weights(self, outputs: np.ndarray, y: np.ndarray, groups: Sequence[int]) -> Self:
        r"""Return the ensemble with a weight fitted for each group of members, shared equally within it, by EM.

        With r_g(n) = w_g q_g(y_n|x_n) / Σ_h w_h q_h(y_n|x_n), q_g being the equal mixture of the group, each step sets
        w_g = (Σ_n r_g(n) + 1) / (N + G): the maximum a posteriori under a Dirichlet prior that stands for one row of
        each group, so that few rows leave the weights near equal. Families that are not ``proper`` keep theirs.

        Args:
            outputs: of rows held out of training.
            y: their targets.
            groups: sizes of the G groups, of members in order; together M.

        Source: Dempster, Laird, Rubin, *Maximum Likelihood from Incomplete Data via the EM Algorithm* (1977); Breiman,
        *Stacked Regressions* (1996), for weights by held-out rows.
        """
        if not self.proper or len(groups) < 2 or self.targets == "labels":
            return self
        parts = outputs.reshape(len(outputs), self.members, -1)
        base = self.unweighted().base.with_noise(parts.mean(axis=1), y)
        costs = _costs(base, *_by_row(parts, y)).reshape(len(y), self.members)
        densities = np.exp(costs.min(axis=1, keepdims=True) - costs)
        starts = np.cumsum([0, *groups[:-1]])
        of_groups = np.add.reduceat(densities, starts, axis=1) / np.array(groups)
        weights = np.full(len(groups), 1 / len(groups))
        for _ in range(WEIGHT_STEPS):
            shares = weights * of_groups
            shares /= shares.sum(axis=1, keepdims=True)
            weights = (shares.sum(axis=0) + 1) / (len(y) + len(groups))
        each = np.repeat(weights / np.array(groups), groups)
        return dataclasses.replace(self, weights=tuple(float(w) for w in each / each.sum()))

    def judged(self) -> Mixture:
        """Return the mixture, with the members' own settings."""
        return Mixture(self.base, self.members, self.weights)

    def unweighted(self) -> Mixture:
        """Return the mixture that test sets are judged by, without class weights and label smoothing."""
        return Mixture(self.base.unweighted(), self.members, self.weights)

    def to_dict(self) -> dict[str, Any]:
        settings = {"name": self.name, "base": self.base.to_dict(), "members": self.members}
        return settings | ({"weights": list(self.weights)} if self.weights else {})

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """(M,) w_m."""
        return np.array(self.weights or (1 / self.members,) * self.members)

    def _mixed(self, values: Float[Array, "batch members width"]) -> Float[Array, "batch width"]:
        """Return Σ_m w_m of values."""
        mixed: Array = (values * self.shares.astype(values.dtype)[:, None]).sum(axis=1)
        return mixed

    def parted(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch members width"]:
        """Return the outputs member by member."""
        return outputs.reshape(len(outputs), self.members, -1)

    def _rows(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "rows width"]:
        """Return the outputs with a row for each example and member."""
        return outputs.reshape(len(outputs) * self.members, -1)

    def _by_member(self, values: Float[Array, "rows width"]) -> Float[Array, "batch members width"]:
        return values.reshape(len(values) // self.members, self.members, -1)

    def _costs_and_errors(
        self, outputs: Float[Array, "batch outputs"], y: Shaped[Array, "batch ..."]
    ) -> tuple[Float[Array, "batch members"], Float[Array, "batch members width"]]:
        def one(part: Array) -> tuple[Array, Array]:
            return self.base.cost_and_error(part, y)

        both: tuple[Array, Array] = jax.vmap(one, in_axes=1, out_axes=1)(self.parted(outputs))
        return both


def _by_row(parts: NDArray[Any], y: NDArray[Any]) -> tuple[Array, Array]:
    """Return outputs (N, M, K) and targets with a row for each example and member."""
    return jnp.asarray(parts.reshape(-1, parts.shape[2])), jnp.asarray(np.repeat(y, parts.shape[1], axis=0))


def _costs(base: Likelihood, outputs: Array, y: Array) -> NDArray[np.float64]:
    """Return the cost of each row."""
    if type(base).with_noise is Likelihood.with_noise:
        # One program: operations by themselves would be compiled one by one, which takes as long as a small fit.
        return np.asarray(_program(base, outputs, y), np.float64)
    # A family whose noise is being fitted is another one in each step. Some know NumPy, and nothing is compiled.
    return np.asarray(base.cost(*jax.tree.map(np.asarray, (outputs, y))), np.float64)


@partial(jax.jit, static_argnums=0)
def _program(base: Likelihood, outputs: Array, y: Array) -> Array:
    return base.cost(outputs, y)


@dataclasses.dataclass(frozen=True)
class Mixture(Members):
    r"""An ensemble judged as one distribution: cost -ln Σ_m w_m q_m(y|x), least where the members answer well together.

    With r_m = w_m q_m / Σ_i w_i q_i the error vector of member m is r_m δ_m. Of a family that is not ``proper`` the
    cost is the mean of the members', as there is no density that belongs to it.

    Args:
        base: likelihood of each member.
        members: M.
        weights: (M,) w_m; none for equal ones.

    Example:
        >>> from thalweg.likelihoods import Bernoulli
        >>> cost = Mixture(Bernoulli(), 2).cost(jnp.array([[0.0, jnp.log(3.0)]]), jnp.array([1]))
        >>> round(float(cost[0]), 4)  # -ln 0.625
        0.47

    Source: Jacobs, Jordan, Nowlan, Hinton, *Adaptive Mixtures of Local Experts* (1991).
    """

    def cost_and_error(
        self, outputs: Float[Array, "batch outputs"], y: Shaped[Array, "batch ..."]
    ) -> tuple[Float[Array, " batch"], Float[Array, "batch outputs"]]:
        if not self.proper:
            return super().cost_and_error(outputs, y)
        if self.targets == "labels":
            # Labels are independent within each member: a row of its own for each.
            labels = jnp.moveaxis(self.parted(outputs), 1, 2)
            costs, errors = self._costs_and_errors(labels.reshape(-1, self.members), y.reshape(-1, 1))
        else:
            costs, errors = self._costs_and_errors(outputs, y)
        shares = jnp.asarray(self.shares, costs.dtype)
        total = jax.nn.logsumexp(-costs, axis=1, b=shares)
        errors = (shares * jnp.exp(-costs - total[:, None]))[..., None] * errors
        cost = -total
        if self.targets == "labels":
            errors = jnp.moveaxis(errors.reshape(labels.shape), 1, 2)
            cost = jnp.sum(cost.reshape(labels.shape[:2]), axis=1)
        return cost, errors.reshape(outputs.shape)

    def loss(
        self, outputs: Float[Array, "batch outputs"], y: Shaped[Array, "batch ..."], weight: Float[Array, " batch"]
    ) -> Float[Array, ""]:
        return Likelihood.loss(self, outputs, y, weight)

    def loss_and_error(
        self, outputs: Float[Array, "batch outputs"], y: Shaped[Array, "batch ..."], weight: Float[Array, " batch"]
    ) -> tuple[Float[Array, ""], Float[Array, "batch outputs"]]:
        return Likelihood.loss_and_error(self, outputs, y, weight)
