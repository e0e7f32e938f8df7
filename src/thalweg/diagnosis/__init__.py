"""Instruments, rules and remedies for training runs."""
