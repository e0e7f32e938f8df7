"""The command ``landscape``: a picture beside the run or in it, whatever the directions."""

from __future__ import annotations

from pathlib import Path

import pytest

from thalweg.cli.main import run as thalweg
from thalweg.recipes.config import make_config
from thalweg.runs.run import train_run


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("landscape") / "wine"
    train_run(make_config({"data": "wine", "preset": "plain", "hidden": 8, "epochs": 4, "out": str(out)}))
    return out


def test_the_report_shows_the_picture(wine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert thalweg(["landscape", str(wine), "--points", "5"]) == 0
    assert "random direction" in capsys.readouterr().out
    assert (wine / "landscape.png").read_bytes()[:4] == b"\x89PNG"
    assert "Loss landscape" in (wine / "report.html").read_text()


@pytest.mark.parametrize("directions", ["hessian", "trajectory"])
def test_other_directions_go_to_a_file(wine: Path, tmp_path: Path, directions: str) -> None:
    place = tmp_path / "picture.svg"
    assert thalweg(["landscape", str(wine), "--points", "5", "--directions", directions, "-o", str(place)]) == 0
    assert place.read_text().lstrip().startswith("<?xml")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--directions", "randm"], "random"),
        (["--points", "2"], "points"),
        (["-o", "picture.bmp"], ".png"),
        (["--extent", "0"], "extent"),
    ],
)
def test_bad_input_is_one_line(wine: Path, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert thalweg(["landscape", str(wine), "--points", "3", *flags]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
