"""`python -m bench.oscar.requests URL ROUNDS`: the cost of a page's requests, recorded and not, as JSON.

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

MODES = ("off", "watched", "recorded", "once")


class Shop:
    """The site, with a watched connection and one that isn't."""

    def __init__(self, url: str) -> None:
        site.configure(url)
        from django.core.handlers.wsgi import WSGIHandler
        from django.db import connections
        from django.test import RequestFactory

        from afresh import Cache
        from afresh.django import capture

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

    def within(self, mode: str) -> AbstractContextManager[Any]:
        """What is around a request."""
        from afresh.db import answered_once

        self._connections["default"] = self.unwatched if mode == "off" else self.watched
        if mode == "recorded":
            return self.cache.scope()
        return answered_once() if mode == "once" else nullcontext()

    def timed(self, path: str, mode: str, clock: Callable[[], float], times: int) -> Callable[[], float]:
        """The milliseconds of some requests."""

        def run() -> float:
            began = clock()
            for _ in range(times):
                with self.within(mode):
                    self.request(path)
            return (clock() - began) / times * 1000

        return run

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


def main(url: str, rounds: int) -> None:
    """Measure all pages."""
    shop = Shop(url)
    measure.pin()
    found = {}
    for page, path in site.pages().items():
        for mode in MODES:
            for _ in range(3):
                with shop.within(mode):
                    shop.request(path)
        record: dict[str, Any] = shop.queries(path)
        for name, clock in (("processor", time.process_time), ("wall", time.perf_counter)):
            record[name] = measure.interleave(
                {mode: shop.timed(path, mode, clock, 1) for mode in MODES}, rounds, warm_up=1
            )
        found[page] = record
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
