"""The control process: reload, workers, health checks, state, metrics, admin API."""
