"""What the package exports, and what importing it costs."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from importlib.metadata import version

import pytest

import thalweg

HEAVY = {"jax", "numpy", "optax", "polars", "pandas", "sklearn", "scipy", "numpyro", "orbax", "matplotlib", "torch"}
MODULES = sorted(info.name for info in pkgutil.walk_packages(thalweg.__path__, "thalweg."))


def imported_by(code: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has imported after running ``code``."""
    report = "import sys; print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"try:\n    {code}\nfinally:\n    {report}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def test_importing_the_package_is_free() -> None:
    assert not imported_by("import thalweg") & HEAVY


def test_training_imports_no_library_that_only_some_models_need() -> None:
    assert not imported_by("import thalweg; thalweg.fit; thalweg.Model") & {"scipy", "numpyro", "sklearn", "polars"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["predict", "--help"], ["lesson", "--help"], ["lesson"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = f"import sys; sys.argv = ['thalweg', *{arguments}]; from thalweg.cli.main import main; main()"
    assert not imported_by(code) & HEAVY


def test_version_is_that_of_the_distribution() -> None:
    assert thalweg.__version__ == version("thalweg")


def test_every_public_name_exists_and_is_listed_by_dir() -> None:
    assert thalweg.__all__ == sorted(set(thalweg.__all__))
    for name in thalweg.__all__:
        assert getattr(thalweg, name) is not None
        assert name in dir(thalweg)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = thalweg.no_such_name


@pytest.mark.parametrize("name", MODULES)
def test_what_a_module_says_it_exports_exists(name: str) -> None:
    module = importlib.import_module(name)
    exported = getattr(module, "__all__", [])
    assert len(set(exported)) == len(exported)
    assert [entry for entry in exported if not hasattr(module, entry)] == []
    assert module.__doc__, f"{name} does not say what it is for"
