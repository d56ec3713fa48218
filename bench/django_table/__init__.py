"""Automatic invalidation under Django: which writes are seen, and what they leave alone."""
