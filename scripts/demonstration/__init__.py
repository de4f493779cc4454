"""Plays the datacenters of the example on loopback addresses, and shows what to try with them."""
