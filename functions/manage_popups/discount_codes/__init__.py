"""Discount codes, and the pools of single-use codes that some of them have."""
