"""From what is read and written to tags."""
