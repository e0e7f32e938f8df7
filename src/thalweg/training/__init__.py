"""State, step, loop, hooks, stopping and checkpoints."""
