"""scikit-learn's ``MLPClassifier`` and ``MLPRegressor``, read without importing scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.core.errors import ArgumentError
from thalweg.recipes.imports.imported import Imported
from thalweg.recipes.imports.losses import likelihood_of
from thalweg.recipes.imports.stack import Stack

ACTIVATIONS = {
    "identity": "identity",
    "logistic": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "softmax": "softmax",
}
LOSSES = {"squared_error": "squared", "poisson": "poisson"}


def from_sklearn(mlp: Any) -> Imported:
    """Read a fitted multilayer perceptron of scikit-learn with its weights and settings.

    Its ``alpha`` is divided by the rows of a minibatch there, and is an ``l2`` here.

    Args:
        mlp: a fitted ``MLPClassifier`` or ``MLPRegressor``.

    Returns:
        The network: its outputs are those of ``predict_proba`` (of two classes the second) or ``predict``.

    Raises:
        ArgumentError: another estimator, or one that is not fitted.

    Example:
        >>> import numpy as np
        >>> from sklearn.neural_network import MLPRegressor
        >>> x = np.linspace(-1, 1, 40)[:, None]
        >>> mlp = MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", random_state=0).fit(x, x[:, 0] ** 2)
        >>> bool(np.allclose(from_sklearn(mlp).outputs(x)[:, 0], mlp.predict(x), atol=1e-5))
        True
    """
    name = type(mlp).__name__
    if not (type(mlp).__module__.startswith("sklearn.") and name in {"MLPClassifier", "MLPRegressor"}):
        raise ArgumentError("mlp", "an MLPClassifier or MLPRegressor of scikit-learn", name)
    if not hasattr(mlp, "coefs_"):
        raise ArgumentError("mlp", f"a fitted {name}", "one without weights", "Call its fit first.")
    stack = Stack()
    last = len(mlp.coefs_) - 1
    for number, (weight, bias) in enumerate(zip(mlp.coefs_, mlp.intercepts_, strict=True)):
        stack.dense(np.asarray(weight).T, bias)
        stack.activation(ACTIVATIONS[mlp.out_activation_ if number == last else mlp.activation])
    loss = None if name == "MLPClassifier" else LOSSES.get(mlp.loss, mlp.loss)
    # Its squared error is halved and not divided by the outputs in its gradient, as the likelihood's is.
    likelihood, link = likelihood_of(stack, loss, factor=1.0, outputs_mean=False)
    steps, training = _settings(mlp, stack)
    return Imported(
        stack.network(),
        tuple(stack.params),
        tuple(stack.state),
        likelihood,
        link,
        steps,
        training,
        getattr(mlp, "classes_", None),
        tuple(stack.notes),
    )


def _settings(mlp: Any, stack: Stack) -> tuple[dict[str, Any], dict[str, Any]]:
    if mlp.solver == "lbfgs":
        stack.note("alpha is divided by the number of rows there, which is not kept: set l2 to alpha / rows")
        return {"optimizer": "lbfgs"}, {"epochs": int(mlp.max_iter)}
    rows = 200 if mlp.batch_size == "auto" else int(mlp.batch_size)
    if mlp.batch_size == "auto":
        stack.note("batches have 200 rows: of a smaller set, say batch_size")
    training = {"epochs": int(mlp.max_iter), "batch_size": rows}
    steps: dict[str, Any] = {"learning_rate": float(mlp.learning_rate_init), "l2": float(mlp.alpha) / rows}
    if mlp.solver == "adam":
        options = {"beta1": mlp.beta_1, "beta2": mlp.beta_2, "eps": mlp.epsilon}
        return steps | {"optimizer": "adam", "options": options}, training
    if mlp.learning_rate != "constant":
        stack.note(f"the step size falls as {mlp.learning_rate!r} there, and is constant here")
    if not mlp.momentum:
        return steps | {"optimizer": "sgd"}, training
    rule = "nesterov" if mlp.nesterovs_momentum else "momentum"
    return steps | {"optimizer": rule, "momentum": float(mlp.momentum)}, training
