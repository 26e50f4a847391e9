"""What merchants read: how their popups do."""
