"""The merchant's console in a real browser, against the real functions."""
