"""Code shared by the functions, one topic per module. Nothing here depends on a function."""
