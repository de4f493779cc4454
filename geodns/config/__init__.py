"""Configuration: YAML to checked, frozen settings; every error with file, line and column."""
