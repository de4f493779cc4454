"""Explains an answer: what the zones say, where the client is, how it is ranked, what it gets."""
