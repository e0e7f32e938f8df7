"""What was trained, on what, with which settings and versions."""

from __future__ import annotations

from typing import Any

from thalweg.runs.report import facts
from thalweg.runs.report.files import RunFiles
from thalweg.runs.report.html import Html, details, el, join, section, table
from thalweg.runs.report.words import count, duration, memory, number, plural

_CLASSES = 12


def network(run: RunFiles) -> Html | None:
    """The section on the network, or on the networks of an ensemble: shapes, N_p, N_× and memory."""
    rows, total, networks = facts.layers(run), facts.summary(run), facts.networks(run)
    if not rows:
        return None
    inputs = total.get("inputs") or run.data.get("features")
    sums = [total.get(name) for name in ("parameters", "multiplications")]
    body = [
        ["input", str(inputs) if inputs is not None else "", "", ""],
        *[[r.get("layer"), facts.width(r), count(r.get("parameters")), count(r.get("multiplications"))] for r in rows],
    ]
    if networks > 1:
        body.append(["one network", "", *(count(value and value // networks) for value in sums)])
    body.append(["total" if networks == 1 else f"all {networks} networks", "", *map(count, sums)])
    size, of_all = total.get("bytes"), " of all networks" if networks > 1 else ""
    memory_words = (
        f" The parameters{of_all} take {memory(size)} in memory, and about {memory(4 * size)} while training with Adam "
        "(parameters, gradients and two moments)."
        if size
        else ""
    )
    return section(
        "The network" if networks == 1 else f"The {networks} networks",
        el(
            "div",
            table(
                [
                    "Layer",
                    "Output",
                    join(["Parameters N", el("sub", "p")]),
                    join(["Multiplications N", el("sub", "×")]),
                ],
                body,
                caption="Layers",
                numbers=[1, 2, 3],
            ),
            class_="full",
        ),
        id="network",
        intro=(f"{networks} networks of these layers are trained; their mean answers. " if networks > 1 else "")
        + "Outputs are raw scores; the likelihood turns them into probabilities or predictions."
        + (f" Likelihood: {facts.likelihood(run)}." if facts.likelihood(run) else "")
        + memory_words,
    )


def about(run: RunFiles) -> Html:
    """The section on data, settings, versions and machine."""
    data, info = run.data, run.info
    classes = data.get("classes")
    rows: list[tuple[str, object]] = [
        ("Data", data.get("name")),
        ("Training rows", count(data["train_rows"]) if data.get("train_rows") is not None else None),
        ("Test rows", _test(data)),
        ("Target", data.get("target")),
        ("Inputs", plural(int(data["features"]), "column") if isinstance(data.get("features"), int) else None),
        ("Classes", _classes(classes) if isinstance(classes, list) else None),
        ("Rows in both sets", _shared(data)),
        ("Content hash", el("code", data["hash"]) if data.get("hash") else None),
        *[(_label(k), _plain(v)) for k, v in data.items() if k not in _KNOWN and _plain(v) is not None],
    ]
    parts = [el("div", el("h3", "Data"), _facts(rows))] if data else []
    settings = facts.settings(run)
    if settings:
        parts.append(el("div", el("h3", "Settings"), _facts([_setting(run, k, v) for k, v in settings.items()])))
    versions, machine = info.get("versions"), info.get("machine")
    where: list[tuple[str, object]] = []
    if isinstance(machine, dict):
        where += [(_label(k), _plain(v)) for k, v in machine.items()]
    elif machine:
        where.append(("Machine", machine))
    if isinstance(versions, dict):
        where += [(k, _plain(v)) for k, v in versions.items()]
    times = info.get("seconds")
    if isinstance(times, dict):
        where += [(f"Time, {k}", duration(v)) for k, v in times.items() if isinstance(v, (int, float)) and v > 0]
    if info.get("started"):
        where.append(("Started", str(info["started"]).replace("T", " ")))
    if where:
        parts.append(el("div", el("h3", "Versions and machine"), _facts(where)))
    return section(
        "Data, settings and versions",
        el("div", parts, class_="thirds"),
        details("config.toml", el("pre", run.config)) if run.config else None,
        id="about",
    )


_KNOWN = frozenset(
    {"name", "hash", "train_rows", "test_rows", "features", "classes", "target", "shared_rows", "test", "feature_names"}
)


def _facts(rows: list[tuple[str, Any]]) -> Html:
    return el("dl", [[el("dt", k), el("dd", v)] for k, v in rows if v not in (None, "")], class_="facts")


def _setting(run: RunFiles, key: str, value: Any) -> tuple[str, object]:
    """A setting as a reader knows it: folds by that name, and of a mixture of members the likelihood they have."""
    if key == "likelihood" and value == "members":
        value = facts.base_likelihood(run) or value
    names = {"cv": "Folds of cross-validation", "members": "Networks"}
    if facts.settings(run).get("cv"):
        names["members"] = "Networks a fold"
    return names.get(key) or _label(key), _plain(value)


def _label(key: str) -> str:
    return key.replace("_", " ").capitalize()


def _plain(value: Any) -> object:
    if value is None or value in ({}, []):
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value[:_CLASSES]) + (" …" if len(value) > _CLASSES else "")
    if isinstance(value, dict):
        return ", ".join(f"{k} = {v}" for k, v in value.items())
    return str(value)


def _classes(names: list[Any]) -> str:
    some = ", ".join(str(name) for name in names[:_CLASSES])
    return f"{count(len(names))}: {some}{' …' if len(names) > _CLASSES else ''}"


def _shared(data: dict[str, Any]) -> str | None:
    if data.get("shared_rows") is None:
        return None
    return "none" if data["shared_rows"] == 0 else f"{count(data['shared_rows'])} of the test rows"


def _test(data: dict[str, Any]) -> str | None:
    if not data.get("test_rows"):
        return "none" if "train_rows" in data else None
    made = f" ({data['test']})" if data.get("test") else ""
    return f"{count(data['test_rows'])}{made}"
