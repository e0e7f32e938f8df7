from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from thalweg.cli import engine, main


class Answer(NamedTuple):
    code: int
    out: str
    err: str


Thalweg = Callable[..., Answer]


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in this process, and must leave JAX's settings and the user's cache folder alone."""
    monkeypatch.setattr(engine, "keep_compiled", lambda: None)


@pytest.fixture
def thalweg(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Thalweg:
    """The command line, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Answer:
        capsys.readouterr()
        code = main.run([str(argument) for argument in arguments])
        return Answer(code, *capsys.readouterr())

    return call


def write_flowers(path: Path, rows: int = 60) -> Path:
    """A table of three classes with numbers and words that tell them apart."""
    rng = np.random.default_rng(0)
    lines = ["height,width,color,species"]
    for i in range(rows):
        kind = i % 3
        height, width = kind + 0.1 * rng.normal(), 2 * kind + 0.1 * rng.normal()
        color = ("red", "blue", "white")[(kind + (i % 20 == 0)) % 3]  # mostly, else it would give the species away
        lines.append(f"{height:.4f},{width:.4f},{color},{('ash', 'birch', 'cedar')[kind]}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="session")
def flowers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_flowers(tmp_path_factory.mktemp("data") / "flowers.csv")


@pytest.fixture(scope="session")
def flower_run(tmp_path_factory: pytest.TempPathFactory, flowers: Path) -> Path:
    """A finished run on the table of flowers."""
    from thalweg.recipes.config import make_config
    from thalweg.runs.run import train_run

    out = tmp_path_factory.mktemp("run") / "flowers"
    settings = {"data": str(flowers), "target": "species", "hidden": 8, "epochs": 40, "learning_rate": 0.01}
    return train_run(make_config(settings | {"out": str(out)})).path
