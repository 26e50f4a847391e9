"""Popups: made, read, listed, changed, their history, and why one is not shown."""
