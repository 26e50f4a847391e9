"""Experiments: what the compared arms of a popup did, and what a merchant may conclude from it."""
