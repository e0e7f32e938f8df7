"""Every setting of a run, once: name, type, default, bounds and help.

The flags of ``thalweg train`` are made from these fields, a TOML file gives the same names, and the run
folder keeps them as ``config.toml``. Names of choices (activations, optimizers …) are checked by the rooms
that own them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from thalweg.core.errors import ArgumentError, nearest
from thalweg.core.files import storage_errors


def _widths(value: object) -> object:
    """Read ``"512,256"`` as (512, 256) and ``"none"`` or ``""`` as no hidden layer."""
    if isinstance(value, str):
        parts = [part.strip() for part in value.split(",")]
        return () if parts in ([""], ["none"]) else tuple(parts)
    return (value,) if isinstance(value, int) else value


def _options(value: object) -> object:
    """Read ``"decay_steps=10,rate=0.5"`` as a dictionary."""
    if isinstance(value, str):
        pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
        return {name.strip(): number.strip() for name, _, number in pairs}
    return value


def _values(value: object) -> object:
    """Read ``"df=4,levels=0.1:0.9"`` as a dictionary of numbers, lists of numbers, and words; lists become tuples."""
    pairs = _options(value)
    if not isinstance(pairs, dict):
        return pairs
    if "" in pairs or "" in pairs.values():
        raise ValueError("a name or a value is missing")
    return {str(name): _value(item) for name, item in pairs.items()}


def _value(item: object) -> object:
    if isinstance(item, (list, tuple)):
        return tuple(map(_value, item))
    if not isinstance(item, str):
        return item
    if ":" in item:
        return tuple(map(_value, item.split(":")))
    if item.lower() in {"true", "false"}:
        return item.lower() == "true"
    for number in (int, float):
        try:
            return number(item)
        except ValueError:
            continue
    return item


def _names(value: object) -> object:
    """Read ``"low,high"`` as ("low", "high"); numbers in a TOML list are names too."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    return [_text(part) for part in value] if isinstance(value, (list, tuple)) else value


def _no_flag(value: object) -> object:
    """Refuse true and false where a number is meant, which Python would count as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("a number is meant")  # noqa: TRY004 (pydantic collects ValueErrors only)
    return value


def _text(value: object) -> object:
    """Let a TOML file say ``test = 0.2``."""
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _joined(value: object) -> object:
    """Let a TOML file say ``target = ["a", "b"]``, and Python a tuple."""
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) and value else value


Text = Annotated[str, BeforeValidator(_text)]
Joined = Annotated[str, BeforeValidator(_joined)]
Names = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=2), BeforeValidator(_names)]
Whole = Annotated[int, BeforeValidator(_no_flag)]
Real = Annotated[float, BeforeValidator(_no_flag)]
Widths = Annotated[tuple[Annotated[int, Field(ge=1)], ...], BeforeValidator(_widths)]
Options = Annotated[dict[str, float], BeforeValidator(_options)]
Words = Annotated[dict[str, str], BeforeValidator(_options)]
Values = Annotated[dict[str, Any], BeforeValidator(_values)]


def setting(default: Any, panel: str, text: str, *, choices: str = "", **bounds: Any) -> Any:
    """Return a pydantic field; ``panel`` groups it in the help, ``choices`` names the registry of its values."""
    return Field(default, description=text, json_schema_extra={"panel": panel, "choices": choices}, **bounds)


class RunConfig(BaseModel):
    """All settings of one run.

    Example:
        >>> config = make_config({"data": "iris", "hidden": "32,16", "epochs": 5})
        >>> config.hidden, config.optimizer
        ((32, 16), 'adam')
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    data: str = Field(description="File, folder of images, or name of a bundled set (see `thalweg datasets`).")
    task: Literal["rows", "segment"] = setting(
        "rows", "Data", "rows: an answer for each row or image; segment: a label for each pixel of images with masks."
    )
    target: Joined | None = setting(
        None, "Data", "Column to predict, or several, comma-separated; by default target, label, class or y."
    )
    classes: Names | None = setting(
        None, "Data", "Class labels in their order, comma-separated, such as low,middle,high; by default sorted."
    )
    test: Text = setting(
        "auto",
        "Data",
        "File, fraction, or slices of images (20:30, ::3) to test on; auto: the set's own, else 0.2; none: no test.",
    )
    validation: Real = setting(
        0.0, "Data", "Fraction of the training rows held out, which early stopping watches.", ge=0, lt=1
    )
    calibrate: str = setting(
        "none",
        "Data",
        "Mend the answers on the validation rows after training; none: do not.",
        choices="decisions.calibration.METHODS",
    )
    stream: Literal["auto", "on", "off"] = setting(
        "auto", "Data", "Stream CSV and Parquet files from disk; auto: those that would take half of the free memory."
    )
    cache: str | None = setting(
        None, "Data", "Folder for the encoded rows of data that streams; by default DATA.thalweg beside it."
    )
    embed_levels: bool = setting(
        False, "Data", "Learn a vector for each level of text columns with many levels, in place of one-hot columns."
    )
    standardize: bool = setting(True, "Data", "Scale features, and bring continuous targets to mean 0, deviation 1.")
    columns: Words = setting(
        {},
        "Data",
        "What columns are, as NAME=KIND,… with number, levels, date, dmy, mdy or ignore; the others are inferred.",
    )
    min_count: Whole | None = setting(
        None, "Data", "Levels with fewer rows share one column or code; by default 1 for columns, 2 for codes.", ge=1
    )
    scaling: str = setting("standard", "Data", "How numbers are scaled.", choices="data.scalings.SCALINGS")
    out: str | None = setting(None, "Run", "Run folder; by default runs/DATA-DATE-TIME.")

    window: Widths = setting(
        (5,), "Segmentation", "Odd size of the window around a pixel: 5 within a slice, 3,5,5 across slices."
    )
    padding: Literal["reflect", "edge", "constant", "wrap"] = setting(
        "reflect", "Segmentation", "How images go on beyond their border, as in numpy.pad."
    )
    stride: Whole = setting(1, "Segmentation", "Train on every so many-th row and column of pixels.", ge=1)
    sampling: Literal["all", "balanced"] = setting(
        "all", "Segmentation", "Pixels of an epoch: all once, or equally many of each class."
    )

    hidden: Widths = setting(
        (512,), "Network", "Widths of the hidden layers, comma-separated; none for a linear model."
    )
    activation: Joined = setting(
        "relu",
        "Network",
        "Activation of the hidden layers, or one for each, comma-separated; relu|tanh for halves of the units.",
        choices="network.ACTIVATIONS",
    )
    normalization: Literal["none", "batch", "layer"] = setting(
        "none", "Network", "Normalization between layer and activation."
    )
    residual: bool = setting(False, "Network", "Add a shortcut around hidden layers of equal width.")
    dropout: Real = setting(0.0, "Network", "Share of hidden units dropped while training.", ge=0, lt=1)
    initializer: str = setting(
        "auto", "Network", "Starting weights; auto fits the activation.", choices="network.INITIALIZERS"
    )

    start: str | None = setting(
        None, "Network", "Model or run whose network and encoding of rows training starts from, in place of a new one."
    )
    numeric_embedding: str = setting(
        "none", "Network", "What stands beside each number.", choices="network.NUMERIC_EMBEDDINGS"
    )
    embedding_options: Options = setting({}, "Network", "Options of the numeric embedding, as NAME=NUMBER,…")
    feature_scaling: bool = setting(False, "Network", "Learn a factor for each input before the first dense layer.")
    shared_members: Whole = setting(
        1, "Network", "Members of an ensemble that share their weights, as in TabM; 1: a single network.", ge=1
    )

    likelihood: str = setting(
        "auto", "Likelihood", "Distribution of the target, which gives the loss.", choices="likelihoods.LIKELIHOODS"
    )
    likelihood_options: Values = setting(
        {}, "Likelihood", "Options of the likelihood, as NAME=VALUE,…; several numbers as 0.1:0.5:0.9."
    )
    label_smoothing: Real = setting(0.0, "Likelihood", "Share of probability spread over all classes.", ge=0, lt=1)
    class_weight: Literal["none", "balanced"] = setting(
        "none", "Likelihood", "balanced: every class counts as much as any other."
    )

    optimizer: str = setting("adam", "Optimizer", "Update rule.", choices="optimizers.OPTIMIZERS")
    learning_rate: Annotated[Real, Field(gt=0)] | Literal["auto"] | None = setting(
        None,
        "Optimizer",
        "Step size at its peak, or auto: found by an experiment, a tenth of the run or at least a tenth of a second; "
        "by default the rule's own.",
    )
    schedule: str = setting(
        "auto",
        "Optimizer",
        "Course of the step size; auto: cosine, for L-BFGS constant.",
        choices="optimizers.SCHEDULES",
    )
    schedule_options: Options = setting({}, "Optimizer", "Options of the schedule, as NAME=NUMBER,…")
    optimizer_options: Options = setting({}, "Optimizer", "Options of the update rule, as NAME=NUMBER,…")
    warmup: Real = setting(0.0, "Optimizer", "Linear warm-up: share of training below 1, epochs from 1 on.", ge=0)
    momentum: Real = setting(0.9, "Optimizer", "Momentum factor of momentum and nesterov.", ge=0, lt=1)

    weight_decay: Real | None = setting(
        None, "Regularization", "Decoupled weight decay; by default the rule's own (0.01 for adamw, else 0).", ge=0
    )
    l1: Real = setting(0.0, "Regularization", "Penalty on the absolute values of weights.", ge=0)
    l2: Real = setting(0.0, "Regularization", "Penalty on the squares of weights.", ge=0)
    clip_norm: Real | None = setting(None, "Regularization", "Longest gradient allowed.", gt=0)
    clip_value: Real | None = setting(None, "Regularization", "Largest gradient component allowed.", gt=0)
    ema: Real = setting(0.0, "Regularization", "Average weights over steps with this decay, e.g. 0.999.", ge=0, lt=1)
    input_noise: Real = setting(0.0, "Regularization", "Deviation of Gaussian noise added to inputs.", ge=0)

    members: Whole = setting(
        1, "Training", "Networks that differ in their seed, trained at once; their mean answers.", ge=1
    )
    cv: Whole = setting(
        0,
        "Training",
        "Folds of cross-validation, trained at once: each network holds one out, all together answer; 0: none.",
        ge=0,
    )
    preset: Literal["auto", "tabular", "plain", "quick", "best"] = setting(
        "auto",
        "Training",
        "Fills in what is not given: tabular, the recipe for tables; quick, a smaller one, for seconds; best, several "
        "networks of it (cv 5, else members 4), for accuracy; plain, nothing; auto: tabular for tables, plain for "
        "images.",
    )
    epochs: Whole = setting(10, "Training", "Passes over the training rows.", ge=1)
    batch_size: Whole | None = setting(
        None, "Training", "Rows a minibatch; by default 128, fewer for sets below 1024 rows.", ge=1
    )
    full_batch: bool = setting(False, "Training", "One step an epoch, on all rows at once.")
    patience: Whole | None = setting(
        None, "Training", "Stop after this many epochs without progress, and go back to the best one.", ge=1
    )
    anneal: Real = setting(
        0.0,
        "Training",
        "When patience ends, go back to the best epoch and let the step size fall to 0 over this share of the epochs "
        "up to it, before the run stops.",
        ge=0,
    )
    seed: Whole = setting(0, "Training", "Seed of split, starting weights, order and noise.", ge=0, lt=2**32)
    diagnose: Literal["none", "cheap", "full"] = setting(
        "cheap",
        "Run",
        "Examine the run as it trains: cheap measures every 8th step, full also examples and curvature, every 16th.",
    )
    checkpoint_seconds: Real = setting(30.0, "Run", "Seconds between checkpoints.", ge=0)
    threads: Whole | None = setting(None, "Run", "CPU threads to use; by default all.", ge=1)

    @property
    def networks(self) -> int:
        """How many networks are trained: so many members, or with folds so many for each of them."""
        return self.members * max(1, self.cv)


def make_config(settings: Mapping[str, Any]) -> RunConfig:
    """Check settings and return them as a `RunConfig`.

    Raises:
        ArgumentError: an unknown setting (names the nearest one) or a value that cannot be used.

    Example:
        >>> make_config({"data": "iris", "epochs": 0})
        Traceback (most recent call last):
            ...
        thalweg.core.errors.ArgumentError: epochs: expected a whole number, at least 1, got 0.
    """
    fields = RunConfig.model_fields
    for name in settings:
        if name not in fields:
            raise ArgumentError(str(name), "the name of a setting", "an unknown one", nearest(str(name), fields))
    try:
        return RunConfig.model_validate(dict(settings))
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        got = repr(settings[name]) if name in settings else "nothing"
        raise ArgumentError(name, expected(fields[name]), got) from None


def expected(field: FieldInfo) -> str:
    """Say in words what a field accepts.

    Example:
        >>> expected(RunConfig.model_fields["dropout"])
        'a number, at least 0, below 1'
    """
    kind = field_kind(field)
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    if get_origin(kind) is dict:
        return f"NAME={'NUMBER' if float in get_args(kind) else 'VALUE'} pairs"
    if kind not in words:
        names = str in get_args(get_args(kind)[0])
        return "at least two names, like low,high" if names else "whole numbers from 1 on, separated by commas"
    options = get_args(field.annotation)
    inner = [part for option in options if get_origin(option) is Annotated for part in option.__metadata__]
    metadata = [*field.metadata, *(bound for part in inner if isinstance(part, FieldInfo) for bound in part.metadata)]
    words_besides = [word for option in options if get_origin(option) is Literal for word in get_args(option)]
    bounds = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    limits = [
        f"{word} {getattr(bound, name):g}"
        for bound in metadata
        for name, word in bounds.items()
        if isinstance(getattr(bound, name, None), (int, float))
    ]
    return " or ".join([", ".join([words[kind], *limits]), *words_besides])


def field_kind(field: FieldInfo) -> Any:
    """Return the bare type of a field: without ``None`` and without annotations."""
    kind: Any = field.annotation
    options = [option for option in get_args(kind) if option is not type(None)]
    if type(None) in get_args(kind):
        kind = options[0]
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def read_config(path: Path | str) -> dict[str, Any]:
    """Read settings from a TOML file, unchecked (flags may still be laid over them).

    Raises:
        StorageError: the file cannot be read.
        ArgumentError: it is no TOML.
    """
    import tomllib

    with storage_errors("read", path):
        text = Path(path).read_bytes()
    try:
        return tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ArgumentError("config", "a TOML file of settings", f"{path}", f"{error}.") from None


def config_toml(config: RunConfig) -> str:
    """Return the settings as TOML, in the order of the fields; unset ones and the place of the run are left out.

    Example:
        >>> print(config_toml(make_config({"data": "iris"})).splitlines()[0])
        data = "iris"
    """
    return "".join(
        f"{name} = {_toml(value)}\n" for name, value in config.model_dump(exclude={"out"}).items() if value is not None
    )


def changed_settings(old: RunConfig, new: RunConfig) -> list[str]:
    """Return the names of the settings that differ."""
    return [name for name in RunConfig.model_fields if getattr(old, name) != getattr(new, name)]


def _toml(value: Any) -> str:
    # JSON's strings, numbers and arrays are TOML's, but for DEL and characters outside the basic plane.
    import json

    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    if isinstance(value, float) and math.isfinite(value):
        text = repr(value)
        return text if any(mark in text for mark in ".e") else text + ".0"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
