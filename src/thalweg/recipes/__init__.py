"""From settings and data to a trained model: settings, choices, plan, and training from Python."""
