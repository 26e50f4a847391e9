"""What shoppers saw."""
