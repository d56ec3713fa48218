"""Entries invalidated per write, beside what others invalidate and what had to be."""
