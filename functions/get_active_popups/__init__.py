"""The storefront's read: a shop's active popups."""
