"""`python -m bench.apps.oscar.run SIZE PART ...`: measures, in the application's own environment; prints JSON.

SIZE is `quick` or `full`, a PART is `speed` or `truth`.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from afresh.testing.servers import PostgresServer, RedisServer
from bench.apps.oscar.shops import Place, Shop
from bench.apps.oscar.speed import SUBJECTS, Speed

PRODUCTS = {"quick": 600, "full": 12_000}
DECLARED = (
    '[[http.rule]]\npath = "/catalogue/*_*/"\ndrop_cookies = ["oscar_history"]\nside_effects = "replay"\n'
)


class Bench:
    """One run, in a folder of its own."""

    def __init__(self, folder: Path, size: str, parts: Sequence[str]) -> None:
        self._folder, self._size, self._parts = folder, size, parts
        self._seed = int(os.environ.get("AFRESH_SEED") or random.SystemRandom().randrange(2**31))
        self._seconds: dict[str, float] = {}

    def everything(self) -> dict[str, Any]:
        """All figures."""
        found: dict[str, Any] = {"seed": self._seed, "products": PRODUCTS[self._size]}
        with ExitStack() as stack:
            with self._phase("servers and rows"):
                self._serve(stack)
            places = {name: self._place(name, variant) for name, variant in SUBJECTS.items()}
            speed = Speed(places, quick=self._size == "quick")
            with self._phase("system check"):
                found["obstacles"] = speed.obstacles()
            if "speed" in self._parts:
                with self._phase("speed"):
                    found["speed"] = speed.measured()
            if "truth" in self._parts:
                with self._phase("oracle"):
                    found["truth"] = self._truth("truth", "all", DECLARED)
                with self._phase("skipped views"):
                    found["truth"]["skip"] = self._truth("skip", "skip", found["obstacles"]["lines"] + "\n")
                for part, took in found["truth"]["seconds"].items():
                    self._seconds[f"oracle: {part}"] = took
        return {**found, "seconds": self._seconds}

    def _serve(self, stack: ExitStack) -> None:
        """Start servers, and give each subject a copy of the same rows."""
        self._postgres = stack.enter_context(PostgresServer(self._folder / "postgres"))
        redis = stack.enter_context(RedisServer(self._folder / "redis"))
        self._redis = f"redis://127.0.0.1:{redis.port}"
        self._postgres.create("rows")
        self._place("rows", "plain").run("-m", "bench.apps.oscar.rows", str(PRODUCTS[self._size]))
        for name in (*SUBJECTS, "truth", "skip"):
            self._postgres.psql(f'CREATE DATABASE "{name}" TEMPLATE rows')

    def _place(self, name: str, variant: str) -> Place:
        number = ("cachalot", "cacheops").index(name) if name in {"cachalot", "cacheops"} else 2
        return Place(
            self._folder / name.replace(" ", "-"),
            variant,
            self._postgres.url_of(name),
            f"{self._redis}/{number}",
        )

    def _truth(self, name: str, part: str, rules: str) -> Any:
        """A part of the oracle, in a process that writes, for two processes of a shop with these rules."""
        place = self._place(name, "afresh")
        place.environment["SHOP_TRUTH"] = "1"
        place.rules(rules)
        with ExitStack() as stack:
            ports = [stack.enter_context(Shop(place, workers=1, name=f"worker{n}")).port for n in range(2)]
            command = ["-m", "bench.apps.oscar.oracle", part, self._size, str(self._seed), *map(str, ports)]
            return json.loads(place.run(*command, told=True).splitlines()[-1])

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        print(f"{name} …", file=sys.stderr, flush=True)
        began = time.monotonic()
        yield
        self._seconds[name] = time.monotonic() - began
        print(f"{name}: {self._seconds[name]:.0f} s", file=sys.stderr, flush=True)


def main() -> None:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="afresh-bench-", ignore_cleanup_errors=True) as folder:
        found = Bench(Path(folder), sys.argv[1], sys.argv[2:]).everything()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
