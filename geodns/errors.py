"""The root of the error tree; the boundary (CLI, admin API, engine) maps it once for others."""


class GeodnsError(Exception):
    """Anything that this program says is wrong, in one sentence that a person can act on."""
