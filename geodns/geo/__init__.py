"""Where addresses are: MMDB databases to places and ranges."""
