"""What a storefront shows: a shop's active popups."""
