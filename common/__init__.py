"""What two functions or more need, one topic a module. Nothing here knows a function."""
