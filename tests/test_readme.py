"""The code blocks of the README and the guide are run as they stand: Python, and every ``thalweg`` command."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from thalweg.cli import main
from thalweg.network import ACTIVATIONS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[object]:
    """Return the text of every page's blocks in ``language``, a page a parameter; pages but the README are slow."""
    found = {page: [text for kind, text in BLOCK.findall(page.read_text()) if kind == language] for page in PAGES}
    return [
        pytest.param(texts, id=page.name, marks=() if page.name == "README.md" else pytest.mark.slow)
        for page, texts in found.items()
        if texts
    ]


def commands(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("thalweg ")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the tables and images that the pages speak of."""
    rng = np.random.default_rng(0)
    area, rooms = rng.uniform(30, 200, 300), rng.integers(1, 7, 300)
    price = np.round(2500 * area + 10_000 * rooms + rng.normal(0, 20_000, 300), -2)
    rows = [f"{a:.1f},{r},{p:.0f}" for a, r, p in zip(area, rooms, price, strict=True)]
    (tmp_path / "houses.csv").write_text("\n".join(["area,rooms,price", *rows]) + "\n")
    (tmp_path / "new_houses.csv").write_text("rooms,area\n3,80.5\n5,140\n1,35\n")
    age, yes = rng.normal(40, 10, 400), rng.uniform(size=400) < 0.2
    people = [f"{a + 10 * y:.0f},{'yes' if y else 'no'}" for a, y in zip(age, yes, strict=True)]
    (tmp_path / "bank.csv").write_text("\n".join(["age,y", *people[:300]]) + "\n")
    (tmp_path / "more_rows.csv").write_text("\n".join(["age,y", *people[300:]]) + "\n")
    (tmp_path / "cost.csv").write_text("true,no,yes,call back\nno,0,1,0.3\nyes,5,0,0.3\n")
    mask = np.kron(rng.integers(0, 2, (30, 4, 4)), np.ones((1, 5, 5), int))
    image = mask + rng.normal(0, 0.8, mask.shape)
    for name in ("cells", "labeled"):
        np.savez(tmp_path / f"{name}.npz", image=image, mask=mask)
    np.savez(tmp_path / "new.npz", image=image)
    return tmp_path


@pytest.fixture
def thalweg(
    folder: Path, shipped_preset: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[list[str]], None]:
    """The command line in that folder, in this process: most of the time would go into starting others."""
    monkeypatch.chdir(folder)

    def run(arguments: list[str]) -> None:
        assert main.run(arguments) == 0, f"{shlex.join(arguments)}\n{capsys.readouterr()}"

    return run


@pytest.mark.parametrize("texts", blocks("sh"))
def test_commands_run_in_order(texts: list[str], folder: Path, thalweg: Callable[[list[str]], None]) -> None:
    for text in texts:
        for command in commands(text):
            thalweg(shlex.split(command, comments=True)[1:])
    written = folder / "prices.csv"
    assert not any("prices.csv" in text for text in texts) or len(written.read_text().splitlines()) == 4


@pytest.mark.parametrize("texts", blocks("python"))
def test_python_runs(
    texts: list[str],
    folder: Path,
    shipped_preset: None,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.chdir(folder)
    if "README" in request.node.name:  # what a newcomer pastes into a new interpreter
        done = subprocess.run(
            [sys.executable, "-W", "error", "-W", "ignore:Error reading persistent", "-c", "\n".join(texts)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    else:
        with patch.dict(ACTIVATIONS):  # a page registers one
            exec("\n".join(texts), {"__name__": "__main__"})


@pytest.mark.parametrize("texts", blocks("toml"))
def test_settings_files_are_read(texts: list[str], folder: Path, thalweg: Callable[[list[str]], None]) -> None:
    for number, text in enumerate(texts):
        file = folder / f"settings{number}.toml"
        file.write_text(text)
        thalweg(["train", "--config", str(file), "--epochs", "1", "--out", str(folder / f"run{number}")])


def test_the_makefile_has_every_target_that_the_pages_name() -> None:
    named = {name for page in PAGES for name in re.findall(r"^make (\w+)", page.read_text(), re.MULTILINE)}
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"demo", "test", "check", "bench", "docs"} <= named | targets
    assert named <= targets
