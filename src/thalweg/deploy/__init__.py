"""The model folder: save, load, predict."""
