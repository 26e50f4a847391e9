"""The popups command."""
