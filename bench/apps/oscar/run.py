"""`python -m bench.apps.oscar.run [--quick]`: measures, in the application's own environment; prints JSON."""

from __future__ import annotations

import json
import math
import os
import random
import re
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from afresh.testing.servers import PostgresServer, RedisServer
from bench.apps.oscar.shops import Place, Shop
from bench.apps.oscar.visitors import Visitor, timed

SUBJECTS = ("plain", "cachalot", "cacheops", "afresh")
PEERS = ("cachalot", "cacheops")
_MORE = {"plain": 1, "cachalot": 2, "cacheops": 2, "afresh": 40}
"""So many times as many requests of each take about as long."""


class Bench:
    """One run."""

    def __init__(self, *, quick: bool) -> None:
        self._quick = quick
        self._products = 600 if quick else 12_000
        self._seed = int(os.environ.get("AFRESH_SEED") or random.SystemRandom().randrange(2**31))
        self._folder = Path(tempfile.mkdtemp(prefix="afresh-bench-"))

    def everything(self) -> dict[str, Any]:
        """All figures."""
        with ExitStack() as stack:
            postgres = stack.enter_context(PostgresServer(self._folder / "postgres"))
            redis = stack.enter_context(RedisServer(self._folder / "redis"))
            self._redis = f"redis://127.0.0.1:{redis.port}/0"
            rows = Place(self._folder / "rows", "plain", postgres.create("rows"))
            rows.run("-m", "bench.apps.oscar.rows", str(self._products))
            for name in (*SUBJECTS, "truth"):
                postgres.psql(f'CREATE DATABASE "{name}" TEMPLATE rows')
            self._postgres = postgres
            return {"seed": self._seed, "products": self._products, **self._speed(), "truth": self._truth()}

    # -- speed ----------------------------------------------------------------------------------

    def _speed(self) -> dict[str, Any]:
        """Milliseconds of a request over four connections, by turns."""
        rounds, requests = (3, 3) if self._quick else (9, 8)
        places = {
            name: Place(self._folder / name, name, self._postgres.url_of(name), self._redis)
            for name in SUBJECTS
        }
        pages = self._pages(places["plain"])
        found: dict[str, Any] = {page: {name: [] for name in SUBJECTS} for page in pages}
        refused, lines = self._obstacles(places["afresh"], pages["product"])
        with ExitStack() as stack:
            shops = {name: stack.enter_context(Shop(place)) for name, place in places.items()}
            for page, path in pages.items():
                for (
                    shop
                ) in shops.values():  # a new process links files that four requests at once stumble over
                    for _ in range(4):
                        Visitor(shop.port).get(path)
                for number in range(rounds + 1):
                    for name, shop in shops.items():
                        took = _timed(name, shop, path, requests * (_MORE[name] if number else 2))
                        if number:
                            found[page][name].append(took)
        return {"speed": found, "refused": refused, "lines": lines}

    @staticmethod
    def _pages(place: Place) -> dict[str, str]:
        code = (
            "import django; django.setup(); from oscar.core.loading import get_model as m;"
            "print(m('catalogue', 'Category').objects.order_by('path')[3].get_absolute_url());"
            "print(m('catalogue', 'Product').objects.order_by('pk')[3].get_absolute_url())"
        )
        category, product = place.run("-c", code).split()[-2:]
        return {"catalogue": "/catalogue/", "category": category, "product": product}

    @staticmethod
    def _obstacles(place: Place, product: str) -> tuple[str, str]:
        """Why the product page isn't kept, and the lines that the system check prints: they are used."""
        place.rules("")
        with Shop(place, workers=1, name="first") as shop:
            visitor = Visitor(shop.port)
            visitor.get(product)
            said = Visitor(shop.port).get(product).said
            deadline = time.monotonic() + 20
            while "W002" not in (printed := place.run("manage.py", "check")) and time.monotonic() < deadline:
                time.sleep(0.2)
        lines = re.search(r"(\[\[http\.rule\]\]\n(?:.+\n?)+?)(?=\n|\Z|\?:|System)", printed)
        if lines is None:
            raise RuntimeError(f"the system check prints no lines:\n{printed}")
        text = "\n".join(line.strip() for line in lines[1].splitlines() if "=" in line or "[[" in line)
        place.rules(text + "\n")
        return said, text

    # -- truth ----------------------------------------------------------------------------------

    def _truth(self) -> dict[str, Any]:
        """The oracle, in a process that writes: see `oracle`."""
        place = Place(self._folder / "truth", "afresh", self._postgres.url_of("truth"))
        place.environment["SHOP_TRUTH"] = "1"
        place.rules(
            '[[http.rule]]\npath = "/catalogue/*_*/"\ndrop_cookies = ["oscar_history"]\nside_effects = "replay"\n'
        )
        with ExitStack() as stack:
            ports = [stack.enter_context(Shop(place, workers=1, name=f"worker{n}")).port for n in range(2)]
            size = "quick" if self._quick else "full"
            printed = place.run("-m", "bench.apps.oscar.oracle", size, str(self._seed), *map(str, ports))
        found: dict[str, Any] = json.loads(printed.split("FOUND ", 1)[1].splitlines()[0])
        return found


def _timed(name: str, shop: Shop, path: str, requests: int) -> float:
    try:
        return timed(shop.port, path, requests)
    except RuntimeError as error:
        if name in PEERS:
            print(f"{name}: {error}", file=sys.stderr)
            return math.inf  # it answers with an error
        raise RuntimeError(f"{name}: {error}\n{shop.log[-3000:]}") from None


if __name__ == "__main__":
    print(json.dumps(Bench(quick="--quick" in sys.argv).everything()))
