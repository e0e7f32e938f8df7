"""What the answers of a trained model depend on: the content of ``explanation.json``, which the report draws.

Plain data that ``json.dumps(…, allow_nan=False)`` accepts::

    schema          1
    part            the rows that were asked: "test", "validation", "training" or the name of a file
    importance      {"rows", "repeats", "metric": "error" | "rmse", "proper": whether the loss is in nats,
                     "before": {"loss", "metric"} with nothing shuffled,
                     "columns": [{"name", "loss": CHANGE, "metric": CHANGE}], the most important first,
                     "unused": columns that are left out or have one value in these rows,
                     "related": [{"columns": [name, name], "correlation"}] of which one tells the other}
                    CHANGE: {"mean", "sd" between repeats, "se" that comes from the rows}
    dependence      {"rows", "answers": names of classes, labels or targets, "probabilities": whether they are,
                     "columns": [{"name", "kind": "number" | "date" | "levels", "grid": [value],
                                  "mean": [[answer at each value], for each answer],
                                  "lines": [[[answer at each value], for some rows], for each answer] or []}]}
    learning        {"points": [{"rows", "train": {"loss", "error" | "rmse"}, "test": …}], "planned": [rows],
                     "part": the rows it was tested on}, where it was asked for
    left_out        instead of importance and dependence: why they were not computed after training
"""
