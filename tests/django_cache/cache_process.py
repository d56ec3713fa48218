"""A process of a site: five threads ask for a cold key, and count. Its answers, and how often it loaded, as JSON."""

from __future__ import annotations

import json
import sys
import threading
import time

import django
from django.conf import settings


def main(location: str, key: str) -> None:
    settings.configure(SECRET_KEY="the secret of these processes", CACHES={})
    django.setup()
    from afresh.django import CacheBackend

    loads: list[int] = []
    answers: list[object] = []

    def load() -> list[str]:
        loads.append(1)
        time.sleep(0.2)  # as long as a query takes
        return ["made"]

    def ask() -> None:
        cache = CacheBackend(location, {"OPTIONS": {}})
        answers.append(cache.get_or_set(key, load))
        cache.incr("counter")

    print("ready", flush=True)
    sys.stdin.readline()
    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps([len(loads), answers]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
