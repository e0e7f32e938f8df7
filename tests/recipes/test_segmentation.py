"""Segmentation from images to masks: runs, models, commands and what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, jaccard_score, log_loss

import thalweg as tw
from thalweg.cli.main import run as command
from thalweg.core.errors import ArgumentError, DataError, DataWarning, ModelError
from thalweg.data.volumes import as_volumes
from thalweg.deploy import Segmenter
from thalweg.gradients import BackwardPass, backprop
from thalweg.recipes.config import make_config
from thalweg.recipes.segmentation import SegmentationPlan, make_slices, prepare_segmentation
from thalweg.runs.run import resume, train_run


def blobs(slices: int = 8, side: int = 24, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noisy squares on a background, labels 0 and 7: a pixel alone tells little, its neighbors much."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((slices, side, side), np.uint8)
    for picture in mask:
        for top, left in rng.integers(2, side - 8, (2, 2)):
            picture[top : top + 6, left : left + 6] = 7
    return (mask / 7 + rng.normal(0, 0.7, mask.shape)).astype(np.float32), mask


def archive(path: Path, **changes: np.ndarray) -> Path:
    image, mask = blobs()
    np.savez(path, **({"image": image, "mask": mask} | changes))
    return path


SETTINGS = {"task": "segment", "window": 3, "hidden": 8, "epochs": 3, "batch_size": 64, "learning_rate": 0.01}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("segmentation")
    data = archive(folder / "d.npz")
    train_run(make_config(SETTINGS | {"data": str(data), "out": str(folder / "run"), "epochs": 8, "test": "6:8"}))
    return folder


def test_a_run_ends_in_masks_that_are_measured_right(done: Path) -> None:
    image, mask = blobs()
    model = tw.load(done / "run")
    assert isinstance(model, Segmenter)
    predicted = model.predict(image[6:])
    assert predicted.shape == mask[6:].shape
    assert set(np.unique(predicted)) == {0, 7}
    true, guess = mask[6:].ravel(), predicted.ravel()
    evaluation = json.loads((done / "run" / "evaluation.json").read_text())["test"]
    result = model.evaluate(image[6:], mask[6:])
    np.testing.assert_allclose([result["error"], evaluation["error"]], 1 - accuracy_score(true, guess))
    for labels, name, score in (([0, 7], "jaccard", jaccard_score), ([0, 7], "dice", f1_score)):
        expected = score(true, guess, average=None, labels=labels)
        np.testing.assert_allclose(list(result[name].values()), expected)
        np.testing.assert_allclose([row[name] for row in evaluation["segmentation"]["per_class"]], expected)
        np.testing.assert_allclose(result[f"mean_{name}"], expected.mean())
    probability = model.predict_proba(image[6:]).reshape(-1, 2).astype(float)
    expected_loss = log_loss(true, probability[:, 1], labels=[0, 7])
    np.testing.assert_allclose([result["loss"], evaluation["loss"]], expected_loss, rtol=1e-5)
    assert result["mean_dice"] > 0.75
    assert len(evaluation["segmentation"]["slices"]) == 2
    assert "How well the masks overlap" in (done / "run" / "report.html").read_text()
    status = json.loads((done / "run" / "run.json").read_text())
    assert status["data"]["train_rows"] == 6 * 24 * 24
    assert status["data"]["test"] == "slices 6:8"


def test_streamed_prediction_is_the_prediction_of_all_windows_at_once(
    done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tw.load(done / "run")
    assert isinstance(model, Segmenter)
    image = blobs(1, 100)[0]
    padded = np.pad((image[0] - model.windows.mean) / model.windows.std, 1, "reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).reshape(-1, 9).astype(np.float32)
    whole = np.asarray(model.likelihood.mean(model.outputs(windows)))  # type: ignore[arg-type]
    np.testing.assert_allclose(model.predict_proba(image)[0].reshape(-1, 2), whole, atol=1e-5)
    for size in (1, 2**20):  # the smallest blocks, and all at once: bit for bit the same
        monkeypatch.setattr("thalweg.deploy.segmenter.BLOCK_BYTES", size)
        answers = model.predict_proba(image), model.predict(image)
        if size == 1:
            first = answers
        np.testing.assert_array_equal(answers[0], first[0])
        np.testing.assert_array_equal(answers[1], first[1])


def test_commands(done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, run = str(done / "d.npz"), str(done / "run")
    assert command(["evaluate", run, data]) == 0
    assert "mean Dice 0." in capsys.readouterr().out
    assert command(["predict", run, data, "-o", str(tmp_path / "m.npz"), "--probabilities"]) == 0
    with np.load(tmp_path / "m.npz") as masks:
        model = tw.load(run)
        np.testing.assert_array_equal(masks["mask"], model.predict(blobs()[0]))
        assert masks["probability"].shape == (8, 24, 24, 2)
    assert command(["predict", run, data, "-o", str(tmp_path / "pictures")]) == 0
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 8
    assert command(["predict", run, data, "-o", str(tmp_path / "m.csv")]) == 2
    assert command(["summary", run]) == 0
    capsys.readouterr()


def fails(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert command(list(words)) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("Warning")]
    assert len(lines) == 1
    return lines[0]


def test_bad_input_is_one_line(done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image, mask = blobs()

    def train(data: Path, *words: str) -> str:
        return fails(capsys, "train", str(data), "--task", "segment", "--out", str(tmp_path / "r"), *words)

    good = archive(tmp_path / "good.npz")
    assert "masks: expected the shape of the images" in train(archive(tmp_path / "a.npz", mask=mask[:, 1:]))
    assert "got -1 in a mask" in train(archive(tmp_path / "b.npz", mask=mask.astype(int) - 1))
    assert "whole numbers, one label a pixel, got 0.5" in train(archive(tmp_path / "c.npz", mask=mask * 0.0 + 0.5))
    unseen = mask.copy()
    unseen[7, 0, 0] = 3
    assert "the label 3, which is none of the classes 0, 7" in train(archive(tmp_path / "d.npz", mask=unseen))
    assert "all training masks hold the label 0" in train(archive(tmp_path / "e.npz", mask=0 * mask))
    bad = image.copy()
    bad[2, 3, 4] = np.inf
    assert "inf at (2, 3, 4)" in train(archive(tmp_path / "f.npz", image=bad))
    np.savez(tmp_path / "g.npz", image=image, masq=mask)
    assert "Did you mean 'masq'" in train(tmp_path / "g.npz")
    assert "window: expected no larger than the images" in train(good, "--window", "25")
    assert "window: expected odd sizes" in train(good, "--window", "4")
    assert "window: expected" in train(good, "--window", "0")
    assert "padding: expected one of reflect" in train(good, "--padding", "mirror")
    assert "no pixel of the training masks has the label 9" in train(good, "--classes", "0,7,9")
    unseen[0, 0, 0] = 5
    other = archive(tmp_path / "o.npz", mask=unseen)
    assert "hold the label 5, which is none of the classes asked for" in train(
        other, "--classes", "0,7", "--test", "1:8"
    )
    assert "test: expected some of the slices" in train(good, "--test", "90:")
    for name in ("gaussian", "multilabel", "poisson"):
        assert "likelihood: expected one of auto, bernoulli, categorical" in train(good, "--likelihood", name)
    assert not (tmp_path / "r").exists()
    assert "window: expected the task 'segment'" in fails(capsys, "train", "iris", "--window", "3")
    color = archive(tmp_path / "h.npz", image=np.repeat(image[..., None], 3, axis=3))
    assert "images: expected 1 channels, as in training, got 3" in fails(
        capsys, "evaluate", str(done / "run"), str(color)
    )
    assert "iris: a bundled table; expected images" in fails(capsys, "train", "iris", "--task", "segment")
    assert "a model of images" in fails(capsys, "decide", str(done / "run"), str(good), "-o", str(tmp_path / "d.csv"))
    assert "a model of images" in fails(capsys, "calibrate", str(done / "run"))
    with pytest.raises(ArgumentError, match=r"x: expected windows \(N, \d+\), got shape .* for predict, predict_proba"):
        tw.load(done / "run").decide(image)


def test_slices_held_out() -> None:
    image, mask = blobs(10)
    volumes = as_volumes(image, mask)

    def numbers(**settings: object) -> list[list[int] | None]:
        tables = make_slices(make_config({"data": "d", "task": "segment"} | settings), volumes)
        return [None if p is None else p.numbers.tolist() for p in (tables.train, tables.validation, tables.test)]

    assert numbers() == [list(range(8)), None, [8, 9]]
    assert numbers(test="none") == [list(range(10)), None, None]
    assert numbers(test="::3") == [[1, 2, 4, 5, 7, 8], None, [0, 3, 6, 9]]
    assert numbers(test="7:", validation=0.3) == [[0, 1, 2, 3, 4], [5, 6], [7, 8, 9]]
    assert numbers(test="0.5") == [[0, 1, 2, 3, 4], None, [5, 6, 7, 8, 9]]
    for wrong in (":", "20:", "::0", "1.5"):
        with pytest.raises(ArgumentError, match="test: expected"):
            numbers(test=wrong)
    with pytest.raises(ArgumentError, match="at least 2 slices"):
        make_slices(make_config({"data": "d", "task": "segment"}), as_volumes(image[:1], mask[:1]))


@pytest.mark.parametrize(
    ("likelihood", "options"),
    # ε is of pixels, of which the images twice have more: small, it makes no difference.
    [("bernoulli", {}), ("focal", {}), ("soft_dice", {"smooth": 1e-6}), ("soft_jaccard", {"smooth": 1e-6})],
)
def test_a_weight_of_two_is_an_image_twice_and_a_weight_of_zero_none(
    likelihood: str, options: dict[str, float]
) -> None:
    image, mask = blobs(3, 12)
    named = {"likelihood": likelihood, "likelihood_options": options, "class_weight": "balanced"}
    rest = {"data": "d", "task": "segment", "test": "none", "full_batch": True, "standardize": False, "window": 3}
    config = make_config(named | rest)
    weight = np.broadcast_to(np.array([2.0, 0.0, 1.0])[:, None, None], mask.shape)
    weighted = prepare_segmentation(config, as_volumes(image, mask).weighted(weight))
    repeated = prepare_segmentation(config, as_volumes(image[[0, 0, 2]], mask[[0, 0, 2]]))
    assert (weighted.train.rows, repeated.train.rows) == (2 * 144, 3 * 144)
    params, state = weighted.network.init(jax.random.key(1)), weighted.network.init_state()

    def passed(plan: SegmentationPlan) -> BackwardPass:
        (chunk,) = plan.train.chunks(None)
        return backprop(plan.network, plan.likelihood, params, state, chunk.x[0], chunk.y[0], chunk.weight[0])

    one, other = passed(weighted), passed(repeated)
    assert float(one.loss) == pytest.approx(float(other.loss), rel=1e-5)
    for ours, theirs in zip(jax.tree.leaves(one.grads), jax.tree.leaves(other.grads), strict=True):
        assert np.abs(theirs).max() > 1e-4
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_slices_that_occur_twice_are_told(tmp_path: Path) -> None:
    image, mask = blobs()
    image[7], mask[7] = image[0], mask[0]
    data = archive(tmp_path / "d.npz", image=image, mask=mask)
    with pytest.warns(DataWarning, match="576 of the 1152 test rows also occur in the training set"):
        train_run(make_config(SETTINGS | {"data": str(data), "out": str(tmp_path / "r"), "epochs": 1}))


@pytest.mark.slow
def test_an_interrupted_run_resumes_to_the_same_bits(tmp_path: Path) -> None:
    data = archive(tmp_path / "d.npz")
    settings = SETTINGS | {"data": str(data), "sampling": "balanced", "likelihood": "soft_dice", "dropout": 0.1}
    whole = train_run(make_config(settings | {"out": str(tmp_path / "whole"), "checkpoint_seconds": 0}))

    class Stop(tw.Hook):
        def on_epoch_end(self, row: dict[str, object]) -> None:
            if row["epoch"] == 2:
                raise MemoryError

    config = make_config(settings | {"out": str(tmp_path / "cut"), "checkpoint_seconds": 0})
    with pytest.raises(MemoryError):
        train_run(config, hooks=[Stop()])
    resumed = resume(tmp_path / "cut", {})
    weights = [(run.path / "model" / "weights.safetensors").read_bytes() for run in (whole, resumed)]
    assert weights[0] == weights[1]


@pytest.mark.parametrize("shape", [(24, 24), (2, 5, 12, 12)])
def test_one_image_and_volumes_with_channels(shape: tuple[int, ...]) -> None:
    mask = (np.indices(shape).sum(axis=0) // 4 % 2).astype(np.int64)
    image = np.stack([mask, 1 - mask], axis=-1) + np.random.default_rng(0).normal(0, 0.3, (*shape, 2))
    model = tw.fit_segmentation(
        image, mask, window=(3, 3, 3) if len(shape) == 4 else 3, test=0.5, hidden=(8,), epochs=4, learning_rate=0.01
    )
    assert model.predict(image).shape == shape
    assert model.predict_proba(image).shape == (*shape, 2)
    assert model.evaluate(image, mask)["mean_dice"] > 0.9
    assert "test_error" in model.history[-1]
    with pytest.raises(ArgumentError, match="images: expected"):
        model.predict(mask[..., None, None, None])


def test_damaged_model_folders(done: Path, tmp_path: Path) -> None:
    model = tw.load(done / "run")
    model.save(tmp_path / "m")
    text = (tmp_path / "m" / "model.json").read_text()
    for part, other in (
        ('"padding": "reflect"', '"padding": "x"'),
        ('"std"', '"sd"'),
        ('"windows": {', '"windows": 3, "w": {'),
    ):
        assert part in text
        (tmp_path / "m" / "model.json").write_text(text.replace(part, other))
        with pytest.raises(ModelError, match="damaged"):
            tw.load(tmp_path / "m")


def test_labels_may_have_an_order(tmp_path: Path) -> None:
    level = np.random.default_rng(0).integers(0, 3, (4, 12, 12))
    model = tw.fit_segmentation(
        level + 0.0, level, window=1, hidden=(8,), likelihood="ordinal", epochs=20, batch_size=64, learning_rate=0.02
    )
    model.save(tmp_path / "m")
    again = tw.load(tmp_path / "m")
    np.testing.assert_array_equal(again.predict(level + 0.0), model.predict(level + 0.0))
    assert model.evaluate(level + 0.0, level)["mean_dice"] > 0.95


def test_python_says_what_is_wrong() -> None:
    image, mask = blobs(4)
    with pytest.raises(ArgumentError, match="test: expected"):
        tw.fit_segmentation(image, mask, test=[1, 2])
    with pytest.raises(ArgumentError, match="masks: expected a label for each pixel, got none"):
        tw.fit_segmentation(image, None)
    with pytest.raises(ArgumentError, match="likelihood: expected a name, with its settings as likelihood_options"):
        tw.fit_segmentation(image, mask, likelihood=tw.likelihoods.SoftDice())
    with pytest.raises(DataError, match="images of one size, got arrays of several"):
        tw.fit_segmentation([image[0], image[0][:5]], mask)
    with pytest.raises(ArgumentError, match=r"windw: .*Did you mean 'window'"):
        tw.fit_segmentation(image, mask, windw=3)
    with pytest.raises(DataError, match="the label 9, which is none of the classes"):
        tw.fit_segmentation(image, mask, test=(image, mask // 7 * 9), window=3, epochs=1)
