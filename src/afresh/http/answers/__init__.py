"""What becomes of a request: an answer from the cache, another's answer, or a run of the application."""
