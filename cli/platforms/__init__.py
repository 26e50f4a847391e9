"""Orders read from the shops' platforms by their APIs: what webhooks have lost."""
