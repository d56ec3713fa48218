"""`python -m bench.apps.oscar.oracle PART SIZE SEED PORT PORT`: is what two processes serve what is true?

This process writes, through the ORM, in bulk, by raw SQL and by forms, and renders each page without any
cache, to compare. The two processes share a cache with it. PART is `all`, with each view of a product counted,
or `skip`, where hits are declared not to count.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from typing import Any

import django
from django.test import Client

from bench.apps.oscar.counters import counted
from bench.apps.oscar.edits import Edits
from bench.apps.oscar.goods import Goods
from bench.apps.oscar.people import People
from bench.apps.oscar.race import Race

SIZES = {
    "quick": {"edits": 24, "raced": 12, "requests": 200, "views": 60},
    "full": {"edits": 1000, "raced": 500, "requests": 10_000, "views": 2000},
}


def queries_of_hits(paths: list[str]) -> list[int]:
    """How many queries hits send, in this process."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    found = []
    for path in paths:
        for _ in range(3):
            client = Client(SERVER_NAME="127.0.0.1")
            with CaptureQueriesContext(connection) as queries:
                answer = client.get(path)
        if "hit" not in answer.headers["Cache-Status"]:
            raise RuntimeError(f"{path}: {answer.headers['Cache-Status']}")
        found.append(len(queries))
    return found


def everything(size: str, seed: int, ports: list[int]) -> dict[str, Any]:
    """All of it."""
    chosen, goods, sizes = random.Random(seed), Goods(), SIZES[size]
    edits, race, people = (each(goods, ports, chosen) for each in (Edits, Race, People))
    parts: dict[str, Callable[[], Any]] = {
        "queries": lambda: queries_of_hits(goods.pages()),
        "edits": lambda: edits.run(sizes["edits"]),
        "race": lambda: race.run(sizes["raced"]),
        "people": lambda: people.run(sizes["requests"]),
        "form": people.form,
        "replay": lambda: counted(goods, ports, sizes["views"], skipped=False),
    }
    found, seconds = {}, {}
    for name, part in parts.items():
        began = time.monotonic()
        found[name] = part()
        seconds[name] = time.monotonic() - began
        print(f"{name}: {seconds[name]:.0f} s, {found[name]}", file=sys.stderr, flush=True)
    return {**found, "wrong": [*edits.wrong[:3], *race.wrong[:3], *people.wrong[:3]], "seconds": seconds}


def main(part: str, size: str, seed: int, ports: list[int]) -> None:
    """One part."""
    django.setup()
    if part == "all":
        found = everything(size, seed, ports)
    else:
        found = counted(Goods(), ports, SIZES[size]["views"], skipped=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), list(map(int, sys.argv[4:])))
