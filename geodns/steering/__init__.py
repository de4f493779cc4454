"""Steering: pure functions from places to ranked tiers of endpoints."""
