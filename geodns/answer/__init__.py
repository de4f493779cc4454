"""Answers: configuration compiled to an image, and the engine that maps bytes to bytes. No I/O."""
