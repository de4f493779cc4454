"""A geo-aware authoritative DNS server: decide ahead of time, answer per packet."""

__version__ = "0.1.0"
