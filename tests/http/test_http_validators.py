"""The `ETag` that stored answers get is a digest of their bytes: it says what the client has, not when it was made."""

from __future__ import annotations

import asyncio

import pytest
from http_world import Application, ask

from afresh import Cache, tag
from afresh.asgi import CacheMiddleware


class Shop:
    """A menu, and its page."""

    def __init__(self, cache, **headers):
        self.menu = "tea"
        self.cache = cache
        self.inner = Application(self.view, cache_control="max-age=60", **headers)
        self.app = CacheMiddleware(self.inner, cache=cache)

    def view(self, scope, calls):
        self.cache.depends_on(tag("menu"))
        return 200, {}, [self.menu.encode()]

    def edit(self, menu):
        self.menu = menu
        self.cache.invalidate(tag("menu"))

    async def asks(self, etag=None):
        got = await ask(self.app, **({"if_none_match": etag} if etag else {}))
        return got.status, got.text, got.get("etag")


def test_a_page_that_was_dropped_and_made_again_with_the_same_bytes_is_confirmed(cache):
    shop = Shop(cache)

    async def visits():
        _, _, etag = await shop.asks()
        shop.edit("tea")
        same, later = await shop.asks(etag), await shop.asks(etag)
        shop.edit("cake")
        changed, confirmed = await shop.asks(etag), None
        confirmed = await shop.asks(changed[2])
        return etag, same, later, changed, confirmed

    etag, same, later, changed, confirmed = asyncio.run(visits())
    assert etag
    assert same == later == (304, "", etag), "nothing that the client has is wrong, so no byte is sent"
    assert changed[:2] == (200, "cake")
    assert changed[2] != etag
    assert confirmed == (304, "", changed[2])
    assert shop.inner.calls == 3


def test_a_page_that_is_stored_nowhere_any_more_is_confirmed_by_one_run(cache):
    shop = Shop(cache)

    async def visits():
        _, _, etag = await shop.asks()
        shop.cache.clear()
        return etag, await shop.asks(etag)

    etag, got = asyncio.run(visits())
    assert got == (304, "", etag)
    assert shop.inner.calls == 2


def test_what_another_machine_sent_is_confirmed_here():
    """Two machines without anything in common but the application."""
    with Cache("memory://") as here, Cache("memory://") as there:
        _, _, etag = asyncio.run(Shop(there).asks())
        assert asyncio.run(Shop(here).asks(etag)) == (304, "", etag)


@pytest.mark.parametrize("validator", [{"etag": '"own"'}, {"last_modified": "Thu, 01 Jan 2026 00:00:00 GMT"}])
def test_an_answer_with_a_validator_keeps_it(cache, validator):
    shop = Shop(cache, **validator)
    assert asyncio.run(shop.asks())[2] == validator.get("etag")
    assert asyncio.run(shop.asks())[2] == validator.get("etag")
