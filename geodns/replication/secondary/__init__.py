"""Zones from primaries: when to ask, how to receive."""
