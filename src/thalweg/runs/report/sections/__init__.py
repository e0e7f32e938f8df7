"""One part of the page a file: each takes a `RunFiles` and returns markup, or None where there is nothing to show."""
