"""From a model folder back to a model, every part checked against the others."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np

from thalweg.core.errors import ModelError
from thalweg.decisions.calibration import Calibration
from thalweg.deploy.artefact import read_artefact
from thalweg.deploy.check import check_calibration, check_encoder, check_windows
from thalweg.deploy.model import Model
from thalweg.deploy.weights import restored
from thalweg.likelihoods import likelihood_from_dict
from thalweg.network import Network


def load(folder: Path | str) -> Model:
    """Load a model folder; no code from it is run.

    Args:
        folder: written by `Model.save`, or a run folder (its ``model`` is taken).

    Returns:
        The model; a `Segmenter` where it was trained on images with masks.

    Raises:
        ModelError: missing or damaged files, weights that do not fit the network, or a newer schema.
        StorageError: the files cannot be read.
    """
    folder = Path(folder)
    if not (folder / "model.json").exists() and (folder / "model").is_dir():
        folder = folder / "model"
    description, arrays = read_artefact(folder)
    try:
        network = Network.from_dict(description["network"])
        likelihood = likelihood_from_dict(description["likelihood"])
        encoder = None
        if description.get("encoder") is not None:
            from thalweg.data.encode import Encoder

            encoder = Encoder.from_dict(description["encoder"])
            check_encoder(encoder, network, likelihood)
        windows = None
        if description.get("windows") is not None:
            from thalweg.data.windows import WindowEncoder

            windows = WindowEncoder.from_dict(description["windows"])
            check_windows(windows, network, likelihood)
        history = [dict(row) for row in description.get("history", [])]
        calibration = Calibration.from_dict(description.get("calibration") or {})
        check_calibration(calibration, network, likelihood)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ModelError(f"{folder} is damaged: its description cannot be read ({error}).") from error
    example = jax.ShapeDtypeStruct((2, network.inputs), np.float32)
    structure = {
        "params": jax.eval_shape(lambda x: network.init(jax.random.key(0), x), example),
        "state": jax.eval_shape(network.init_state),
    }
    tree = restored(structure, arrays, folder)
    parts = network, likelihood, tree["params"], tree["state"]
    if windows is not None:
        from thalweg.deploy.segmenter import Segmenter

        return Segmenter(*parts, history=history, windows=windows)
    return Model(*parts, encoder, history, calibration)
