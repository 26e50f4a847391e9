"""The merchant API: popups, discount codes, subscribers, the shop and its API keys."""
