"""Messages of the rooms below, which name flags of the command line, in the words of an estimator's parameters."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar, cast

from thalweg.core.errors import ArgumentError, DataError
from thalweg.estimators.parameters import NOT_PARAMETERS, RENAMED
from thalweg.recipes.config import RunConfig, field_kind

Method = TypeVar("Method", bound=Callable[..., Any])

_PARAMETERS = {setting: parameter for parameter, setting in RENAMED.items()}
_FLAG = re.compile(r"--(?P<name>[a-z][a-z0-9-]*)(?: (?P<value>[\w.,=]*\w))?")


def in_python(text: str) -> str:
    """Return a text with parameters in place of flags.

    Example:
        >>> in_python("add --validation 0.1.")
        'add validation=0.1.'
        >>> in_python("Name it, as in --likelihood student_t, or use --full-batch for all. Give others with --classes.")
        "Name it, as in likelihood='student_t', or use full_batch=True for all. Give others with classes."
    """
    return _FLAG.sub(_parameter, text)


def _parameter(found: re.Match[str]) -> str:
    setting, value = found["name"].replace("-", "_"), found["value"]
    if setting not in RunConfig.model_fields or setting in NOT_PARAMETERS:
        return found[0]
    name = _PARAMETERS.get(setting, setting)
    if field_kind(RunConfig.model_fields[setting]) is bool:
        return f"{name}=True" + (f" {value}" if value else "")
    if not value:
        return name
    try:
        float(value)
    except ValueError:
        value = repr(value)
    return f"{name}={value}"


def speaks_python(method: Method) -> Method:
    """Return a method whose errors name parameters where those of the rooms below name settings and flags."""

    @wraps(method)
    def spoken(*arguments: Any, **settings: Any) -> Any:
        try:
            return method(*arguments, **settings)
        except ArgumentError as error:
            name, hint = _PARAMETERS.get(error.argument, error.argument), in_python(error.hint)
            if (name, hint) == (error.argument, error.hint):
                raise
            raise ArgumentError(name, error.expected, error.got, hint) from None

    return cast(Method, spoken)


@contextmanager
def about_eval_set() -> Iterator[None]:
    """Name ``eval_set`` in the errors of a block that checks it in the words for ``X`` and ``y``."""
    try:
        yield
    except ArgumentError as error:
        if error.argument == "eval_set":
            raise
        raise ArgumentError(f"eval_set: {error.argument}", error.expected, error.got, error.hint) from None
    except (ValueError, TypeError) as error:
        if str(error).startswith("eval_set"):
            raise
        kind = next(kind for kind in (DataError, ValueError, TypeError) if isinstance(error, kind))
        raise kind(f"eval_set: {error}") from None


def told_again(error: DataError, action: Callable[[], Any]) -> DataError:
    """Return the error about data that an action raises, or if it raises none, the one there is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they were told before
            action()
    except DataError as found:
        return found
    except ArgumentError:
        pass
    return error
