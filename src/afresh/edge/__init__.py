"""Caches in front of the application: their configuration, and what keeps them true."""
