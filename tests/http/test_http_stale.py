"""What is no longer fresh: validated, sent while it is refreshed, or sent when the application fails."""

from __future__ import annotations

import asyncio

import pytest
from http_world import Application, ask

from afresh import tag
from afresh.asgi import CacheMiddleware


def run(coroutine):
    return asyncio.run(coroutine)


def test_what_is_stale_is_validated(cache, clock):
    def view(scope, calls):
        if dict(scope["headers"]).get(b"if-none-match") == b'"a"':
            return 304, {}, [b""]
        return 200, {}, [b"%d" % calls]

    inner = Application(view, cache_control="max-age=60", etag='"a"')
    app = CacheMiddleware(inner, cache=cache)
    assert run(ask(app)).text == "1"
    clock.advance(61)
    again = run(ask(app))
    assert (again.status, again.text) == (200, "1")
    assert "fwd=stale; fwd-status=304; stored" in again.get("cache-status")
    assert run(ask(app)).hit
    assert inner.calls == 2


def test_what_is_stale_is_sent_and_refreshed_afterwards(cache, clock):
    app = CacheMiddleware(Application(cache_control="max-age=60, stale-while-revalidate=60"), cache=cache)

    async def visits():
        assert (await ask(app)).text == "1"
        clock.advance(61)
        stale = await ask(app)
        assert (stale.text, stale.hit) == ("1", True)
        for _ in range(20):
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        return await ask(app)

    assert run(visits()).text == "2"


@pytest.mark.parametrize("failure", ["raises", "503"])
def test_what_is_stale_is_sent_when_the_application_fails(cache, clock, failure):
    def view(scope, calls):
        if calls == 1:
            return 200, {}, [b"1"]
        if failure == "raises":
            raise OSError("no database")
        return 503, {}, [b"no"]

    app = CacheMiddleware(Application(view, cache_control="max-age=60, stale-if-error=600"), cache=cache)
    run(ask(app))
    clock.advance(61)
    assert run(ask(app)).text == "1"
    clock.advance(601)
    if failure == "raises":
        with pytest.raises(OSError, match="no database"):
            run(ask(app))
    else:
        assert run(ask(app)).status == 503


def test_an_invalidated_page_is_not_sent_when_the_application_fails(cache, clock):
    def view(scope, calls):
        cache.depends_on(tag("menu"))
        if calls > 1:
            raise OSError("no database")
        return 200, {}, [b"1"]

    app = CacheMiddleware(Application(view, cache_control="max-age=60, stale-if-error=600"), cache=cache)
    run(ask(app))
    cache.invalidate(tag("menu"))
    with pytest.raises(OSError, match="no database"):
        run(ask(app))


def test_a_refresh_that_fails_is_told_and_hurts_nobody(cache, clock):
    def view(scope, calls):
        if calls > 1:
            raise OSError("no database")
        return 200, {}, [b"1"]

    app = CacheMiddleware(
        Application(view, cache_control="max-age=60, stale-while-revalidate=60"), cache=cache
    )
    told = []
    cache.listen(lambda event: told.append((event.kind.value, event.reason)))

    async def visits():
        await ask(app)
        clock.advance(61)
        texts = []
        for _ in range(3):
            texts.append((await ask(app)).text)
            await asyncio.sleep(0.01)
        return texts

    assert run(visits()) == ["1", "1", "1"]
    assert ("load-failed", "OSError: no database") in told


def test_a_head_for_what_is_stale_refreshes_the_page(cache, clock):
    def view(scope, calls):
        return 200, {}, [b"" if scope["method"] == "HEAD" else b"%d" % calls]

    app = CacheMiddleware(
        Application(view, cache_control="max-age=60, stale-while-revalidate=60"), cache=cache
    )

    async def visits():
        await ask(app)
        clock.advance(61)
        assert (await ask(app, method="HEAD")).hit
        await asyncio.sleep(0.01)
        return await ask(app)

    answered = run(visits())
    assert (answered.text, answered.hit) == ("2", True)
