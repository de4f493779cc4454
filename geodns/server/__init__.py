"""Sockets: the worker process and its UDP and TCP front ends."""
