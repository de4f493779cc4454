"""Edits of zone files by commands: locked, checked, written whole, and in use when done."""
