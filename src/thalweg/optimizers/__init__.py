"""Names, schedules and penalties over Optax, and what Optax lacks."""
