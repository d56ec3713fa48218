"""Entries and invalidations of this process alone."""
