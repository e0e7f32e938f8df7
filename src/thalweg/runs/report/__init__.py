"""The run report: one HTML file that explains a run to whoever opens it, from the run folder's files alone.

What is read (a file or key that is missing is left out of the page, never an error)::

    log.jsonl         a line an epoch: epoch, steps, train_loss, test_loss, train_error | train_rmse,
                      test_error | test_rmse, learning_rate, seconds (null or absent where there is none)
    evaluation.json   see thalweg.runs.evaluation
    model/model.json  network and likelihood
    config.toml       the settings, printed as they are
    run.json          state        "running" | "finished" | "stopped early" | "interrupted" | "diverged" | "failed"
                      message      why it ended so, in words (diverged: epoch, step and quantity)
                      command      the command line, a list of words
                      started      ISO 8601; seconds: {"train": s, "compile": s, "total": s, …}
                      best_epoch   epoch whose parameters were kept
                      versions     {"thalweg": "…", "python": "…", "jax": "…", …}
                      machine      {"system": "…", "processor": "…", "cores": n, "device": "…", …}
                      data         {"name", "hash", "train_rows", "test_rows", "features", "classes": [names] | null,
                                    "target", "shared_rows", "example_shape", "test": how it was made, …}
                      summary      {"layers": [{"layer", "shape", "parameters", "multiplications"}],
                                    "parameters", "multiplications", "bytes"}
                      settings     the settings as resolved (auto replaced by what was taken)
"""
