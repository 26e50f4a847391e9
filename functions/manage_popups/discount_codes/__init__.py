"""Discount codes, and the pools of single-use codes behind some of them."""
