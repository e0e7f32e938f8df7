"""Worked examples, each with its picture."""
