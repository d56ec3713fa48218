"""`python -m bench.page_misses [--quick] [--json FILE]`: many ask for one page that no cache has, at once.

Fifty ask for a page that all may share: how often does the application run, and how long does the last
one wait? Twenty ask for a page that nobody may share: what does waiting for one another cost them? The
view takes a while, as one that asks a database does. Beside the application without a cache, and a
cache as one would write it, with a lock for each URL.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from afresh import Cache
from afresh.asgi import CacheMiddleware
from bench import measure

SHARED, ALONE = 50, 20
VIEW = 0.05  # seconds
RUNS = measure.Goal("runs", 1)
LAST = measure.Goal("last ms", 30)
ALIKE = measure.Goal("x no cache", 1.2)

App = Callable[[Any, Any, Any], Awaitable[None]]


class Shop:
    """An application whose view takes a while, and counts."""

    def __init__(self) -> None:
        self.runs = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer: `/private/…` is nobody else's."""
        self.runs += 1
        await asyncio.sleep(VIEW)
        says = b"private" if scope["path"].startswith("/private") else b"max-age=60"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", says)]})
        await send({"type": "http.response.body", "body": b"x" * 1024})


class Locked:
    """A cache with a lock for each URL: who comes second waits, whatever comes of the first."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._stored: dict[str, list[Any]] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer from the dictionary, or ask with the lock held."""
        path = scope["path"]
        async with self._locks[path]:
            messages = self._stored.get(path) or await self._asked(scope, receive)
        for message in messages:
            await send(message)

    async def _asked(self, scope: Any, receive: Any) -> list[Any]:
        messages: list[Any] = []

        async def keep(message: Any) -> None:
            messages.append(message)

        await self._app(scope, receive, keep)
        if (b"cache-control", b"private") not in messages[0]["headers"]:
            self._stored[scope["path"]] = messages
        return messages


def scope_of(path: str) -> dict[str, Any]:
    """A request."""
    return {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"shop.example")],
        "client": ("192.0.2.1", 1),
    }


async def _nothing(_: Any = None) -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


async def together(app: App, path: str, callers: int) -> float:
    """Ask at once; returns the seconds until all have their answer."""
    began = time.perf_counter()
    await asyncio.gather(*[app(scope_of(path), _nothing, _nothing) for _ in range(callers)])
    return time.perf_counter() - began


def subjects(cache: Cache) -> dict[str, tuple[Shop, App]]:
    """The application, and the same behind each cache."""
    plain, ours, locked = Shop(), Shop(), Shop()
    return {
        "no cache": (plain, plain),
        "afresh": (ours, CacheMiddleware(ours, cache)),
        "a lock for each URL": (locked, Locked(locked)),
    }


def shared(runner: asyncio.Runner, rounds: int) -> measure.Table:
    """Fifty for a page that all may share."""
    table = measure.Table(f"{SHARED} ask for one page at once, which takes {VIEW * 1e3:.0f} ms")
    with Cache("memory://") as cache:
        for name, (shop, app) in subjects(cache).items():
            runs, last = [], []
            for number in range(rounds):
                shop.runs = 0
                last.append((runner.run(together(app, f"/{number}", SHARED)) - VIEW) * 1e3)
                runs.append(shop.runs)
            goals = (RUNS, LAST) if name == "afresh" else ()
            table.add(name, {"runs": max(runs), "last ms": sorted(last)[rounds // 2]}, *goals)
    return table


def alone(runner: asyncio.Runner, rounds: int) -> measure.Table:
    """Twenty for a page that nobody may share: one that was asked for before, and one that is new."""
    table = measure.Table(f"{ALONE} ask for a page that nobody may share")
    for what in ("asked for before", "new each time"):
        numbers = iter(range(10**9))

        def path(what: str = what, numbers: Any = numbers) -> str:
            return f"/private/{next(numbers)}" if what == "new each time" else "/private/page"

        with Cache("memory://") as cache:
            timed = {
                name: lambda app=app: runner.run(together(app, path(), ALONE))
                for name, (_, app) in subjects(cache).items()
            }
            samples = measure.interleave(timed, rounds)
        for name in samples:
            goals = (ALIKE,) if name == "afresh" else ()
            table.add(f"{name}, {what}", {"x no cache": measure.ratio(samples, name, "no cache")}, *goals)
    table.remarks.append(
        "Of the first URLs of a kind nothing is known: their first askers wait for one of them until its head "
        "shows that they needn't. After three nobody waits for the fourth."
    )
    return table


def main() -> int:
    """Run it."""
    arguments = measure.parser(__doc__).parse_args()
    rounds = 5 if arguments.quick else 15
    with asyncio.Runner() as runner:
        tables = [shared(runner, rounds), alone(runner, rounds)]
    return measure.finish("page_misses", tables, arguments.json)


if __name__ == "__main__":
    sys.exit(main())
