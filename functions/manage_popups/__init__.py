"""What merchants manage: popups, their shop, their API keys."""
