"""The storefront script in a real browser, against the real functions."""
