"""Each function's own work."""
