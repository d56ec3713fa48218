"""The flow of one operation: look, join, load, fill, invalidate. Coroutines; no clock, no thread."""
