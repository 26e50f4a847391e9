"""The deployed functions. None imports another."""
