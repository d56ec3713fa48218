"""Whole pages: what a request gets from the cache, and what of an answer is kept."""
