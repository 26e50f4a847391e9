"""What operators run beside the functions: load scenarios, monitoring."""
