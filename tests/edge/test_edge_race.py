"""Purge while fetching (DESIGN: four of four edge caches keep the old page): 0 stale afterwards, through each edge."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from edges import FRONTS, Front, running
from origin import ask

from afresh import Cache, tag
from afresh.edge.asgi import OutwardMiddleware
from afresh.edge.follow import Follower
from afresh.http.asgi import CacheMiddleware
from afresh.testing.servers.process import wait_until
from sizes import size

pytestmark = [pytest.mark.servers, pytest.mark.slow]

TRIALS = size(50, 1000)
AT_ONCE = 50


class Shop:
    """Pages that take their time; half of them send a part before the rest is read."""

    def __init__(self, cache: Cache, seed: int) -> None:
        self.cache = cache
        self.rows: dict[str, int] = {}
        self.runs = 0
        self._chance = random.Random(seed)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        self.runs += 1
        await asyncio.sleep(self._chance.uniform(0, 0.1))
        self.cache.depends_on(tag(path))
        row = self.rows.get(path, 0)
        await asyncio.sleep(self._chance.uniform(0, 0.7))
        body = b"%d" % row
        headers = [(b"cache-control", b"s-maxage=3600"), (b"content-length", b"%d" % len(body + b"row "))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if self._chance.random() < 0.5:
            await send({"type": "http.response.body", "body": b"row ", "more_body": True})
            await asyncio.sleep(self._chance.uniform(0, 0.3))
            await send({"type": "http.response.body", "body": body})
        else:
            await send({"type": "http.response.body", "body": b"row " + body})

    def both(self) -> Any:
        """With a cache of pages before it for every other page, and without."""
        bare = OutwardMiddleware(self, self.cache)
        whole = CacheMiddleware(bare, self.cache)

        async def divided(scope: Any, receive: Any, send: Any) -> None:
            await (whole if int(scope["path"].rpartition("-")[2]) % 2 else bare)(scope, receive, send)

        return divided

    def change(self, path: str) -> None:
        self.rows[path] = self.rows.get(path, 0) + 1
        self.cache.invalidate(tag(path))


@pytest.mark.parametrize("kind", FRONTS)
def test_nothing_stale_stays_after_a_purge_while_fetching(kind: str, tmp_path: Path) -> None:
    chance = random.Random(7)
    with Cache(f"sqlite:///{tmp_path}/cache") as cache:
        shop = Shop(cache, 8)
        with (
            running(shop.both()) as port,
            FRONTS[kind](tmp_path, port) as front,
            Follower(cache, [front.edge], folder=tmp_path / "edges") as follower,
        ):
            front.edge.repeats = (0.3,)  # less than a page may take, more than an answer is under way here
            assert follower.settled(20)
            stale: list[str] = []
            for begin in range(0, TRIALS, AT_ONCE):
                paths = [f"/{kind}-{number}" for number in range(begin, begin + AT_ONCE)]
                raced(front, shop, paths, chance)
                assert follower.settled(20)
                with ThreadPoolExecutor(16) as pool:
                    bodies = list(pool.map(lambda path: ask(front.port, path).body, paths))
                    list(pool.map(lambda path: kept(front, path), paths))
                stale += [
                    path
                    for path, body in zip(paths, bodies, strict=True)
                    if body != b"row %d" % shop.rows[path]
                ]
            assert stale == []


def kept(front: Front, path: str) -> None:
    """An edge that keeps nothing proves nothing."""
    wait_until(lambda: "hit" in ask(front.port, path).fields["cache-status"], "a hit")


def raced(front: Front, shop: Shop, paths: list[str], chance: random.Random) -> None:
    """Each page is asked for while its row changes."""

    def one(path: str, pause: float) -> None:
        asking = threading.Thread(target=ask, args=(front.port, path))
        asking.start()
        time.sleep(pause)
        shop.change(path)
        asking.join()

    threads = [threading.Thread(target=one, args=(path, chance.uniform(0, 0.8))) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
