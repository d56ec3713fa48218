"""Hits of a page over HTTP: servers side by side in one run."""
