"""Tests that speak HTTP to the real functions over a real Postgres and a real Valkey."""
