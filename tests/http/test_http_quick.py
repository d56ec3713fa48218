"""The short way of a hit answers as the whole way does, or not at all."""

from __future__ import annotations

import asyncio
import random

import pytest
from http_world import Application, ask

from afresh import Cache, tag
from afresh.asgi import CacheMiddleware
from afresh.codecs.sealer import Sealer
from afresh.http.hits.quick import Quick, Ready
from afresh.http.holes import hole
from afresh.http.pages.page import Page
from afresh.testing.clock import FakeClock
from sizes import seed, size

HEADERS = {
    "accept_language": ["de", "en"],
    "cookie": ["a=1", "b=2"],
    "authorization": ["Basic eDp5"],
    "cache_control": ["no-cache", "max-age=5", "only-if-cached", "no-store"],
    "if_none_match": ['"x"', "*"],
    "range": ["bytes=0-0"],
    "x_forwarded_host": ["evil.example"],
    "x_http_method_override": ["DELETE"],
    "content_length": ["0", "3"],
    "user_agent": ["a"],
}
ANSWERS = [
    {"cache-control": "max-age=10"},
    {"cache-control": "public, max-age=10"},
    {"cache-control": "max-age=10, stale-while-revalidate=5"},
    {"cache-control": "max-age=10", "vary": "accept-language"},
    {"cache-control": "max-age=10", "vary": "cookie, accept-language"},
    {"cache-control": "no-cache", "etag": '"x"'},
    {"cache-control": "private"},
    {"cache-control": "max-age=10", "set-cookie": "a=1"},
]


class Twice:
    """Two middlewares alike, one without the short way."""

    def __init__(self, cache_of, monkeypatch, **options):
        self.caches = [cache_of(), cache_of()]
        self.tagged = [
            CacheMiddleware(Application(self.view(cache)), cache=cache, **options) for cache in self.caches
        ]
        self.taken = 0
        find = Quick.find

        def counted(quick, *asked):
            ready = find(quick, *asked) if quick is self.tagged[0]._quick else None
            self.taken += ready is not None
            return ready

        monkeypatch.setattr(Quick, "find", counted)

    @staticmethod
    def view(cache):
        def answered(scope, calls):
            cache.depends_on(tag(scope["path"]))
            headers = dict(scope["headers"])
            seen = [headers.get(name, b"") for name in (b"accept-language", b"cookie", b"x-forwarded-host")]
            return 200, ANSWERS[int(scope["path"][1:])], [b"%d " % calls, b",".join(seen)]

        return answered


def named(hit):
    hit.add("x-hit", f"{hit.request.path.decode()} {hit.status} {hit.client}")
    if hit.request.fields.get(b"user-agent"):
        hit.refuse("a robot")


def again(hit):
    return None if hit.request.fields.get(b"cookie") is None else "a=2"


@pytest.mark.parametrize(
    ("backend", "options"),
    [
        ("memory", {}),
        ("file", {}),
        ("memory", {"always": [named]}),
        ("memory", {"set_again": {"a": again}}),
    ],
)
def test_both_ways_answer_alike(monkeypatch, tmp_path, backend, options):
    clock, chance = FakeClock(1_800_000_000.0), random.Random(seed())
    urls = iter(("memory://",) * 2 if backend == "memory" else [f"sqlite:///{tmp_path}/{n}.db" for n in "ab"])
    twice = Twice(lambda: Cache(next(urls), clock=clock), monkeypatch, **options)

    async def visits():
        for _ in range(size(3_000 if not options else 1_500, 100_000)):
            path = f"/{chance.randrange(len(ANSWERS))}"
            roll = chance.random()
            if roll < 0.02:
                clock.advance(chance.choice([1, 4, 11]))
            elif roll < 0.04:
                for cache in twice.caches:
                    cache.invalidate(tag(path))
            names = chance.sample(list(HEADERS), chance.choice([0, 0, 1, 2]))
            asked = {name: chance.choice(HEADERS[name]) for name in names}
            method = chance.choices(["GET", "HEAD", "POST"], [20, 1, 1])[0]
            quick, whole = [await ask(app, path, method=method, **asked) for app in twice.tagged]
            assert quick == whole, (path, method, asked)
            await asyncio.sleep(0)

    asyncio.run(visits())
    for cache in twice.caches:
        cache.close()
    assert twice.taken > size(150, 10_000)


def test_what_comes_after_may_change_the_headers():
    with Cache("memory://") as cache:
        app = CacheMiddleware(Application(cache_control="max-age=60"), cache=cache)

        async def visits():
            for _ in range(4):
                answered = await ask(app)
                answered.headers.append((b"x-mine", b"1"))
                assert answered.get("x-mine") == "1"

        asyncio.run(visits())


@pytest.mark.parametrize("backend", ["memory", "file"])
def test_by_the_real_clock_a_hit_compares_and_misses_nothing(tmp_path, monkeypatch, backend):
    """With a test's clock every hit is looked at closely; here most are not."""
    url = "memory://" if backend == "memory" else f"sqlite:///{tmp_path}/cache.db"
    with Cache(url) as cache:
        closely = []
        recall = cache._engine.recall
        monkeypatch.setattr(cache._engine, "recall", lambda entry: closely.append(1) or recall(entry))

        def view(scope, calls):
            cache.depends_on(tag("menu"))
            return 200, {}, [b"%d" % calls]

        inner = Application(view, cache_control="max-age=60")
        app = CacheMiddleware(inner, cache=cache)

        async def visits():
            for expected in range(1, 101):
                cache._engine.tick()  # as its thread does, if the machine lets it
                for _ in range(20):
                    assert (await ask(app)).text == str(expected)
                cache.invalidate(tag("menu"))

        asyncio.run(visits())
        assert inner.calls == 100
        assert len(closely) < 1_000
        assert sum(each.hits for each in cache.stats().sites if each.name == "page") >= 1_800


def test_a_hit_on_a_page_that_is_just_being_stored_keeps_nobody_else_from_it(tmp_path, monkeypatch):
    seal = Sealer.seal

    def hit_first(sealer, value, *arguments, **more):
        if isinstance(value, Page):
            value.ready = Ready(0.0, 1.0, 200, [], b"", True, "key")
        return seal(sealer, value, *arguments, **more)

    monkeypatch.setattr(Sealer, "seal", hit_first)
    url = f"sqlite:///{tmp_path / 'cache'}"
    with Cache(url) as one, Cache(url) as other:
        inner = Application(lambda scope, calls: (200, {"cache-control": "max-age=60"}, [b"%d" % calls]))
        for cache in (one, other, other):
            assert asyncio.run(ask(CacheMiddleware(inner, cache=cache))).text == "1"


def test_whatever_comes_to_the_place_of_a_page_is_asked_who_may_have_it():
    """The short way was learned for a plain page; then the same URL has one with holes, a closed one, several."""
    kind = ["plain"]
    views = {
        "plain": lambda: (200, {"cache-control": "public, max-age=60"}, [b"plain"]),
        "holes": lambda: (200, {"cache-control": "public, max-age=60"}, [hole("name", str).encode()]),
        "closed": lambda: (200, {"cache-control": "max-age=60"}, [b"closed"]),
        "several": lambda: (200, {"cache-control": "max-age=60", "vary": "accept-language"}, [b"several"]),
    }

    def view(scope, calls):
        cache.depends_on(tag("kind"))
        return views[kind[0]]()

    async def visits():
        for each in ("plain", "holes", "plain", "closed", "plain", "several", "plain", "holes"):
            kind[0] = each
            cache.invalidate(tag("kind"))
            calls = inner.calls
            got = [await ask(app, **asked) for asked in [{}, {}, {"cookie": "id=1"}, {"cookie": "id=1"}] * 2]
            assert {one.text for one in got} == {"filled" if each == "holes" else each}
            assert all(one.hit for one in got[1:2])
            if each in {"closed", "several"}:
                assert inner.calls == calls + 5, "who says who he is gets what is open to all, and no other"

    with Cache("memory://") as cache:
        inner = Application(view)
        app = CacheMiddleware(inner, cache=cache, holes={"name": lambda scope: "filled"})
        asyncio.run(visits())
