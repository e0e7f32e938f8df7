"""What the classifier and the regressor share: fit, going on, and the answers of every likelihood."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from thalweg.core.errors import ArgumentError, DataError, DataWarning
from thalweg.data.encode import Encoder
from thalweg.data.table import Table
from thalweg.data.targets import Targets, warn_of_few_rows
from thalweg.deploy import Model
from thalweg.estimators.fitted import Fitted
from thalweg.estimators.follow import SCORE, hooks_of, validation_score
from thalweg.estimators.going_on import begin_from, on_course, with_likelihood_of, with_own_patience
from thalweg.estimators.inputs import as_table, check_features, pair_of, some_rows
from thalweg.estimators.parameters import config_of, seed_of
from thalweg.estimators.rows import Rows, Weights, arranged, sample_weights, with_fitting_batches, without_zeros
from thalweg.estimators.train import run
from thalweg.estimators.words import about_eval_set, speaks_python, told_again
from thalweg.recipes.config import RunConfig
from thalweg.recipes.ensemble import Ensemble, HeldOut
from thalweg.recipes.plan import Plan
from thalweg.recipes.prepare import prepare
from thalweg.recipes.presets import before_training, facts_of, for_training, holds_out
from thalweg.recipes.tables import fit_encoder
from thalweg.training import Trained


@dataclass(kw_only=True, eq=False, repr=False)
class DenseEstimator(Fitted):
    """An estimator of the rows of a table.

    Attributes:
        n_features_in_: number of features.
        feature_names_in_: their names, of a data frame.
        target_: type and number of axes of the targets of training.
        oof_prediction_: with ``folds``, what `predict_proba` or `predict` say of the training rows, each by networks
            that were not trained on it; NaN for rows of weight zero.
        oof_score_: with ``folds``, the score of these predictions.
    """

    preset: str = "auto"
    numeric_embedding: str | None = None
    embedding_options: Mapping[str, float] | None = None
    feature_scaling: bool | None = None
    shared_members: int | None = None
    embed_levels: bool | None = None
    scaling: str | None = None
    columns: Mapping[str, str] | None = None
    min_count: int | None = None
    calibrate: str | None = None
    members: int | None = None
    folds: int | None = None
    scoring: Any = None
    warm_start: bool = False

    def fit(self, X: Any, y: Any, sample_weight: Any = None, eval_set: Any = None) -> Self:
        """Train on rows and their targets.

        Args:
            X: features (N, d): a data frame of pandas, Polars or Arrow with columns of any type, an array, or a sparse
                matrix. Numbers may be missing.
            y: targets, one a row or a row of them.
            sample_weight: (N,) weights of at least 0.
            eval_set: (X, y) to watch, never to train on; in place of the share ``validation`` of the rows.

        Returns:
            The estimator.

        Raises:
            ValueError: data or parameters that cannot be used.
            DivergedError: a quantity was not finite; tells which step size to try.
            KeyboardInterrupt: Ctrl-C before the end of the first epoch; later the best epoch so far is kept, with a
                warning.
        """
        go_on = self.warm_start and hasattr(self, "model_")
        return self._fit(X, y, sample_weight, eval_set, go_on=go_on)

    def predict_dist(self, X: Any) -> Any:
        """Return the predictive distribution of each row, a NumPyro distribution, see `thalweg.Model.predict_dist`."""
        rows = self._rows(X)
        return self.model_.predict_dist(rows)

    def decide(self, X: Any, cost: Any = "0-1", **settings: Any) -> Any:
        """Return the action of least expected cost for each row, see `thalweg.Model.decide`.

        Args:
            X: features.
            cost: a name, a matrix (true classes × actions), a CSV file's path, or a function ``cost(action, y)``.
            settings: ``reject``, ``budget`` and others of `thalweg.decisions.decide`.
        """
        rows = self._rows(X)
        return self.model_.decide(rows, cost, **settings)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags

    def _check_targets(self, y: Any) -> NDArray[Any]:
        """Return targets as an array (N,) or (N, K), checked in scikit-learn's words."""
        raise NotImplementedError

    def _weights(self, weight: Weights, y: NDArray[Any], known: Any) -> Weights:
        """Return the weights of rows with these targets, of which some classes may be known beforehand."""
        del y, known
        return weight

    def _options(self, y: NDArray[Any]) -> dict[str, Any]:
        """Return options of the likelihood that the targets tell."""
        del y
        return {}

    def _outputs(self, config: RunConfig, table: Table, rows: Rows, known: Any) -> tuple[Targets, RunConfig]:
        """Return the map of targets, and the settings with a likelihood that fits them.

        Args:
            config: the settings.
            table: all rows.
            rows: the same, split.
            known: classes told beforehand, or None.
        """
        raise NotImplementedError

    def _answers(self, model: Model, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Return what a model's raw outputs stand for: probabilities, or numbers in the units of the target."""
        raise NotImplementedError

    def _score_of(self, y: NDArray[Any], answers: NDArray[np.float64]) -> float:
        """Return the estimator's score of such answers."""
        raise NotImplementedError

    def _told(self, y: Any) -> Any:
        """Return the classes that parameters or the type of the targets tell, or None."""
        del y

    def _rows(self, X: Any) -> Table:
        if not hasattr(self, "model_"):  # the check takes longer than all else that is done here for one row
            check_is_fitted(self, "model_")
        return X if isinstance(X, Table) else as_table(check_features(self, X, reset=False))

    @speaks_python
    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        eval_set: Any,
        *,
        go_on: bool,
        known: Any = None,
        epochs: int | None = None,
        **settings: Any,
    ) -> Self:
        """Train, or train on.

        Args:
            X: features.
            y: targets.
            sample_weight: weights or None.
            eval_set: rows to watch or None.
            go_on: whether from where the estimator is.
            known: classes told beforehand.
            epochs: how many to train of those that the settings, and with them the schedule, name; by default all.
            settings: others that win over the parameters.
        """
        single, given = epochs is not None, X
        X = check_features(self, X, reset=not go_on, y=y)
        if go_on:
            known = getattr(self, "classes_", None)
        elif known is None:
            known = self._told(y)
        y = self._check_targets(y)
        check_consistent_length(X, y)
        whole = as_table(X, y)
        weight = self._weights(sample_weights(X, sample_weight), y, known)
        table, weight, kept = without_zeros(whole, weight)
        if len(table) < 2 and not go_on:
            raise ValueError(f"Found array with {len(table)} sample(s) while a minimum of 2 is required to learn from.")
        config = config_of(self, seed_of(self.random_state), **settings)
        if options := self._options(y[kept]):
            config = config.model_copy(update={"likelihood_options": options | config.likelihood_options})
        if (go_on or single) and config.networks > 1:
            raise ArgumentError("members", "1, and no folds, where training goes on", config.members)
        watched = None
        if eval_set is not None:
            if config.cv:
                hint = "Each fold is held out of one network already."
                raise ArgumentError("eval_set", "none beside folds", "one", hint)
            watched, given = self._watched(eval_set), pair_of(eval_set)[0]
        # A single epoch of many calls, `partial_fit`, takes its rows as they come.
        held_out = watched is None and not single and holds_out(table)
        several, folds = not (go_on or single or self.warm_start), self.scoring is None
        config = before_training(config, table, held_out=held_out, several=several, folds=folds)
        rows = arranged(table, weight, watched, config)
        try:
            plan, count = self._plan(config, table, rows, known, epochs, go_on=go_on)
        except DataError as error:
            # Rows may have been left out, held out and sorted. Planned as they were given, they have their own numbers.
            same = Rows(whole, validation=watched)
            raise told_again(error, lambda: self._plan(config, whole, same, known, epochs, go_on=go_on)) from None
        start = begin_from(plan, self, single=single) if go_on else None
        trained = self._train(plan, rows, count, y, given, start)
        self.adopt(plan.model(trained), self.target_)
        self.best_epoch_ = trained.epoch
        self._trained = None if isinstance(trained, Ensemble) else trained
        if isinstance(trained, Ensemble) and trained.held_out is not None:
            self._judge_held_out(trained.held_out, y, kept)
        return self

    def _plan(
        self, config: RunConfig, table: Table, rows: Rows, known: Any, epochs: int | None, *, go_on: bool
    ) -> tuple[Plan, int]:
        """Return what to train, and for how many epochs.

        Args:
            config: the settings.
            table: all rows.
            rows: the same, split.
            known: classes told beforehand, or None.
            epochs: how many to train of those that the settings name, or None for all.
            go_on: whether from where the estimator is.
        """
        single = epochs is not None
        if go_on:
            encoder, config, epochs = self._going_on(config, rows, epochs)
        else:
            with warnings.catch_warnings():
                if single:  # a part of the rows may lack labels that others have
                    warnings.simplefilter("ignore", DataWarning)
                outputs, config = self._outputs(config, table, rows, known)
            if outputs.classes is not None and not single:
                warn_of_few_rows(table.target_array(), len(outputs.classes), "y", stacklevel=6)
            encoder = fit_encoder(rows.train, config, outputs)
            config = self._filled(config, rows, encoder)
        config = with_fitting_batches(config, len(rows.train))
        plan = prepare(config, rows.tables, rows.weight, validation_weight=rows.validation_weight, encoder=encoder)
        if go_on and not single:
            plan = with_own_patience(plan, self)
        return plan, epochs or config.epochs

    def _going_on(self, config: RunConfig, rows: Rows, epochs: int | None) -> tuple[Encoder, RunConfig, int]:
        """Return the encoder there is, the settings with what is known from before, and how many epochs to train."""
        encoder = self.model_.encoder
        assert encoder is not None, "models of estimators have one"
        config = self._filled(with_likelihood_of(config, self.model_), rows, encoder)
        return encoder, *on_course(config, self, epochs)

    def _train(
        self, plan: Plan, rows: Rows, epochs: int, y: NDArray[Any], given: Any, start: Trained | None
    ) -> Trained:
        """Train what was planned; ``given`` are the features, as the user has them, of which some rows are watched."""
        if start is None:
            self.adopt(
                Model(plan.network, plan.likelihood, (), (), plan.encoder), {"dtype": y.dtype.str, "ndim": y.ndim}
            )
        self._learning_rate: float = plan.settings["learning_rate"]
        try:
            return run(plan, epochs, start=start, **self._followed(plan, rows, given))
        except BaseException:
            if start is None:  # what callbacks and scores were shown has no parameters
                del self.model_
            raise

    @staticmethod
    def _filled(config: RunConfig, rows: Rows, encoder: Encoder) -> RunConfig:
        """Return the settings with those of the preset."""
        held_out = rows.validation is not None
        return for_training(config, rows.train, facts_of(encoder, len(rows.train)), held_out=held_out)

    def _judge_held_out(self, held_out: HeldOut, y: NDArray[Any], kept: NDArray[np.intp]) -> None:
        """Set what the folds say of the training rows.

        Args:
            held_out: outputs for the rows trained on.
            y: targets of all rows.
            kept: which of them weigh something: those trained on.
        """
        answers = self._answers(held_out.model(self.model_), held_out.outputs)
        self.oof_prediction_ = np.full((len(y), *answers.shape[1:]), np.nan)
        self.oof_prediction_[kept] = answers
        self.oof_score_ = self._score_of(y[kept], answers)

    def _watched(self, eval_set: Any) -> Table:
        """Return the rows of an ``eval_set``."""
        X, y = pair_of(eval_set)
        with about_eval_set():
            X, y = check_features(self, X, reset=False), self._check_targets(y)
            check_consistent_length(X, y)
            return replace(as_table(X, y), name="eval_set")

    def _followed(self, plan: Plan, rows: Rows, given: Any) -> dict[str, Any]:
        """Return callbacks, and the score that is told and watched."""
        followed: dict[str, Any] = {"hooks": hooks_of(self.callbacks)}
        if self.scoring is None:
            return followed
        if rows.validation is None:
            rows_to_score, hint = "rows to score beside it", "Give eval_set to fit, or set validation=0.1."
            if plan.config.cv:
                raise ArgumentError("scoring", rows_to_score, "folds", f"Use members in place of folds. {hint}")
            raise ArgumentError("scoring", rows_to_score, "none", hint)
        model = Model(plan.network, plan.likelihood, (), (), plan.encoder)
        watched = some_rows(given, rows.validation.row_numbers())
        score = validation_score(self, model, watched, rows.validation.target_array(), rows.validation_weight)
        followed["scores"] = {SCORE: score}
        if plan.stopping is not None:
            followed["stopping"] = replace(plan.stopping, monitor=SCORE, larger=True)
        return followed
