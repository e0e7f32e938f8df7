"""Where compiled programs are kept."""

from collections.abc import Iterator
from pathlib import Path

import jax
import pytest

from thalweg.cli.engine import cache_folder, keep_compiled  # the function itself: commands in tests have it replaced

SETTINGS = (
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
)


@pytest.fixture(autouse=True)
def same_settings_after() -> Iterator[None]:
    before = {name: getattr(jax.config, name) for name in SETTINGS}
    yield
    for name, value in before.items():
        jax.config.update(name, value)


def test_programs_are_kept_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jax.config.update("jax_compilation_cache_dir", None)
    keep_compiled()
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "thalweg" / "xla")
    assert cache_folder().is_dir()


def test_a_folder_that_jax_was_given_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "unused"))
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "given"))
    keep_compiled()
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "given")
    assert not (tmp_path / "unused").exists()
