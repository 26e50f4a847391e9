"""The rooms of common/."""
