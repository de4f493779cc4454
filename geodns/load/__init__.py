"""Load that is felt: what endpoints report becomes availability and shares, without swinging."""
