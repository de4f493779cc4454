"""Capacity planning: which region should serve how much of which clients' demand."""
