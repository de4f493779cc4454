"""Zones to and from other servers, by the DNS's own means."""
