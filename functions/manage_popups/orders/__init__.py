"""Orders of the merchant API."""
