"""The top of the page: the result in words, what qualifies it, and the figures that matter."""

from __future__ import annotations

from thalweg.runs.report import facts
from thalweg.runs.report.files import RunFiles
from thalweg.runs.report.html import Html, el, join
from thalweg.runs.report.sections.notices import notices
from thalweg.runs.report.words import count, duration, number, percent, plural, rows_noun

_LOGO = Html(
    '<svg viewBox="0 0 34 22" aria-hidden="true" fill="none" stroke-linecap="round">'
    '<path d="M1 2C7 3 9 17 17 17S27 3 33 2" stroke="currentColor" stroke-width="1.6" opacity=".45"/>'
    '<path d="M6 1c5 2 6 11 11 11S23 3 28 1" stroke="currentColor" stroke-width="1.2" opacity=".28"/>'
    '<path d="M17 21c-2-3 2-6 0-9s1-5 0-8" stroke="var(--accent)" stroke-width="2.2"/></svg>'
)

_CLAIMED = 0.9  # the central interval that gets a tile

_STATES = {
    "finished": "finished",
    "stopped early": "stopped early",
    "interrupted": "interrupted",
    "diverged": "diverged",
    "failed": "failed",
    "running": "still running",
}


def header(run: RunFiles) -> Html:
    """Headline, second sentence and tiles."""
    state = facts.state(run)
    return el(
        "header",
        el(
            "div",
            _LOGO,
            el("b", "thalweg"),
            el("span", f"run {run.folder.name}"),
            el("span", _STATES.get(state, state), class_=f"state {state.replace(' ', '-')}"),
            el("span", str(run.info["started"])[:16].replace("T", " ")) if run.info.get("started") else None,
            class_="brand",
        ),
        el("h1", headline(run)),
        el("p", join(_lead(run)), class_="lead"),
        notices(run),
        _tiles(run),
        class_="top",
    )


def headline(run: RunFiles) -> str:
    """The result in one sentence."""
    evaluated = run.evaluated
    state = facts.state(run)
    if not evaluated or not evaluated[1].get("rows"):
        done = plural(len(run.log), "epoch")
        if state == "diverged":
            return f"Training diverged after {done}" if run.log else "Training diverged in its first epoch"
        if state in ("interrupted", "failed", "running"):
            return f"{ {'running': 'Still running'}.get(state, state.capitalize()) } after {done}"
        return f"Trained for {done}"
    name, result = evaluated
    if whole := result.get("whole"):  # the evaluation is of a sample of these
        result = result | whole | {"mistakes": whole.get("error")}
    rows = plural(result["rows"], f"{name} {rows_noun(result)}")
    if result.get("task") == "regression":
        targets = result["targets"]
        unit = f" in {targets[0]['name']}" if len(targets) == 1 else f" over {len(targets)} targets"
        return f"Typically off by {number(result['rmse'], 3)}{unit} on {rows}"
    if result.get("task") == "multilabel":
        return f"{percent(result['error'])} of the labels of {rows} wrong"
    if result["mistakes"] == 0:
        return f"None of {rows} wrong"
    return f"{percent(result['error'])} of {rows} wrong"


def _lead(run: RunFiles) -> list[object]:
    """What the headline is to be held against."""
    if not run.evaluated or not run.evaluated[1].get("rows"):
        return [_what(run)]
    result = run.evaluated[1]
    base = result["baseline"]
    if result.get("task") == "regression":
        targets = result["targets"]
        guess = f" ({number(targets[0]['guess'])})" if len(targets) == 1 else ""
        text: list[object] = [
            f"Always guessing the mean{guess} is off by ",
            el("strong", number(base["rmse"], 3)),
            ". ",
        ]
        if len(targets) == 1 and targets[0]["r2"] is not None and targets[0]["r2"] > 0:
            text += [f"The network explains {percent(targets[0]['r2'])} of the variance (R²). "]
        return [*text, "Errors are root mean squares. ", _what(run)]
    if result.get("task") == "multilabel":
        return [
            "Always guessing the more frequent value of each label gets ",
            el("strong", percent(base["error"])),
            f" wrong. All labels are right in {percent(1 - result['rows_wrong'] / result['rows'])} of the rows. ",
            _what(run),
        ]
    return [
        f"Always guessing “{base['guess']}” gets ",
        el("strong", percent(base["error"])),
        " wrong. ",
        _what(run),
    ]


def _what(run: RunFiles) -> str:
    widths, data = facts.architecture(run), run.data
    networks = facts.networks(run)
    what = "A dense network" if networks == 1 else f"{networks} dense networks"
    parts = [f"{what} {widths}" if widths else what]
    if data.get("train_rows") or run.log:
        parts.append("trained")
    if data.get("train_rows"):
        noun = rows_noun(run.evaluated[1]) if run.evaluated else "row"
        parts.append(f"on {plural(int(data['train_rows']), noun)}")
        parts.append(f"of {data['name']}" if data.get("name") else "")
    if run.log:
        parts.append(f"for {plural(len(run.log), 'epoch')}")
    if facts.train_seconds(run) is not None:
        parts.append(f"in {duration(facts.train_seconds(run))}")
    sample = ""
    if run.evaluated and run.evaluated[1].get("whole"):
        sample = f" What is shown below is of {plural(run.evaluated[1]['rows'], 'row')}, drawn at random."
    return " ".join(p for p in parts if p) + "." + sample


def _loss_tile(run: RunFiles) -> list[tuple[str, str, str | None]]:
    """The loss; of several networks that of their joint answer, which the log, a mean over them, does not know."""
    networks = facts.networks(run)
    if networks > 1 and run.evaluated:
        name, result = run.evaluated
        value = result.get("loss")  # None where the likelihood is no density
        return [] if value is None else [(f"{name.capitalize()} loss", number(value), f"of all {networks} networks")]
    kept = facts.kept_row(run)
    test, training = kept.get("test_loss"), kept.get("train_loss")
    if test is not None:
        return [("Test loss", number(test), f"training {number(training)}" if training is not None else None)]
    return [("Training loss", number(training), None)] if training is not None else []


def _tiles(run: RunFiles) -> Html | None:
    measure = facts.metric(run)
    show = percent if measure.share else number
    kept, networks = facts.kept_row(run), facts.networks(run)
    short = "error" if measure.share else "RMSE"
    tiles: list[tuple[str, str, str | None]] = []
    for split, label in (("test", "Test"), ("training", "Training")):
        result = run.evaluations.get(split)
        logged = kept.get(f"{'train' if split == 'training' else split}_{measure.key}")
        value = result.get(measure.key) if result else logged
        if value is not None:
            note = plural(result["mistakes"], "mistake") if result and "mistakes" in result else None
            if networks > 1 and not result:
                note = f"a single network on average, in epoch {kept['epoch']}"
            tiles.append((f"{label} {short}", show(value), note))
    if not measure.share and len(tiles) == 2:
        (title, value, _), (_, training, of) = tiles
        tiles = [(title, value, f"training {training}" + (f", {of}" if of else ""))]
    if folds := run.evaluations.get("out_of_fold"):
        note = f"{count(folds['folds'])} folds, each row judged by networks that never saw it"
        tiles.append((f"Out-of-fold {short}", show(folds[measure.key]), note))
    if run.evaluated and run.evaluated[1].get("task") == "regression":
        held = [t["coverage"] for t in run.evaluated[1]["targets"] if t.get("coverage")]
        title = f"In the {percent(_CLAIMED, 0)} interval"
        tiles += [
            (title, percent(row["share"]), f"mean width {number(row['width'], 3)}")
            for row in (held[0] if len(held) == 1 else ())
            if row["level"] == _CLAIMED
        ]
    overlap = run.evaluated[1].get("segmentation") if run.evaluated else None
    if overlap:
        tiles.append(("Mean Dice", number(overlap["mean_dice"], 3), f"Jaccard {number(overlap['mean_jaccard'], 3)}"))
    tiles += _loss_tile(run)
    if run.log:
        best = facts.best_epoch(run)
        kept_word = "kept" if run.info.get("best_epoch") is not None else "lowest test loss"
        note = facts.own_epochs(run) or (f"{kept_word}: {best}" if best is not None else None)
        tiles.append(("Epochs", count(len(run.log)), note))
    seconds = facts.train_seconds(run)
    if seconds is not None:
        each = f"{duration(seconds / len(run.log))} an epoch" if run.log else None
        tiles.append(("Training time", duration(seconds), each))
    if facts.summary(run).get("parameters") is not None:
        total = facts.summary(run)
        each = f"{networks} networks of {count(total['parameters'] // networks)}, " if networks > 1 else ""
        note = f"{each}{count(total.get('multiplications'))} multiplications"
        tiles.append(("Parameters", count(total["parameters"]), note))
    if not tiles:
        return None
    return el(
        "dl",
        [el("div", el("dt", t), el("dd", v, el("small", note) if note else None)) for t, v, note in tiles],
        class_="tiles",
    )
