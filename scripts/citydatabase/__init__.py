"""A synthetic city database: as many networks and records as the real ones, free for anyone."""
