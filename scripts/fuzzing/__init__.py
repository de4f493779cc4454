"""Fuzzing: ``scripts/fuzz``."""
