"""`python -m bench.apps.realworld.run [--quick]`: measures, in the application's own environment; prints JSON."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import afresh.db.sqlalchemy
from afresh import Cache
from afresh.testing.servers import PostgresServer
from bench.apps.client import InProcess, Remote
from bench.apps.realworld import queries
from bench.apps.realworld.conduit.main import create_app, engine_for
from bench.apps.realworld.conduit.security import token_for
from bench.apps.realworld.oracle import Oracle
from bench.apps.realworld.race import Race
from bench.apps.realworld.rows import Size, fill
from bench.apps.realworld.servers import Site
from bench.apps.realworld.subjects import SUBJECTS, place
from bench.apps.realworld.writes import Writes

CONNECTIONS = 4
_MORE = {"uncached": 1, "fastapi-cache": 2, "afresh, operations": 2, "afresh, pages": 20}
"""So many times as many requests of each take about as long."""
VISITOR = 2
PAGES = {
    "list, nobody": ("/api/articles", None),
    "list, a visitor": ("/api/articles", VISITOR),
    "feed, a visitor": ("/api/articles/feed", VISITOR),
    "article, a visitor": ("/api/articles/article-1999", VISITOR),
}


class Bench:
    """One run, in a folder of its own."""

    def __init__(self, folder: Path, *, quick: bool) -> None:
        self._folder, self._quick = folder, quick
        self._size = Size()
        self._seed = int(os.environ.get("AFRESH_SEED") or random.SystemRandom().randrange(2**31))

    async def everything(self, postgres: PostgresServer) -> dict[str, Any]:
        """All figures."""
        postgres.create("rows")
        engine = engine_for(postgres.url_of("rows"))
        await fill(engine, self._size)
        await engine.dispose()
        for name in ["speed", "queries", "oracle", *map(_short, SUBJECTS)]:
            postgres.psql(f'CREATE DATABASE "{name}" TEMPLATE rows')
        return {
            "seed": self._seed,
            "speed": await self._speed(postgres.url_of("speed")),
            "queries": await queries.counted(postgres.url_of("queries"), self._folder, PAGES),
            "oracle": await self._oracle(postgres.url_of("oracle")),
            "race": {name: await self._race(name, postgres.url_of(_short(name))) for name in SUBJECTS},
        }

    # -- speed ----------------------------------------------------------------------------------

    async def _speed(self, url: str) -> dict[str, dict[str, list[float]]]:
        """Milliseconds of a request over four connections, by turns."""
        rounds, requests = (3, 5) if self._quick else (15, 20)
        found: dict[str, dict[str, list[float]]] = {page: {name: [] for name in SUBJECTS} for page in PAGES}
        with ExitStack() as stack:
            sites = {}
            for name in SUBJECTS:
                folder = self._folder / _short(name)
                sites[name] = stack.enter_context(Site(folder, name, url, folder))
            for page, (target, visitor) in PAGES.items():
                token = None if visitor is None else token_for(visitor)
                for number in range(rounds + 1):
                    for name, site in sites.items():
                        took = await _timed(site.port, target, token, requests * _MORE[name])
                        if number:
                            found[page][name].append(took * 1000)
        return found

    # -- truth ----------------------------------------------------------------------------------

    async def _oracle(self, url: str) -> dict[str, Any]:
        """Every page of two workers that share a cache, under random writes of this process."""
        shared = self._folder / "shared"
        shared.mkdir()
        engine, plain = engine_for(url), engine_for(url)
        afresh.db.sqlalchemy.instrument(engine)
        chosen = random.Random(self._seed)
        with Cache(place(shared)), ExitStack() as stack:
            sites = [
                stack.enter_context(Site(self._folder / f"worker{n}", "afresh, pages", url, shared))
                for n in range(2)
            ]
            remote = [Remote(site.port) for site in sites]
            uncached = InProcess(create_app(plain))
            found = None
            for number, each in enumerate(remote):
                writes = Writes(engine, remote[1 - number], self._size, chosen)
                oracle = Oracle(each, uncached, writes, self._size, chosen)
                found = oracle.found if found is None else found
                oracle.found = found
                await oracle.run(*((4, 0.1) if self._quick else (150, 0.3)))
            for each in remote:
                await each.close()
        await engine.dispose()
        await plain.dispose()
        assert found is not None
        return vars(found)

    async def _race(self, name: str, url: str) -> dict[str, Any]:
        """Four readers on two workers, five writers in this process."""
        shared = self._folder / f"race-{_short(name)}"
        shared.mkdir()
        engine = engine_for(url)
        afresh.db.sqlalchemy.instrument(engine)
        with Cache(place(shared)), ExitStack() as stack:
            sites = [stack.enter_context(Site(shared / f"worker{n}", name, url, shared)) for n in range(2)]
            readers = [Remote(sites[n % 2].port) for n in range(CONNECTIONS)]
            articles = range(self._size.articles - 4, self._size.articles + 1)
            found = await Race(readers, engine, articles, VISITOR, self._seed).run(6 if self._quick else 200)
            for each in readers:
                await each.close()
        await engine.dispose()
        return {
            "reads": found.reads,
            "writes": found.writes,
            "stale": len(found.stale),
            "first": found.stale[:3],
        }


async def _timed(port: int, target: str, token: str | None, requests: int) -> float:
    """Seconds of a request, of so many on each connection."""
    connections = [Remote(port) for _ in range(CONNECTIONS)]
    for each in connections:
        assert (await each.ask("GET", target, token)).status == 200

    async def one(connection: Remote) -> None:
        for _ in range(requests):
            await connection.ask("GET", target, token)

    began = time.perf_counter()
    await asyncio.gather(*map(one, connections))
    took = time.perf_counter() - began
    for each in connections:
        await each.close()
    return took / (requests * CONNECTIONS)


def _short(name: str) -> str:
    return name.replace(", ", "-").replace(" ", "-")


def main() -> None:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="afresh-bench-", ignore_cleanup_errors=True) as folder:
        bench = Bench(Path(folder), quick="--quick" in sys.argv)
        with PostgresServer(Path(folder) / "postgres") as postgres:
            found = asyncio.run(bench.everything(postgres))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
