"""What only a process of its own shows: the installed command, its exit code, its streams, its imports."""

import subprocess
import sys
from pathlib import Path


def test_the_installed_command_answers_on_the_right_streams(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("thalweg")
    done = subprocess.run([command, "train", "nowhere.csv"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: nowhere.csv")
    assert len(done.stderr.splitlines()) == 1


def test_training_on_a_small_set_loads_no_more_than_it_needs(tmp_path: Path) -> None:
    code = (
        "import sys; from thalweg.cli import main, engine; engine.keep_compiled = lambda: None; "
        "code = main.run(['train', 'wine', '--epochs', '1', '--hidden', '4', '--out', 'r']); "
        "heavy = {'sklearn', 'matplotlib', 'numpyro', 'orbax', 'polars', 'scipy.stats', 'torch'} & set(sys.modules); "
        "print('LOADED', code, *sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "LOADED 0"
