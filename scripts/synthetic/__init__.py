"""Made-up data of a plausible shape, for tests and measurements of our own programs."""
