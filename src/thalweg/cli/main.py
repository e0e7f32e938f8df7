"""The command ``thalweg``: its commands, and how their errors and interruptions end.

Nothing here imports JAX or NumPy: every command loads what it needs when it runs.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from typer import TyperException
from typer.core import TyperGroup

from thalweg.cli import (
    calibrate,
    columns,
    datasets,
    decide,
    demo,
    diagnose,
    evaluate,
    explain,
    landscape,
    lesson,
    predict,
    repair,
    report,
    runs,
    search,
    steps,
    summary,
    train,
)
from thalweg.core.errors import DataWarning, StorageWarning, ThalwegError, TrainingWarning


class _Commands(TyperGroup):
    """Hand interruptions on: Typer makes an exit code of them, which a command gives that has told of one itself."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Abort from None


app = typer.Typer(
    name="thalweg",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (
    demo,
    train,
    search,
    steps,
    evaluate,
    explain,
    predict,
    decide,
    calibrate,
    columns,
    diagnose,
    repair,
    landscape,
    summary,
    runs,
    report,
    datasets,
    lesson,
):
    module.register(app)


def _version(show: bool) -> None:
    if show:
        from thalweg import __version__

        typer.echo(f"thalweg {__version__}")
        raise typer.Exit


@app.callback()
def _thalweg(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Train dense neural networks, test them, use them, and see how it went."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    Exit codes: 0 done; 2 one line on standard error says what to mend; 130 interrupted.
    """
    sys.exit(run(arguments))


NO_MEMORY = "not enough memory for this; use a smaller batch_size or network, or data in .npy files"


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    with warnings.catch_warnings():
        # Users read warnings about their data and training; those of libraries are for developers.
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        for kind in (DataWarning, StorageWarning, TrainingWarning):
            warnings.simplefilter("always", kind)
        warnings.showwarning = _show_each_once()
        try:
            code = app(list(arguments) if arguments is not None else None, prog_name="thalweg", standalone_mode=False)
        except TyperException as error:  # a flag or argument that does not exist, or is missing
            message = error.format_message()
            code = _fail(message if message.strip() else "no command given; see thalweg --help")
        except (ThalwegError, FileNotFoundError, PermissionError) as error:
            code = _fail(str(error))
        except MemoryError:
            code = _fail(NO_MEMORY)
        except (typer.Abort, KeyboardInterrupt):
            print("Interrupted.", file=sys.stderr)  # noqa: T201 (no markup, no wrapping)
            code = 130
        except RuntimeError as error:
            # XLA has no error of its own for this. Any other is ours to mend, with its traceback.
            if "RESOURCE_EXHAUSTED" not in str(error) and "Out of memory" not in str(error):
                raise
            code = _fail(NO_MEMORY)
        except BrokenPipeError:  # the reader of our output, such as head, has gone
            code = 0
    return code if isinstance(code, int) else 0


def _fail(message: str) -> int:
    print("Error: " + " ".join(message.split()), file=sys.stderr)  # noqa: T201 (no markup, no wrapping)
    return 2


def _show_each_once() -> Callable[..., None]:
    """Return what shows a warning; a table that is read again for calibration or the report says nothing new."""
    shown: set[str] = set()

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        line = " ".join(str(message).split())
        if line not in shown:
            shown.add(line)
            print(f"Warning: {line}", file=sys.stderr)  # noqa: T201 (no markup, no wrapping)

    return show
