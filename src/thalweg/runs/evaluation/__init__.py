"""What a trained model did on a set of rows, as plain data: the content of ``evaluation.json``.

Pure NumPy: probabilities or means go in, a dictionary that ``json.dumps(…, allow_nan=False)`` accepts
comes out (``None`` stands for a number that is undefined or not finite). The report draws it.

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
    calibration_error   Σ count/rows · |accuracy - confidence| (expected calibration error)
    features        names of the columns of "values", null for pictures
    picture         true where examples are pictures ("png" is base64)

EVALUATION of a regressor::

    schema, task, rows, not_finite, features   as above
    rmse            root mean squared error over rows and targets
    baseline        {"rmse": …}: always the mean of the targets
    targets         one entry a target: {"name", "rmse", "mae", "r2", "baseline_rmse", "guess", "bias",
                    "within_1_sd", "within_2_sd" (null without sd),
                    "points": {"row": [], "true": [], "predicted": [], "sd": [] | null},
                    "histogram": {"edges": [], "counts": []} of true - predicted}
    largest_errors  [{"row", "target", "true", "predicted", "sd", "values"}]
"""

from __future__ import annotations

from .classification import classification_evaluation
from .examples import Inputs
from .regression import regression_evaluation

__all__ = ["Inputs", "classification_evaluation", "regression_evaluation"]
