"""The kinds of health checks: one module per kind, with its settings and its probe."""
