"""A cache of pages behind another, or behind a publisher: what is read within is a part of what stands before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest
from http_world import Application, ask

from afresh import Cache, tag
from afresh.asgi import CacheMiddleware
from afresh.core.tags import hashed
from afresh.testing.clock import FakeClock
from afresh.wsgi import CacheMiddleware as WsgiMiddleware

ROW = hashed(next(tag("row").marked()))


@pytest.fixture
def caches(tmp_path: Path) -> Iterable[tuple[Cache, Cache]]:
    """Two with one ledger, as `afresh serve` and the application that it serves have."""
    url = f"sqlite:///{tmp_path}/cache"
    with Cache(url, namespace="within") as one, Cache(url, namespace="before") as other:
        yield one, other


def test_a_page_of_two_caches_is_dropped_by_both(caches: tuple[Cache, Cache]) -> None:
    within, before = caches

    def view(scope: object, calls: int) -> object:
        within.depends_on(tag("row"))
        return 200, {}, [b"%d" % calls]

    app = CacheMiddleware(CacheMiddleware(Application(view, cache_control="max-age=60"), within), before)

    async def visits() -> list[str]:
        texts = []
        for _ in range(3):
            texts += [(await ask(app)).text for _ in range(3)]
            await within.aio.invalidate(tag("row"))
        return texts

    assert asyncio.run(visits()) == ["1", "1", "1", "2", "2", "2", "3", "3", "3"]


def test_so_is_one_that_comes_by_wsgi(caches: tuple[Cache, Cache]) -> None:
    within, before = caches
    runs = 0

    def view(environ: object, start_response: object) -> Iterable[bytes]:
        nonlocal runs
        runs += 1
        start_response("200 OK", [("Cache-Control", "max-age=60")])  # type: ignore[operator]
        yield b"%d" % runs
        within.depends_on(tag("row"))
        yield b"."

    def asked() -> bytes:
        environ = {
            "REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": "", "HTTP_HOST": "x", "wsgi.url_scheme": "http",
        }  # fmt: skip
        answer = app(environ, lambda *_: lambda piece: None)
        body = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        return body

    app = WsgiMiddleware(WsgiMiddleware(view, within), before)
    assert [asked() for _ in range(3)] == [b"1."] * 3
    within.invalidate(tag("row"))
    assert [asked() for _ in range(3)] == [b"2."] * 3


@pytest.mark.parametrize("status", [200, 404, 500])
def test_a_scope_around_a_page_knows_what_it_was_made_from(status: int) -> None:
    """A publisher asks so, with whatever outcome, on a miss as on a hit."""

    async def visits() -> list[bool]:
        found = []
        for _ in range(3):
            async with cache.aio.scope() as collected:
                await ask(app)
                found.append(ROW in collected.tags)
        return found

    def view(scope: object, calls: int) -> object:
        cache.depends_on(tag("row"))
        return status, {}, [b"x"]

    with Cache("memory://") as cache:
        app = CacheMiddleware(Application(view, cache_control="max-age=60"), cache)
        assert asyncio.run(visits()) == [True] * 3


def test_an_old_page_in_the_place_of_a_failure_is_made_from_what_it_was() -> None:
    clock = FakeClock()

    def view(scope: object, calls: int) -> object:
        if calls == 2:
            raise RuntimeError("broken")
        cache.depends_on(tag("row"))
        return 200, {}, [b"x"]

    async def visits() -> None:
        await ask(app)
        clock.advance(2)
        async with cache.aio.scope() as collected:
            assert (await ask(app)).status == 200
            assert ROW in collected.tags

    with Cache("memory://", clock=clock) as cache:
        app = CacheMiddleware(Application(view, cache_control="max-age=1, stale-if-error=60"), cache)
        asyncio.run(visits())
