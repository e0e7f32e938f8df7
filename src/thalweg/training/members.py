"""Many networks trained at once on the same minibatches: ensembles, folds of cross-validation, step sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.types import Params, State
from thalweg.core.validate import number
from thalweg.data.batches import ArrayBatches, Batches
from thalweg.likelihoods import Likelihood
from thalweg.likelihoods import Members as MembersLikelihood
from thalweg.network import Members as MembersLayer
from thalweg.network import Network
from thalweg.optimizers import Optimizer
from thalweg.training.checkpoints import Checkpoints
from thalweg.training.checks import check_monitor, check_run
from thalweg.training.hooks import Hook
from thalweg.training.loop import Score
from thalweg.training.members_loop import MembersLoop, Own
from thalweg.training.shares import Shares
from thalweg.training.stopping import EarlyStopping


@dataclass(frozen=True)
class TrainedMembers:
    """What training of M members leaves.

    Attributes:
        params: θ of every member, leaves with a leading axis of M: of its best epoch under early stopping, else of its
            last; the moving average when asked for.
        state: running statistics that go with it, likewise.
        histories: for each member a line an epoch.
        history: a line an epoch, the mean over members that learned in it.
        epochs: the epoch each member's parameters are from.
        diverged: number of a member that went to infinity ↦ where it did, in words.
        usable: numbers of the members whose parameters are good: all but those that diverged before a best epoch.
        status: ``"finished"``, ``"stopped early"`` or ``"interrupted"``.
        losses: (M, steps) loss of each step where it was recorded, else None; NaN once a member learns no more.
    """

    params: Params
    state: State
    histories: list[list[dict[str, Any]]]
    history: list[dict[str, Any]]
    epochs: list[int]
    diverged: dict[int, str]
    usable: tuple[int, ...]
    status: str
    losses: NDArray[np.float32] | None = None

    def member(self, number: int) -> tuple[Params, State]:
        """Return parameters and running statistics of one member."""
        one: tuple[Params, State] = jax.tree.map(lambda a: a[number], (self.params, self.state))
        return one


def train_members(
    network: Network,
    likelihood: Likelihood,
    batches: Batches,
    optimizer: Optimizer,
    *,
    epochs: int,
    seeds: Sequence[int],
    step_factors: Sequence[float] | None = None,
    own: Sequence[Own] | None = None,
    row_weights: Float[np.ndarray, "rows members"] | None = None,
    folds: Int[np.ndarray, " rows"] | None = None,
    test: Batches | None = None,
    validation: Batches | None = None,
    params: Params | None = None,
    average: float = 0.0,
    stopping: EarlyStopping | None = None,
    scores: Mapping[str, Score] | None = None,
    hooks: Sequence[Hook] = (),
    checkpoints: Checkpoints | None = None,
    score_scale: NDArray[Any] | float = 1.0,
    record_losses: bool = False,
    threads: int | None = None,
) -> TrainedMembers:
    r"""Train M networks of one kind at once, each as :func:`thalweg.training.loop.train` would alone.

    All members see the same minibatches in the same order. They differ in what is given for each: the seed of starting
    weights and dropout, the step size, the weight of each row. A member that goes to infinity is taken out and named,
    the others go on. Members are spread over the processors, see docs/decisions/members.md.

    With ``folds`` member m holds out the rows of fold m mod K, K being the number of folds: they have no weight in its
    training, and its ``validation_*`` quantities are about them alone. (Batch normalization and data-dependent
    initializers see the features of all rows, never their targets.)

    Args:
        network: the network f(x; θ) of one member.
        likelihood: gives cost and error vector of one member.
        batches: the training set, in memory or on disk.
        optimizer: gives the updates.
        epochs: epochs at most.
        seeds: M seeds; decide starting parameters and dropout of each member.
        step_factors: (M,) factors of the step size; 1 each by default.
        own: what each member has for itself, in place of ``params``, ``stopping`` and the optimizer's scales; an
            optimizer that penalizes or decays weights serves members that do not, too.
        row_weights: (N, M) weights of the rows in each member's loss, such as a bootstrap's counts; scaled to mean one.
        folds: (N,) number of the fold that holds each row out, from 0; -1 for rows that all members learn from.
        test: set evaluated each epoch, never used to decide.
        validation: set evaluated each epoch that early stopping may watch; none beside ``folds``.
        params: θ_0 that all members start from; drawn from their seeds when absent.
        average: decay of an exponential moving average of θ, used for evaluation and kept at the end; 0 for none.
        stopping: when a member ends early, by its own history.
        scores: name ↦ function of θ and running statistics of one member, told in its line of each epoch; none beside
            ``folds``, whose rows it does not know.
        hooks: called between chunks, with means over the members; none may measure inside steps.
        checkpoints: where to save; a checkpoint found there is taken up.
        score_scale: (targets,) factors that bring residuals to the target's units, for ``*_rmse``.
        record_losses: keep the loss of every step and member.
        threads: threads that members are spread over; one a processor when absent.

    Returns:
        Parameters and running statistics with a leading axis of members, and their histories.

    Raises:
        ArgumentError: a setting out of range, or targets that the likelihood cannot produce.
        DivergedError: all members went to infinity; names the last one's first such quantity.

    Example:
        >>> from thalweg.data.batches import ArrayBatches
        >>> from thalweg.likelihoods import make_likelihood
        >>> from thalweg.network import dense_network
        >>> from thalweg.optimizers import make_optimizer
        >>> x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
        >>> adam = make_optimizer("adam", learning_rate=0.01, total_steps=400, steps_per_epoch=4)
        >>> kind = dense_network(1, (16,), 1), make_likelihood("gaussian")
        >>> trained = train_members(*kind, ArrayBatches(x, x**2, 16), adam, epochs=100, seeds=[0, 1, 2])
        >>> trained.params[0]["weight"].shape, max(row[-1]["train_rmse"] for row in trained.histories) < 0.1
        ((3, 16, 1), True)

    Source: packing of members: Gorishniy et al., *TabM* (2024); cross-validation: Stone, *Cross-Validatory Choice and
    Assessment of Statistical Predictions* (1974).
    """
    members = number("members", len(seeds), at_least=1, integer=True)
    epochs = check_run(network, likelihood, batches, optimizer, epochs, average)
    factors = _factors(step_factors, members)
    weights = None if row_weights is None else _row_weights(row_weights, batches.rows, members)
    if folds is not None:
        if validation is not None:
            raise ArgumentError("validation", "none beside folds, which hold rows out already", "a set")
        if scores:
            raise ArgumentError("scores", "none beside folds, whose rows they do not know", ", ".join(scores))
        held = held_out(folds, batches.rows, members)
        validation = _held_out_set(batches, held, np.asarray(folds))
        weights = (~held).astype(np.float32) * (1 if weights is None else weights)
    if weights is not None:
        batches = _weighted(batches, weights)
    rules = [stopping] * members if own is None else [one.stopping for one in own]
    for rule in {rule for rule in rules if rule is not None}:
        check_monitor(rule, validation is not None, test is not None, likelihood, scores or {})
        stopping = rule
    loop = MembersLoop(network, likelihood, batches, optimizer, 0, average, stopping, list(hooks), checkpoints, None)
    loop.sets = {name: s for name, s in (("validation", validation), ("test", test)) if s is not None}
    loop.score_scale, loop.scores = score_scale, scores or {}
    loop.seeds, loop.factors, loop.own, loop.rules = [int(seed) for seed in seeds], factors, own, rules
    loop.folds = 0 if folds is None else int(np.max(folds)) + 1
    loop.losses = [] if record_losses else None
    loop.shares = Shares(members, threads)
    try:
        loop.go(epochs, params)
    finally:
        loop.shares.close()
    theta, state, from_epochs = loop.final()
    usable = tuple(m for m in range(members) if m not in loop.diverged or loop.best_epochs[m])
    losses = np.concatenate(loop.losses, axis=1) if loop.losses else None
    return TrainedMembers(
        theta,
        state,
        loop.histories,
        loop.progress.history,
        from_epochs,
        loop.diverged,
        usable,
        loop.status,
        losses,
    )


def held_out(folds: Int[np.ndarray, " rows"], rows: int, members: int) -> NDArray[np.bool_]:
    """Return which rows (N, M) each member holds out: member m those of fold m mod K.

    Raises:
        ArgumentError: other than one whole number a row, fewer than two folds, an empty one, or members that are no
            multiple of the folds.

    Example:
        >>> held_out(np.array([0, 1, -1]), 3, 2).astype(int).tolist()
        [[1, 0], [0, 1], [0, 0]]
    """
    folds = np.asarray(folds)
    if folds.shape != (rows,) or folds.dtype.kind not in "iu" or folds.min() < -1:
        raise ArgumentError("folds", f"{rows} whole numbers from -1, one a row", f"{folds.dtype} of {folds.shape}")
    count = int(folds.max()) + 1
    if count < 2 or len(np.unique(folds[folds >= 0])) < count:
        raise ArgumentError("folds", "at least 2 folds, numbered from 0, none empty", f"{np.unique(folds).tolist()}")
    if members % count:
        raise ArgumentError("seeds", f"a multiple of the {count} folds", f"{members} members")
    held: NDArray[np.bool_] = folds[:, None] == np.arange(members) % count
    return held


def _factors(factors: Sequence[float] | None, members: int) -> NDArray[np.float32]:
    if factors is None:
        return np.ones(members, np.float32)
    if len(factors) != members:
        raise ArgumentError("step_factors", f"{members} numbers, one a member", f"{len(factors)}")
    return np.array([number("step_factors", factor, above=0) for factor in factors], np.float32)


def _row_weights(given: Any, rows: int, members: int) -> NDArray[np.float32]:
    weights: NDArray[np.float32] = np.asarray(given, np.float32)
    if np.shape(weights) != (rows, members):
        raise ArgumentError("row_weights", f"shape ({rows}, {members}), rows and members", f"{weights.shape}")
    return weights


def _weighted(batches: Any, weights: NDArray[np.float32]) -> Batches:
    """Return the set with weights (N, M) times those that its rows have already."""
    if not (dataclasses.is_dataclass(batches) and hasattr(batches, "sample_weight")):
        raise ArgumentError("batches", "a set whose rows can be weighted", type(batches).__name__)
    own = batches.sample_weight
    both = weights if own is None else weights * own[:, None]
    weighted: Batches = dataclasses.replace(batches, sample_weight=both)  # type: ignore[type-var, assignment]
    return weighted


def _held_out_set(batches: Batches, held: NDArray[np.bool_], folds: NDArray[Any]) -> Batches:
    """Return the set as each member is to be judged by; in memory fold by fold, so that few minibatches concern it."""
    if isinstance(batches, ArrayBatches):
        order = np.argsort(folds, kind="stable")[np.count_nonzero(folds < 0) :]
        own = batches.sample_weight
        batches = ArrayBatches(
            batches.x[order],
            batches.y[order],
            min(batches.batch_size, len(order)),
            None if own is None else own[order],
        )
        held = held[order]
    return _weighted(batches, held.astype(np.float32))


def as_one(
    network: Network, likelihood: Likelihood, trained: TrainedMembers
) -> tuple[Network, MembersLikelihood, Params, State]:
    """Return the members as one network with one likelihood, whose predictive distribution is their equal mixture.

    Members that diverged are left out. Where a member is an ensemble itself, all answer as one ensemble. What is
    returned can be deployed, calibrated and saved like any network.

    Args:
        network: the network of one member.
        likelihood: of one member.
        trained: what :func:`train_members` left.

    Returns:
        The network with the members side by side, its likelihood, its parameters and its running statistics.

    Example:
        >>> from thalweg.likelihoods import make_likelihood
        >>> from thalweg.network import dense_network
        >>> network = dense_network(2, (), 1)
        >>> weights = ({"weight": np.ones((3, 1, 2)), "bias": np.zeros((3, 1))},)
        >>> trained = TrainedMembers(weights, ({},), [], [], [1] * 3, {1: "diverged"}, (0, 2), "finished")
        >>> together, likelihood, _, _ = as_one(network, make_likelihood("gaussian"), trained)
        >>> together.outputs, likelihood.members
        (2, 2)
    """
    usable = list(trained.usable)
    params, state = jax.tree.map(lambda a: np.asarray(a)[usable], (trained.params, trained.state))
    together = Network(network.inputs, (MembersLayer(len(usable), network.layers),))
    return together, together_likelihood(likelihood, len(usable)), (params,), (state,)


def together_likelihood(likelihood: Likelihood, members: int) -> MembersLikelihood:
    """Return the likelihood of so many networks that each have this one, be it of an ensemble already.

    Example:
        >>> from thalweg.likelihoods import Gaussian
        >>> together_likelihood(MembersLikelihood(Gaussian(), 4), 3).members
        12
    """
    if isinstance(likelihood, MembersLikelihood):
        return MembersLikelihood(likelihood.base, members * likelihood.members)
    return MembersLikelihood(likelihood, members)


def out_of_fold(
    network: Network, trained: TrainedMembers, batches: Batches, folds: Int[np.ndarray, " rows"]
) -> Float[np.ndarray, "rows outputs"]:
    """Return for each row the raw outputs of the members that held it out: what they say of rows they never learned.

    With M = R K members for K folds each row has R of them, side by side as
    :class:`thalweg.likelihoods.members.Members` reads them. In place of one that diverged stands another of
    the same fold.

    Args:
        network: the network of one member.
        trained: what :func:`train_members` left.
        batches: the training set.
        folds: (N,) as there; rows of fold -1, which every member learned from, get NaN.

    Raises:
        ArgumentError: all members of a fold diverged.
    """
    count = int(folds.max()) + 1
    of_fold = [[m for m in trained.usable if m % count == fold] for fold in range(count)]
    if not all(of_fold):
        raise ArgumentError(
            "folds", "a usable member of each", f"none of fold {of_fold.index([])}", "Lower the learning rate."
        )
    repeats = len(trained.epochs) // count
    choice = np.array([[own[r % len(own)] for r in range(repeats)] for own in of_fold])
    result = np.full((batches.rows, repeats * network.outputs), np.nan, np.float32)
    apply = jax.jit(network.apply)
    first = 0
    for chunk in batches.chunks(epoch=None):
        real = (np.arange(chunk.x.shape[1]) < np.asarray(chunk.rows)[:, None]).ravel()
        x = jnp.asarray(chunk.x).reshape(len(real), -1)
        own = np.asarray(folds[first : first + int(real.sum())])
        rows = np.full((len(own), repeats, network.outputs), np.nan, np.float32)
        for member in np.unique(choice).tolist():
            outputs = np.asarray(apply(*trained.member(member), x))[real]
            for fold, repeat in np.argwhere(choice == member).tolist():
                rows[own == fold, repeat] = outputs[own == fold]
        result[first : first + len(own)] = rows.reshape(len(own), -1)
        first += len(own)
    return result
