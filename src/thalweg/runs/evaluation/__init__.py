"""What a trained model did on a set of rows, as plain data: the content of ``evaluation.json``.

Probabilities, means or masks go in, a dictionary that ``json.dumps(…, allow_nan=False)`` accepts comes
out (``None`` stands for a number that is undefined or not finite). The report draws it.

``evaluation.json`` holds ``{"test": EVALUATION | null, "training": EVALUATION | null}``; the report takes
``test`` and falls back on ``training``, saying so. A bare EVALUATION at the top level is read as ``test``.

EVALUATION of a classifier::

    schema          1
    task            "classification"
    rows            rows evaluated
    not_finite      rows left out because a probability was not finite
    classes         class names
    mistakes        rows whose most probable class is wrong
    error           mistakes / rows
    loss            mean -ln p(true class), in nat
    baseline        {"guess": class, "mistakes": n, "error": fraction}: always the same class
    per_class       [{"class", "support", "predicted", "precision", "recall", "f1"}], in class order
    confusion       [[count]], row = true class, column = predicted; null above 30 classes
    confused_pairs  [{"true", "predicted", "count", "share"}], the 30 most frequent; share of the true class
    confident_mistakes  [{"row", "true", "predicted", "confidence", "probability_true", "values" | "png"}]
    reliability     [{"low", "high", "count", "confidence", "accuracy"}], ten bins of the winning probability
                    with "accuracy_low", "accuracy_high": 95 % limits of the share that is right
    calibration     of a calibrated model only: {"methods": [names], "rows": fitted to, "before": {"loss",
                    "calibration_error", "reliability" | "targets"}, "sets": [{"level", "share", "share_low",
                    "share_high", "size"}] of conformal sets}
    calibration_error   Σ count/rows · |accuracy - confidence| (expected calibration error)
    features        names of the columns of "values", null for pictures
    picture         true where examples are pictures ("png" is base64)
    distance        of ordered classes only: {"mean", "within_one", "baseline"}: how many classes predictions are off,
                    the share that is at most one off, and how many the median class would be off

EVALUATION of several labels::

    schema, task, rows, not_finite, reliability, calibration_error, features   as above; task "multilabel"
    labels          names
    mistakes        labels of all rows that are wrong
    error           mistakes / (rows · labels)
    rows_wrong      rows with at least one wrong label
    loss            mean over rows of -ln p(labels), in nat
    baseline        {"guess", "mistakes", "error", "rows_wrong"}: of each label always its more frequent value
    per_label       [{"label", "support", "predicted", "error", "baseline_error", "precision", "recall", "f1"}]
    confident_mistakes   as above; "true" and "predicted" are "LABEL" or "not LABEL"

EVALUATION of a segmentation: that of a classifier, whose rows are pixels, with one part more::

    segmentation    {"mean_jaccard", "mean_dice": over the classes,
                     "per_class": [{"class", "jaccard", "dice", "boundary_f1", "boundary_distance", "hausdorff_95"}],
                     distances in pixels, null where a class has no boundary,
                     "dimensions": 2 where boundaries were compared slice by slice, 3 by volumes; "regions" of them,
                     "compared" among them; "tolerance" of boundary_f1 in pixels,
                     "slices": [{"slice", "error", "dice", "overlay", "errors" (base64 PNG)}]}

EVALUATION of a regressor::

    schema, task, rows, not_finite, features   as above
    kind            "numbers" or "counts"
    rmse            root mean squared error over rows and targets
    loss            mean -ln q(y|x), in nat and the units of the target; null where the likelihood has none
    baseline        {"rmse": …}: always the mean of the targets
    targets         one entry a target: {"name", "rmse", "mae", "r2", "baseline_rmse", "guess", "bias",
                    "within_1_sd", "within_2_sd" (null without sd),
                    "points": {"row": [], "true": [], "predicted": [], "sd": [] | null},
                    "histogram": {"edges": [], "counts": []} of true - predicted,
                    "coverage": [{"level", "share", "share_low", "share_high", "width"}] of central intervals,
                    "pit": share of F(true value) in each of 20 equal bins, null where unknown,
                    "deviance" (of counts only)}
    largest_errors  [{"row", "target", "true", "predicted", "sd", "values"}]
"""

from __future__ import annotations

from .classification import classification_evaluation
from .examples import Inputs
from .multilabel import multilabel_evaluation
from .regression import regression_evaluation
from .segmentation import segmentation_evaluation

__all__ = [
    "Inputs",
    "classification_evaluation",
    "multilabel_evaluation",
    "regression_evaluation",
    "segmentation_evaluation",
]
