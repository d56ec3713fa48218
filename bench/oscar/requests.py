"""`python -m bench.oscar.requests URL SECONDS`: the cost of a page's requests, recorded and not, as JSON.

Both kinds of connection live in one process, and requests alternate between them: nothing else differs.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from bench import measure
from bench.oscar import site

MODES = ("off", "off again", "watched", "recorded", "once")


class Shop:
    """The site, with a watched connection and one that isn't."""

    def __init__(self, url: str) -> None:
        site.configure(url)
        from django.core.handlers.wsgi import WSGIHandler
        from django.db import connections
        from django.test import RequestFactory

        from afresh import Cache
        from afresh.django.database import capture

        site.fill()
        self.handler: Any = WSGIHandler()
        self.cache = Cache("memory://")
        self._environ = RequestFactory()._base_environ
        self._connections = connections
        self.watched = connections["default"]
        self.unwatched = connections.create_connection("default")
        capture.connection_created.disconnect(dispatch_uid="afresh.django")
        self.unwatched.connect()
        capture.watch_connections()
        assert capture.watched(self.watched) is not None
        assert capture.watched(self.unwatched) is None

    def request(self, path: str) -> bytes:
        """One request of a new visitor, as a server makes it."""
        status: list[str] = []
        environ = self._environ(PATH_INFO=path)
        response = self.handler(environ, lambda line, headers: status.append(line))
        body = b"".join(response)
        response.close()
        if not status[0].startswith("200") or b"Hammer" not in body:
            raise RuntimeError(f"{path}: {status[0]}")
        return body

    def took(self, path: str) -> float:
        """The seconds of one request."""
        began = time.process_time()
        self.request(path)
        return time.process_time() - began

    def within(self, mode: str) -> AbstractContextManager[Any]:
        """What is around a request."""
        from afresh.db import answered_once

        self._connections["default"] = self.unwatched if mode.startswith("off") else self.watched
        if mode == "recorded":
            return self.cache.scope()
        return answered_once() if mode == "once" else nullcontext()

    def timed(self, path: str, mode: str, walls: list[float]) -> Callable[[], float]:
        """The milliseconds of processor time of a request; those by the clock on the wall are added to `walls`."""

        def run() -> float:
            with self.within(mode):
                wall, processor = time.perf_counter(), time.process_time()
                self.request(path)
                used = time.process_time() - processor
                walls.append((time.perf_counter() - wall) * 1000)
            return used * 1000

        return run

    def repeated(self, rounds: int) -> dict[str, list[float]]:
        """The milliseconds of a query that was asked before, sent again and answered from before."""
        from django.apps import apps

        from afresh.db import answered_once

        products = apps.get_model("catalogue", "Product").objects
        self._connections["default"] = self.watched

        def run() -> float:
            list(products.filter(pk=1))
            began = time.perf_counter()
            for _ in range(20):
                list(products.filter(pk=1))
            return (time.perf_counter() - began) / 20 * 1000

        def remembered() -> float:
            with answered_once(max_age="1h"):
                return run()

        return measure.interleave({"asked": run, "once": remembered}, rounds)

    def queries(self, path: str) -> dict[str, int]:
        """How many queries a page sends, how many of them are different, and on how much it depends."""
        texts: list[Any] = []

        def wrapper(execute: Callable[..., Any], sql: Any, params: Any, *given: Any) -> Any:
            texts.append((sql, repr(params)))
            return execute(sql, params, *given)

        self._connections["default"] = self.watched
        with self.watched.execute_wrapper(wrapper), self.cache.scope() as scope:
            self.request(path)
        return {
            "queries": len(texts),
            "different": len(set(texts)),
            "dependencies": len(scope.dependencies),
        }


def main(url: str, seconds: float) -> None:
    """Measure all pages, for about so long each."""
    shop = Shop(url)
    measure.pin()
    found = {}
    for page, path in site.pages().items():
        for mode in MODES:
            for _ in range(3):
                with shop.within(mode):
                    shop.request(path)
        record: dict[str, Any] = shop.queries(path)
        walls: dict[str, list[float]] = {mode: [] for mode in MODES}
        rounds = max(4, round(seconds / len(MODES) / shop.took(path)))
        record["processor"] = measure.interleave(
            {mode: shop.timed(path, mode, walls[mode]) for mode in MODES}, rounds, warm_up=1
        )
        record["wall"] = {mode: walls[mode][1:] for mode in MODES}
        found[page] = record
    print(json.dumps({"pages": found, "repeated": shop.repeated(round(seconds) * 5)}))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
