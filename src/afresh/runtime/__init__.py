"""Threads, event loops and clocks: the worlds in which the engine's coroutines run."""
