"""Command-line flags made from the fields of `RunConfig`, so that name, type, default and help exist once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from typer.core import TyperCommand, TyperOption

from thalweg.cli.registries import registry_names
from thalweg.recipes.config import RunConfig, field_kind

_METAVARS = {int: "N", float: "NUMBER", str: "TEXT"}


def with_settings(function: Callable[..., Any], names: Iterable[str]) -> Callable[..., Any]:
    """Give ``function(…, **settings)`` one flag for each named setting; only flags that were given are passed.

    Values arrive as text: `make_config` reads and checks them, with the same messages as for a TOML file.
    """
    given = [p for p in inspect.signature(function, eval_str=True).parameters.values() if p.kind != p.VAR_KEYWORD]
    flags = [_flag(name) for name in names]

    def command(**arguments: Any) -> Any:
        flag_names = {flag.name for flag in flags}
        unset = {name for name, value in arguments.items() if name in flag_names and value is None}
        return function(**{name: value for name, value in arguments.items() if name not in unset})

    command.__name__, command.__doc__ = function.__name__, function.__doc__
    command.__signature__ = inspect.Signature([*given, *flags])  # type: ignore[attr-defined]
    return command


def _flag(name: str) -> inspect.Parameter:
    field = RunConfig.model_fields[name]
    kind = field_kind(field)
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    text = f"{field.description}{_default(field.default)}".replace("[", "\\[")
    panel, dashed = str(extra["panel"]), name.replace("_", "-")
    names = f"--{dashed}/--no-{dashed}" if kind is bool else f"--{dashed}"
    annotation: Any = bool | None if kind is bool else str | None
    metavar = "NAME" if extra.get("choices") else _metavar(kind)
    option = typer.Option(names, help=text, metavar=metavar, rich_help_panel=panel, show_default=False)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[annotation, option]
    )


def _metavar(kind: Any) -> str | None:
    if kind is bool:
        return None
    if get_origin(kind) is Literal:
        return "|".join(get_args(kind))
    if get_origin(kind) is dict:
        return "NAME=NUMBER,…" if float in get_args(kind) else "NAME=VALUE,…"
    return _METAVARS.get(kind, "NAME,NAME,…" if str in get_args(get_args(kind)[:1] and get_args(kind)[0]) else "N,N,…")


def _default(value: Any) -> str:
    """The default in words; none for settings that are off, or whose help tells it."""
    if value in (None, {}, False, 0):
        return ""
    return f" Default {','.join(map(str, value)) if isinstance(value, tuple) else 'on' if value is True else value}."


class SettingsCommand(TyperCommand):
    """A command whose help lists the choices of each setting, as the rooms that own them register them."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        for parameter in self.params:
            field = RunConfig.model_fields.get(parameter.name or "")
            extra = field.json_schema_extra if field is not None else None
            if isinstance(parameter, TyperOption) and isinstance(extra, dict) and extra.get("choices"):
                parameter.help = f"{parameter.help} One of {', '.join(registry_names(str(extra['choices'])))}."
        super().format_help(ctx, formatter)
