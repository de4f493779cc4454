"""Latency tables: reading and estimating milliseconds from clients to regions."""
