"""A WSGI application behind `serve` runs in a thread, and what it reads is what its pages depend on."""

from __future__ import annotations

from typing import Any

from a2wsgi import WSGIMiddleware
from serving_tools import Wire, running

from afresh import Cache, tag
from afresh.http.asgi import CacheMiddleware


def test_what_a_wsgi_application_reads_is_what_its_pages_depend_on() -> None:
    runs = 0

    def app(environ: Any, start_response: Any) -> Any:
        nonlocal runs
        runs += 1
        cache.depends_on(tag("row"))
        start_response("200 OK", [("Cache-Control", "max-age=60"), ("Content-Type", "text/plain")])
        yield b"%d " % runs
        cache.depends_on(tag("late"))
        yield environ["PATH_INFO"].encode()

    with (
        Cache("memory://") as cache,
        running(CacheMiddleware(WSGIMiddleware(app), cache)) as port,
        Wire(port) as wire,
    ):
        assert [wire.ask("/a")[2] for _ in range(3)] == [b"1 /a"] * 3
        cache.invalidate(tag("row"))
        assert [wire.ask("/a")[2] for _ in range(3)] == [b"2 /a"] * 3
        cache.invalidate(tag("late"))
        assert [wire.ask("/a")[2] for _ in range(3)] == [b"3 /a"] * 3
