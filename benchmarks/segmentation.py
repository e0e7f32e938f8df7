"""Segmentation: overlap against other learners on the same windows, 3-D against 2-D windows, memory of both ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import thalweg as tw
from benchmarks.commands import worker_answer
from benchmarks.figures import duration, verdict
from benchmarks.table import table
from thalweg.data.volumes import Plane, Volumes, as_volumes
from thalweg.data.windows import WindowEncoder
from thalweg.likelihoods.overlap import count_pairs, overlap_indices

WINDOW, STRIDE = 15, 5
HIDDEN = (256, 128)
SETTINGS: dict[str, Any] = {
    "hidden": HIDDEN,
    "likelihood": "soft_dice",
    "likelihood_options": {"cross_entropy": 0.5},
    "learning_rate": 1e-3,
    "weight_decay": 0.05,
    "optimizer": "adamw",
    "dropout": 0.2,
}
"""Dropout, decay and epochs were chosen on training slices 16–19, held out for that."""

VOLUME: dict[str, Any] = {
    "hidden": (128, 64),
    "activation": "gelu",
    "learning_rate": 3e-3,
    "stride": 2,
    "batch_size": 1024,
}
PAIRS = (((3, 3, 3), (1, 5, 5)), ((5, 5, 5), (1, 11, 11)))
"""Windows in three and in two dimensions, of about as many numbers."""

SEEDS = 3
LIMIT = 2 * 2**30
"""Memory that training on 2·10⁷ pixels may take, in bytes."""


def measure(*, data: Path, quick: bool) -> str:
    """Return the section's text.

    Args:
        data: folder with isbi_em.npz and mni152.npz.
        quick: few pixels and epochs.
    """
    parts = [_streaming(quick), _tiles(quick)]
    for name, part in (("isbi_em.npz", _membranes), ("mni152.npz", _tissues)):
        if (data / name).exists():
            parts.append(part(data / name, quick))
        else:
            parts.append(f"`{name}` is not in the folder given by `--data`: not measured.")
    return "\n\n".join(parts)


def _membranes(file: Path, quick: bool) -> str:
    """Thalweg, logistic regression, random forest and MLP on the same pixels' windows."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    with np.load(file) as archive:
        image, mask = archive["image"], archive["mask"]
    train, test = as_volumes(image[:20], mask[:20]), as_volumes(image[20:30], mask[20:30])
    stride, epochs = (25, 1) if quick else (STRIDE, 30)
    encoder = WindowEncoder.fit(train, range(20), window=WINDOW)
    x, y = _windows(encoder, train, stride)
    peers: dict[str, Any] = {
        "scikit-learn logistic regression": LogisticRegression(max_iter=1000),
        "scikit-learn random forest, 100 trees": RandomForestClassifier(n_jobs=2, random_state=0),
        f"scikit-learn MLP {'-'.join(map(str, HIDDEN))}, early stopping": MLPClassifier(
            HIDDEN, early_stopping=True, max_iter=epochs, random_state=0
        ),
    }
    rows = []
    for name, peer in peers.items():
        print(f"  segmentation: {name}", flush=True)
        peer.fit(x, y)
        confusion = np.zeros((2, 2), int)
        for plane in test.planes(range(10)):
            guess = peer.predict(_plane(encoder, test, plane))
            confusion += count_pairs(_labels(test, plane), guess, 2)
        rows.append((name, overlap_indices(confusion)[1]))
    for name, settings in (
        ("thalweg", {"stride": stride, "epochs": epochs}),
        ("thalweg, all pixels", {"stride": 25 if quick else 1, "epochs": 1 if quick else 6, "batch_size": 4096}),
    ):
        print(f"  segmentation: {name}", flush=True)
        model = tw.fit_segmentation(image[:20], mask[:20], window=WINDOW, **(SETTINGS | settings))
        result = model.evaluate(image[20:30], mask[20:30])
        rows.append((name, np.array([result["dice"][0], result["dice"][1]])))
    ours, best = rows[-2][1].mean(), max(dice.mean() for _, dice in rows[:3])
    text = (
        f"`isbi_em`, slices 0–19 to train on and 20–29 to test on, {WINDOW} × {WINDOW} windows. All but the last learn "
        f"the same {len(y)} pixels, every {stride}th row and column: the peers need windows at once, 4.7 GB for all "
        f"5.2 million pixels. thalweg: {WINDOW**2}-{'-'.join(map(str, HIDDEN))}-2, half soft Dice, half cross entropy, "
        f"AdamW, dropout 0.2. The peers are as scikit-learn makes them, the MLP with the same "
        f"layers and at most as many epochs ({epochs})."
    )
    lines = [[name, f"{d[0]:.4f}", f"{d[1]:.4f}", f"{d.mean():.4f}"] for name, d in rows]
    return "\n\n".join(
        (
            "### Membranes",
            text,
            table(["", "Dice membrane", "Dice cell", "mean Dice"], lines).strip(),
            table(
                ["", "measured", "target", "reached"],
                [["mean Dice on the same pixels", f"{ours:.4f}", f"> {best:.4f}", verdict(ours > best)]],
            ).strip(),
        )
    )


def _tissues(file: Path, quick: bool) -> str:
    """3-D windows against 2-D windows of about as many inputs, every third slice held out."""
    with np.load(file) as archive:
        image, label = archive["image"], archive["label"]
    middle = len(image) // 2
    rows, verdicts = [], []
    for name, slices, epochs in (("one half", middle + 1, 20), ("whole", len(image), 10)):
        for pair in PAIRS[:1] if quick else PAIRS:
            dice = []
            for window in pair:
                print(f"  segmentation: {name}, window {window}", flush=True)
                found = np.array(
                    [
                        _held_out(image[:slices], label[:slices], window, 1 if quick else epochs, seed)
                        for seed in range(1 if quick else SEEDS)
                    ]
                )
                dice.append(found.mean())
                size = " × ".join(map(str, window if window[0] > 1 else window[1:]))
                cells = [f"{value:.4f}" for value in (*found.mean(axis=0), found.mean())]
                seeds = ", ".join(f"{value:.4f}" for value in found.mean(axis=1))
                rows.append([f"{name}, {size}", str(int(np.prod(window))), *cells, seeds])
            wanted = f"{rows[-2][0]} against {' × '.join(map(str, pair[1][1:]))}"
            verdicts.append([wanted, f"{dice[0]:.4f}", f"> {dice[1]:.4f}", verdict(dice[0] > dice[1])])
    text = (
        "`mni152`, every third slice held out, labels other, gray and white matter; d-128-64-3, cross entropy, every "
        f"second row and column, 20 epochs of one half and 10 of the whole, means over {SEEDS} seeds. The template is "
        f"symmetric: slice k is slice {len(image) - 1} - k, pixel for pixel, so that in the whole the 2-D windows of a "
        f"held-out slice are among those trained on. One half, slices 0–{middle}, has no such twins."
    )
    return "\n\n".join(
        (
            "### Tissues: three dimensions against two",
            text,
            table(["window", "inputs", "Dice other", "gray", "white", "mean Dice", "each seed"], rows).strip(),
            table(["mean Dice", "3-D", "target: above 2-D", "reached"], verdicts).strip(),
        )
    )


def _held_out(image: np.ndarray, label: np.ndarray, window: tuple[int, int, int], epochs: int, seed: int) -> np.ndarray:
    """Return Dice of each label on every third slice of a network that was trained on the others."""
    model = tw.fit_segmentation(image, label, window=window, test="::3", epochs=epochs, seed=seed, **VOLUME)
    planes = [(0, depth, slice(None)) for depth in range(0, len(image), 3)]
    confusion = np.zeros((3, 3), int)
    for number, first, outputs in model.blocks(as_volumes(image, label), planes):
        true = label[planes[number][1]].ravel()[first : first + len(outputs)]
        confusion += count_pairs(true, outputs.argmax(axis=1), 3)
    return overlap_indices(confusion)[1]


def _streaming(quick: bool) -> str:
    answer = _worker("train", 2 if quick else 77)
    text = (
        f"One epoch over {answer['pixels']} pixels (a stack of 512 × 512 noise), 5 × 5 windows, 25-64-2, batch 4096, "
        "in a process of its own. Memory is the largest of `RssAnon + RssShmem`, looked at every 10 ms, images and JAX "
        f"included; the windows alone would be {answer['windows'] / 2**30:.2f} GiB."
    )
    most = answer["resident"]
    rows = [
        ["memory", f"{most / 2**30:.2f} GiB", f"< {LIMIT / 2**30:g} GiB", verdict(most < LIMIT)],
        ["pixels a second", f"{answer['rate'] / 1e6:.2f} million", "", ""],
    ]
    return "\n\n".join(
        ("### Training from a stream of windows", text, table(["", "measured", "target", "reached"], rows).strip())
    )


def _tiles(quick: bool) -> str:
    answer = _worker("predict", 256 if quick else 2048)
    side = answer["side"]
    text = (
        f"The mask of one image of {side} × {side} pixels, 5 × 5 windows, 25-64-2, block by block and from all windows "
        "at once; memory above that of the process before, looked at every 10 ms."
    )
    lines = [
        [name, duration(answer[f"{key}_seconds"]), f"{answer[f'{key}_bytes'] / 2**20:.0f} MiB"]
        for name, key in (("block by block", "blocks"), ("all windows at once", "whole"))
    ]
    rows = [["the same mask, pixel for pixel", "yes" if answer["equal"] else "no", "yes", verdict(answer["equal"])]]
    return "\n\n".join(
        (
            "### Predicting a large image",
            text,
            table(["", "time", "memory"], lines).strip(),
            table(["", "measured", "target", "reached"], rows).strip(),
        )
    )


def _worker(task: str, size: int) -> dict[str, Any]:
    print(f"  segmentation: {task}", flush=True)
    return worker_answer("benchmarks.segmentation_worker", task, size)


def _windows(encoder: WindowEncoder, volumes: Volumes, stride: int) -> tuple[np.ndarray, np.ndarray]:
    windows = encoder.windows(volumes.values)
    planes = volumes.planes(range(volumes.slices))
    x = windows.gather(np.concatenate([windows.starts(plane, stride) for plane in planes]))
    y = [volumes.labels[v, d, rows][::stride, ::stride].ravel() for v, d, rows in planes]
    return x, np.concatenate(y)


def _plane(encoder: WindowEncoder, volumes: Volumes, plane: Plane) -> np.ndarray:
    windows = encoder.windows(volumes.values)
    return windows.gather(windows.starts(plane))


def _labels(volumes: Volumes, plane: Plane) -> np.ndarray:
    volume, depth, rows = plane
    return volumes.labels[volume, depth, rows].ravel()
