"""Write the reference pages from the code at every build, so that they cannot fall behind it.

- ``api/ROOM.rst``: a page for each room, its modules in turn, each documented where it is defined.
- ``reference/settings.md``: every setting of a run, from its declaration.
- ``reference/commands.md``: every command with its arguments and options, from the command line itself.
- ``_generated/rules.md``: every rule of the diagnosis, for the page about it.
"""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import thalweg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docutils.nodes import Element
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

PACKAGE = Path(thalweg.__file__).parent


def _write(path: Path, text: str) -> None:
    """Write only what has changed: an unchanged page is not built again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).parts)


def _modules(folder: Path) -> Iterator[str]:
    """Yield the public modules of a room that define something, then those of the packages within."""
    for path in sorted(folder.glob("[!_]*.py")):
        if any(isinstance(node, ast.ClassDef | ast.FunctionDef) for node in ast.parse(path.read_text()).body):
            yield _name(path.with_suffix(""))
    for child in sorted(path.parent for path in folder.glob("*/__init__.py")):
        if any(_modules(child)):
            yield _name(child)
            yield from _modules(child)


def _room_page(folder: Path) -> str:
    name = _name(folder)
    lines = [folder.name, "=" * len(folder.name), "", f".. automodule:: {name}", "   :no-members:", ""]
    for module in _modules(folder):
        title = module.removeprefix(f"{name}.")
        lines += [title, "-" * len(title), "", f".. automodule:: {module}", "   :show-inheritance:"]
        # A package names what its modules define: its own page part is its introduction.
        is_package = (PACKAGE.parent / module.replace(".", "/")).is_dir()
        lines += ["   :no-members:" if is_package else "   :members:", ""]
    return "\n".join(lines)


def _cell(text: object) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def _table(header: tuple[str, ...], rows: list[tuple[object, ...]]) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return [*lines, *("| " + " | ".join(map(_cell, row)) + " |" for row in rows), ""]


def _default(field: Any) -> str:
    """Return the default as a user would write it."""
    if field.is_required():
        return "*required*"
    value = field.default
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return "" if value is None or value == {} else f"`{text.lower() if isinstance(value, bool) else text}`"


def _choices(registry: str) -> str:
    """Return the names in ``room.REGISTRY``."""
    room, _, name = registry.rpartition(".")
    return f"One of `{'`, `'.join(getattr(import_module(f'thalweg.{room}'), name))}`." if registry else ""


def _settings_page() -> str:
    from thalweg.recipes.config import RunConfig

    panels: dict[str, list[tuple[object, ...]]] = {}
    for name, field in RunConfig.model_fields.items():
        extra: dict[str, Any] = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        row = (f"`{name}`", _default(field), f"{field.description} {_choices(extra.get('choices', ''))}")
        panels.setdefault(str(extra.get("panel", "Data")), []).append(row)
    lines = [
        "# Settings",
        "",
        "Every setting has one name: `learning_rate` in a TOML file is `--learning-rate` on the command line.",
        "A flag wins over the file; an unknown name is an error that names the nearest one.",
        "",
    ]
    for panel, rows in panels.items():
        lines += [f"## {panel}", "", *_table(("setting", "default", "meaning"), rows)]
    return "\n".join(lines)


def _commands_page() -> str:
    from typer.main import get_command

    from thalweg.cli.main import app
    from thalweg.recipes.config import RunConfig

    group: Any = get_command(app)
    lines = ["# Commands", "", group.help or "", ""]
    for name, command in group.commands.items():
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        options = [p for p in command.params if p not in arguments and p.name != "help"]
        settings = [p for p in options if p.name in RunConfig.model_fields]
        usage = " ".join(["thalweg", name, *map(_argument, arguments), "[OPTIONS]"])
        text = re.sub(r"(--[\w-]+)", r"`\1`", command.help or "")
        lines += [f"## {name}", "", text, "", "```text", usage, "```", ""]
        rows = [(f"`{_argument(p)}`", p.help) for p in arguments]
        rows += [(", ".join(f"`{flag}`" for flag in p.opts), p.help) for p in options if p not in settings]
        lines += _table(("argument or option", "meaning"), rows) if rows else []
        if len(settings) == len(RunConfig.model_fields) - len(arguments):
            lines += ["Every one of the {doc}`settings` is a flag besides.", ""]
        elif settings:
            flags = ", ".join(f"`{p.opts[0]}`" for p in settings)
            lines += [f"Of the {{doc}}`settings` it takes {flags}.", ""]
    return "\n".join(lines)


def _rules_table() -> str:
    from thalweg.diagnosis import RULES

    rows: list[tuple[object, ...]] = [
        (
            rule.cause.replace("_", " "),
            rule.moment,
            (import_module(rule.check.__module__).__doc__ or "").strip(),
            ", ".join(f"{name} {value:g}" for name, value in rule.thresholds.items()),
            rule.source,
        )
        for rule in RULES.values()
    ]
    return "\n".join(_table(("cause", "known", "what it is", "thresholds", "source"), rows))


def _argument(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name or "").strip("[]").upper()
    return name if parameter.required else f"[{name}]"


def write_pages(app: Sphinx) -> None:
    """Write all pages below the documentation's source folder; run before Sphinx looks for files."""
    docs = Path(app.srcdir)
    rooms = [folder for folder in sorted(p.parent for p in PACKAGE.glob("*/__init__.py")) if any(_modules(folder))]
    for folder in rooms:
        _write(docs / "api" / f"{folder.name}.rst", _room_page(folder))
    for stale in set((docs / "api").glob("*")) - {docs / "api" / f"{folder.name}.rst" for folder in rooms}:
        stale.unlink()
    _write(docs / "reference" / "settings.md", _settings_page())
    _write(docs / "reference" / "commands.md", _commands_page())
    _write(docs / "_generated" / "rules.md", _rules_table())


def escape_bars(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep p(y | x) and |a| as written: in reStructuredText bars mark substitutions, and there are none here."""
    in_example = False
    for i, line in enumerate(lines):
        in_example = bool(line.strip()) and (in_example or line.lstrip().startswith(">>>"))
        if not in_example:
            parts = line.split("``")  # every second part is literal
            lines[i] = "``".join(part if odd % 2 else part.replace("|", "\\|") for odd, part in enumerate(parts))


def short_signature(
    app: Sphinx, what: str, name: str, obj: object, options: object, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Write Array for the array class, whose full name is a private module of JAX."""
    return tuple(text and re.sub(r"jaxlib\.\w+\.Array|jax\.Array", "Array", text) for text in (signature, returns))


def skip_field(app: Sphinx, what: str, name: str, obj: object, skip: bool, options: object) -> bool | None:
    """Leave out fields of named tuples, which the signature shows, and scikit-learn's routing of metadata."""
    if (getattr(obj, "__doc__", None) or "").startswith("Alias for field number"):
        return True
    # scikit-learn adds these to every estimator; their text links to its own pages.
    return True if re.fullmatch(r"set_\w+_request|get_metadata_routing", name) else None


def pass_type_variable(app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: Element) -> Element | None:
    """Let type variables, which have no page, stand in signatures without a link."""
    module, _, name = node.get("reftarget", "").rpartition(".")
    try:
        found = getattr(import_module(module), name, None)
    except (ImportError, ValueError):  # no module, but a class or nothing at all
        return None
    return contnode if isinstance(found, TypeVar) else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("builder-inited", write_pages)
    app.connect("autodoc-process-docstring", escape_bars)
    app.connect("autodoc-skip-member", skip_field)
    app.connect("autodoc-process-signature", short_signature)
    app.connect("missing-reference", pass_type_variable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
