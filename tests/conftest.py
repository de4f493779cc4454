"""Stands here so that pytest puts this folder on the import path: ``from programs import program``."""
