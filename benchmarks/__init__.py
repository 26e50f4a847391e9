"""How fast the functions are, beside functions that do nothing: `python -m benchmarks --help`."""
