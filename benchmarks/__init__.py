"""Measure the functions' speed, compared with no-op functions: `python -m benchmarks --help`."""
