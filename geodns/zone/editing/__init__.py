"""Changes of zone files: a file's text and a change of its records become a new text. Pure."""
