"""What tests stand on: the servers and functions they ask, what they start from, and how they ask. No tests."""
