"""Benchmarks of this server beside other people's programs; ``scripts/bench`` runs them."""
