"""Benchmarks: each prints a table and exits non-zero when a goal is missed."""
