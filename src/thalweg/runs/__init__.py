"""The run folder: its record, evaluation and report."""
