"""The short way for pages that depend on a cookie: as the whole way answers, and never another's."""

from __future__ import annotations

import asyncio
import random

import pytest
from http_world import ask
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from afresh import Cache, tag
from afresh.http.hits.quick import Quick
from afresh.http.starlette import CacheMiddleware
from afresh.testing.clock import FakeClock
from sizes import seed, size

COOKIES = ["", "person=anna", "person=ben", "theme=dark; person=anna", "person=ben; theme=dark", "theme=dark"]


def view(cache):
    """`/0` reads nothing, `/1` who asks, `/2` the theme of those who say who they are, `/3` a header first."""

    def answered(request):
        cache.depends_on(tag(request.url.path))
        cookies, read = request.cookies, []
        if request.url.path == "/3":
            read.append(request.headers.get("x-flag", ""))
        if request.url.path in "/1/2" or read == ["on"]:
            read.append(cookies.get("person", ""))
        if request.url.path == "/2" and read[0]:
            read.append(cookies.get("theme", ""))
        return PlainTextResponse(" ".join(["read", *read]))

    return answered


def built(cache):
    return CacheMiddleware(Starlette(routes=[Route("/{page}", view(cache))]), cache, auto=10)


def right(path, cookie="", flag=""):
    """What a visitor has to see."""
    sent = dict(each.split("=") for each in cookie.split("; ") if each)
    person, theme = sent.get("person", ""), sent.get("theme", "")
    shown = {"/0": [], "/1": [person], "/2": [person, theme] if person else [""], "/3": [flag]}[path]
    return " ".join(["read", *shown, *([person] if path == "/3" and flag == "on" else [])])


def _plain(answered):
    """The order of fields with different names says nothing."""
    return answered._replace(headers=sorted(answered.headers))


@pytest.mark.parametrize("backend", ["memory", "file"])
def test_both_ways_answer_alike(monkeypatch, tmp_path, backend):
    clock, chance = FakeClock(1_800_000_000.0), random.Random(seed())
    urls = ["memory://"] * 2 if backend == "memory" else [f"sqlite:///{tmp_path}/{name}.db" for name in "ab"]
    caches = [Cache(url, clock=clock) for url in urls]
    quick, whole = map(built, caches)
    taken, find = [], Quick.find

    def counted(short, *asked):
        ready = find(short, *asked) if short is quick._quick else None
        if ready is not None:
            taken.append(asked[1])
        return ready

    monkeypatch.setattr(Quick, "find", counted)

    async def visits():
        for _ in range(size(1_500, 100_000)):
            path, roll = f"/{chance.randrange(4)}", chance.random()
            if roll < 0.02:
                clock.advance(chance.choice([1, 4, 11]))
            elif roll < 0.04:
                for cache in caches:
                    cache.invalidate(tag(path))
            cookie, flag = chance.choice(COOKIES), chance.choice(["", "on", "off"])
            fields = {name: value for name, value in (("cookie", cookie), ("x_flag", flag)) if value}
            if chance.random() < 0.1:
                fields["authorization"] = "Basic eDp5"
            answers = [await ask(app, path, **fields) for app in (quick, whole)]
            assert _plain(answers[0]) == _plain(answers[1]), (path, fields)
            assert answers[0].text == right(path, cookie, flag), fields

    asyncio.run(visits())
    for cache in caches:
        cache.close()
    assert len(taken) > size(900, 60_000)


def test_who_sends_the_same_is_answered_the_short_way_and_others_are_not(monkeypatch):
    with Cache("memory://") as cache:
        app, taken, find = built(cache), [], Quick.find

        def counted(short, *asked):
            ready = find(short, *asked)
            taken.append(ready is not None)
            return ready

        monkeypatch.setattr(Quick, "find", counted)

        async def visits(*cookies):
            taken.clear()
            texts = [(await ask(app, "/1", cookie=each)).text for each in cookies]
            return texts, list(taken)

        asyncio.run(visits("person=anna", "person=anna"))
        assert asyncio.run(visits("person=anna", "person=ben", "x=1; person=anna")) == (
            ["read anna", "read ben", "read anna"],
            [True, False, False],
        )
        assert asyncio.run(visits("x=1; person=anna"))[1] == [True]
