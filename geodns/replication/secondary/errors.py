"""What goes wrong when primaries are asked or zones are received: one sentence each."""

from __future__ import annotations

from geodns.errors import GeodnsError


class PrimaryError(GeodnsError):
    """A primary does not answer, or not as it should. Nothing was changed."""


class FutileError(PrimaryError):
    """So it is, and to ask the same primary for the whole zone instead would not help."""
