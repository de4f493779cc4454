"""Stands here so that this folder is on the import path: ``from programs import program``."""
