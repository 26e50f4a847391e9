"""Popups: CRUD, their history, and why one is not shown."""
