"""The page: its sections in order, style and scripts inside, and a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from string import Template

from thalweg.runs.report.files import RunFiles
from thalweg.runs.report.html import Html, el, join
from thalweg.runs.report.sections.about import about, network
from thalweg.runs.report.sections.classes import confusion, mistakes
from thalweg.runs.report.sections.columns import columns
from thalweg.runs.report.sections.curves import curves
from thalweg.runs.report.sections.findings import findings
from thalweg.runs.report.sections.labels import labels
from thalweg.runs.report.sections.landscape import landscape
from thalweg.runs.report.sections.regression import largest_errors, regression
from thalweg.runs.report.sections.reliability import reliability
from thalweg.runs.report.sections.result import header, headline
from thalweg.runs.report.sections.segmentation import masks
from thalweg.runs.report.sections.uncertainty import uncertainty
from thalweg.runs.report.sections.usage import usage

_HERE = Path(__file__).parent
_CHARTS = "vendor/chart.umd.min.js"

#: heading in the list of contents: anchor, section
_SECTIONS = {
    "Training": ("curves", curves),
    "Checkup": ("checkup", findings),
    "Masks": ("masks", masks),
    "Classes": ("confusion", confusion),
    "Labels": ("labels", labels),
    "Mistakes": ("mistakes", mistakes),
    "Probabilities": ("reliability", reliability),
    "Predictions": ("regression", regression),
    "Intervals": ("uncertainty", uncertainty),
    "Largest errors": ("largest", largest_errors),
    "Columns": ("columns", columns),
    "Loss landscape": ("landscape", landscape),
    "Network": ("network", network),
    "Data and settings": ("about", about),
    "Reproduce and use": ("use", usage),
}


def page(run: RunFiles) -> str:
    """Return the whole report as one HTML file that asks nothing of the network.

    Scripts are admitted by their SHA-256 alone, so even markup that slipped through could not run.
    """
    shown = [(title, anchor, part) for title, (anchor, make) in _SECTIONS.items() if (part := make(run)) is not None]
    body = el(
        "div",
        header(run),
        el("nav", [el("a", title, href=f"#{anchor}") for title, anchor, _ in shown], aria_label="Contents"),
        el("noscript", el("p", "Charts need scripts. The tables below them hold the same numbers.", class_="notice")),
        el("main", [part for _, _, part in shown]),
        _footer(run),
        class_="page",
    )
    return document(f"{headline(run)} – thalweg run {run.folder.name}", body, _version(run))


def document(title: str, body: Html, version: str) -> str:
    """Return a page with the report's style and scripts inside, and a policy that lets nothing else in."""
    scripts = {"library": _asset(_CHARTS).split("\n//# sourceMappingURL")[0], "script": _asset("assets/report.js")}
    return Template(_asset("assets/page.html")).substitute(
        hashes=" ".join(f"'sha256-{_digest(text)}'" for text in scripts.values()),
        version=join([version]),
        title=join([title]),
        style=_asset("assets/report.css"),
        body=body,
        **scripts,
    )


def _footer(run: RunFiles) -> Html:
    return el(
        "footer",
        f"Written by thalweg {_version(run)} from the files of the run folder; rebuild it with ",
        el("code", f"thalweg report {run.folder}"),
        ". Charts: Chart.js 4.6.1 (MIT license).",
    )


def _version(run: RunFiles) -> str:
    versions = run.info.get("versions")
    return str(versions.get("thalweg", "")) if isinstance(versions, dict) else ""


def _asset(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
