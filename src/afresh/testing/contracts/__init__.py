"""Suites of tests that every backend and every codec has to pass."""
