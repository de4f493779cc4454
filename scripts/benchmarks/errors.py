"""The one error that a benchmark stops with, or leaves a row out for."""

from __future__ import annotations


class BenchError(Exception):
    """Something needed for a measurement is missing or failed; the text is one clear sentence."""
