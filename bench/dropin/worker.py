"""One worker, in an environment that has its library: it knows nothing of the others.

    python worker.py BACKEND LOCATION OPTIONS fill | read | both PARITY SECONDS

A value is its key and a version. Who has written one says so in another database of the server; so a
reader knows what he may not fall behind.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time

KEYS = 400
THREADS = 4


def configured(backend: str, location: str, options: str):
    """The cache, in Django, and the raw client for what has been written."""
    import django
    import redis
    from django.conf import settings

    entry = {"BACKEND": backend, "LOCATION": location, "KEY_PREFIX": "shop", "TIMEOUT": 3600}
    entry["OPTIONS"] = json.loads(options)
    settings.configure(SECRET_KEY="the same one in all workers of it", CACHES={"default": entry})
    django.setup()
    from django.core.cache import caches

    told = redis.Redis.from_url(location.rsplit("/", 1)[0] + "/5")
    return caches, told


def value_of(key: int, version: int) -> dict[str, object]:
    """What is kept at a key."""
    return {"key": key, "version": version, "name": "soup " * 20, "tags": ["warm", "salty"]}


class Worker:
    """Counts what it sees.

    Attributes:
        hits: Values that were there.
        misses: And that weren't.
        wrong: Those of another key, or of before what had been written when they were asked for.
    """

    def __init__(self, caches, told) -> None:
        self.caches = caches
        self.told = told
        self.hits = self.misses = self.wrong = self.writes = 0
        self._lock = threading.Lock()

    def fill(self) -> None:
        """Write the first version of all."""
        for key in range(KEYS):
            self.write(key, 1)

    def write(self, key: int, version: int) -> None:
        """Write, then say so."""
        self.caches["default"].set(f"product:{key}", value_of(key, version))
        self.told.set(f"told:{key}", version)

    def read(self, key: int) -> None:
        """Read, and judge."""
        written = int(self.told.get(f"told:{key}") or 0)
        found = self.caches["default"].get(f"product:{key}")
        right = found is None or (found == value_of(key, found["version"]) and found["version"] >= written)
        with self._lock:
            self.hits += found is not None
            self.misses += found is None
            self.wrong += not right

    def read_all(self, seed: int) -> None:
        """All, twice, in an order of its own."""
        keys = [*range(KEYS)] * 2
        random.Random(seed).shuffle(keys)
        for key in keys:
            self.read(key)

    def both(self, seed: int, parity: int, until: float) -> None:
        """Read all, and write those of one parity that are this thread's."""
        chance = random.Random(seed)
        own = [key for key in range(parity, KEYS, 2) if key // 2 % THREADS == seed % THREADS]
        while time.time() < until:
            if chance.random() < 0.2:
                key = chance.choice(own)
                self.write(key, int(self.told.get(f"told:{key}")) + 1)
                with self._lock:
                    self.writes += 1
            self.read(chance.randrange(KEYS))


def main() -> None:
    """See the module."""
    backend, location, options, task, *more = sys.argv[1:]
    worker = Worker(*configured(backend, location, options))
    if task == "fill":
        worker.fill()
    else:
        target = (
            worker.read_all
            if task == "read"
            else lambda seed: worker.both(seed, int(more[0]), time.time() + float(more[1]))
        )
        threads = [threading.Thread(target=target, args=(seed,)) for seed in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    names = ("hits", "misses", "wrong", "writes")
    print(json.dumps({name: getattr(worker, name) for name in names}))


if __name__ == "__main__":
    main()
