"""What a hit costs, against `functools.lru_cache`, a plain coroutine and other packages."""
