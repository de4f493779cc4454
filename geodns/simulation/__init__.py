"""Compares who is answered what before and after a change, over all addresses. Pure."""
