"""Where nobody could share several URLs of a kind, nobody waits for the next; where one was stored, all do."""

from __future__ import annotations

import asyncio

import pytest
from http_world import Application, ask, scope_of

from afresh.asgi import CacheMiddleware
from afresh.http.answers.families import Families, family_of
from afresh.http.asgi import asked_in


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("/cart/1", "/cart/2", True),
        ("/cart/ann", "/cart/bob/", True),
        ("/user/7/orders/1", "/user/8/orders/x", True),
        ("/user/ann/orders", "/user/bob/orders", False),
        ("/cart/1", "/tea/1", False),
        ("/", "/tea", True),
    ],
)
def test_what_is_alike(one, other, alike):
    assert (family_of(asked_in(scope_of(one))) == family_of(asked_in(scope_of(other)))) is alike


def test_hosts_and_those_who_say_who_they_are_are_apart():
    families = {
        family_of(asked_in(scope_of("/x", **each)))
        for each in ({}, {"host": "a.example"}, {"cookie": "a=1"}, {"method": "QUERY"})
    }
    assert len(families) == 4


def test_three_urls_make_it_likely_one_stored_ends_it_and_so_does_time(clock):
    families = Families(10.0, clock.now)
    for key in ("a", "b", "b", "a"):
        families.refused("f", key)
    assert "f" not in families
    families.refused("f", "c")
    assert "f" in families
    clock.advance(10)
    assert "f" not in families
    families.refused("f", "d")
    assert "f" in families
    families.kept("f")
    assert "f" not in families


class Kept(Application):
    """Says how many were in it at once."""

    def __init__(self, **headers):
        super().__init__(self.slow, **headers)
        self.inside = self.most = 0

    async def slow(self, scope, calls):
        self.inside += 1
        self.most = max(self.most, self.inside)
        for _ in range(20):  # whoever wants to come, has
            await asyncio.sleep(0)
        self.inside -= 1
        return 200, {"cache-control": self.headers["cache-control"]}, [b"x"]

    async def together(self, app, path):
        self.most, calls = 0, self.calls
        await asyncio.gather(*[ask(app, path) for _ in range(5)])
        return self.most, self.calls - calls


def test_nobody_waits_for_a_new_url_of_a_kind_that_nobody_could_share(cache):
    inner = Kept(cache_control="private")
    app = CacheMiddleware(inner, cache=cache)

    async def visits():
        first = [await inner.together(app, f"/cart/{number}") for number in range(4)]
        inner.headers["cache-control"] = "max-age=60"
        stored = [await inner.together(app, f"/cart/{number}") for number in (10, 11)]
        return first, stored

    first, stored = asyncio.run(visits())
    assert first == [(4, 5), (4, 5), (4, 5), (5, 5)], (
        "of the first three URLs one goes ahead, of the fourth none"
    )
    assert stored == [(5, 5), (1, 1)], "one was stored: they wait for one another again"


def test_an_application_in_trouble_makes_no_kind(cache):
    inner = Kept(cache_control="max-age=60")
    app = CacheMiddleware(inner, cache=cache)
    good = inner.view

    async def visits():
        inner.view = lambda scope, calls: (503, {}, [b"later"])
        for number in range(9):
            await ask(app, f"/tea/{number}")
        inner.view = good
        return await inner.together(app, "/tea/10")

    assert asyncio.run(visits()) == (1, 1)
