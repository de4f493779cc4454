"""The servers that are measured: each is a module here and a name in ``programs.all``."""
