"""The middleware around applications of a few lines: hits, misses, and what is never stored."""

from __future__ import annotations

import asyncio

import pytest
from http_world import Application, ask, scope_of

from afresh import Cache, tag
from afresh.asgi import CacheMiddleware
from afresh.errors import ConfigurationError

pytestmark = pytest.mark.filterwarnings("error")


def run(coroutine):
    return asyncio.run(coroutine)


def test_a_fresh_answer_is_given_again(cache, clock):
    app = CacheMiddleware(Application(cache_control="max-age=60"), cache=cache)
    first, second = run(ask(app)), run(ask(app))
    assert (first.text, first.get("cache-status")) == ("1", "afresh; fwd=uri-miss; stored")
    assert (second.text, second.get("cache-status")) == ("1", "afresh; hit; ttl=60")
    assert first.get("etag") == second.get("etag")
    clock.advance(59)
    assert run(ask(app)).get("age") == "59"
    clock.advance(1)
    assert run(ask(app)).text == "2"


def test_what_says_nothing_is_not_stored(cache):
    app = CacheMiddleware(Application(), cache=cache)
    assert [run(ask(app)).text for _ in range(3)] == ["1", "2", "3"]
    assert "detail=" in run(ask(app)).get("cache-status")


@pytest.mark.parametrize(
    "asked",
    [
        {"host": "other.example"},
        {"path": "/b"},
        {"path": "/%2F"},
        {"query": "x=1"},
        {"x_forwarded_host": "evil.example"},
        {"x_forwarded_proto": "http"},
        {"forwarded": "host=evil.example"},
    ],
)
def test_another_place_is_another_page(cache, asked):
    app = CacheMiddleware(Application(cache_control="max-age=60"), cache=cache)
    assert run(ask(app)).text == "1"
    assert run(ask(app, **asked)).text == "2"
    assert run(ask(app, **asked)).text == "2"
    assert run(ask(app)).text == "1"


def test_a_server_that_is_not_there_is_said_to_be_away():
    with Cache("redis://127.0.0.1:1/0") as away:
        app = CacheMiddleware(Application(cache_control="max-age=60"), cache=away)
        answers = [run(ask(app)) for _ in range(2)]
    assert [each.text for each in answers] == ["1", "2"]
    assert "detail=\"the cache's server doesn't answer\"" in answers[1].get("cache-status")


def test_what_it_was_made_from_changes(cache):
    def view(scope, calls):
        cache.depends_on(tag("menu"))
        return 200, {}, [b"menu %d" % calls]

    app = CacheMiddleware(Application(view, cache_control="max-age=60"), cache=cache)
    assert [run(ask(app)).text for _ in range(2)] == ["menu 1", "menu 1"]
    cache.invalidate(tag("menu"))
    assert [run(ask(app)).text for _ in range(2)] == ["menu 2", "menu 2"]
    cache.invalidate(tag("other"))
    assert run(ask(app)).text == "menu 2"


def test_what_changes_while_the_page_is_made_is_not_stored_by_anybody(cache):
    def view(scope, calls):
        cache.depends_on(tag("menu"))
        if calls == 1:
            cache.invalidate(tag("menu"))
        return 200, {}, [b"menu %d" % calls]

    app = CacheMiddleware(Application(view, cache_control="public, max-age=60"), cache=cache)
    first = run(ask(app))
    assert first.get("cache-control") == "no-store"
    assert "invalidated" in first.get("cache-status")
    second = run(ask(app))
    assert (second.text, second.get("cache-control")) == ("menu 2", "public, max-age=60")


def test_a_page_is_no_fresher_than_the_values_it_was_made_from(cache, clock):
    @cache.cached(ttl=10)
    def part():
        return clock.now()

    app = CacheMiddleware(
        Application(lambda scope, calls: (200, {}, [b"%d" % part()]), cache_control="max-age=60"), cache=cache
    )
    first = run(ask(app)).text
    clock.advance(9)
    assert run(ask(app)).text == first
    clock.advance(2)
    assert run(ask(app)).text != first


def test_fifty_at_once_are_one_run(cache):
    async def view(scope, calls):
        await asyncio.sleep(0)
        return 200, {}, [b"%d" % calls]

    inner = Application(view, cache_control="max-age=60")
    app = CacheMiddleware(inner, cache=cache)

    async def together():
        return await asyncio.gather(*[ask(app) for _ in range(50)])

    answers = run(together())
    assert {each.text for each in answers} == {"1"}
    assert inner.calls == 1


def test_who_waits_for_what_nobody_can_share_is_let_go_when_its_head_shows_it(cache):
    at_once, gate = [], asyncio.Event()

    async def last():
        at_once.append(1)
        if len(at_once) == 20:
            gate.set()
        await gate.wait()  # nobody's content ends before everybody's has begun
        return b"private"

    inner = Application(lambda scope, calls: (200, {}, [b"", last]), cache_control="private")
    app = CacheMiddleware(inner, cache=cache)

    async def together():
        return await asyncio.wait_for(asyncio.gather(*[ask(app) for _ in range(20)]), 20)

    assert len(run(together())) == inner.calls == 20


def test_a_url_that_was_not_shared_is_not_waited_for(cache, clock):
    running, most = 0, 0

    async def view(scope, calls):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return 200, {}, [b"x"]

    app = CacheMiddleware(Application(view, cache_control="no-store"), cache=cache)

    async def together():
        await ask(app)
        await asyncio.gather(*[ask(app) for _ in range(20)])

    run(together())
    assert most == 20


def test_a_leader_that_is_cancelled_hurts_nobody(cache):
    async def view(scope, calls):
        if calls == 1:
            await asyncio.Event().wait()
        return 200, {}, [b"%d" % calls]

    app = CacheMiddleware(Application(view, cache_control="max-age=60"), cache=cache)

    async def together():
        leader = asyncio.create_task(ask(app))
        await asyncio.sleep(0)
        others = [asyncio.create_task(ask(app)) for _ in range(5)]
        await asyncio.sleep(0.01)
        leader.cancel()
        return await asyncio.wait_for(asyncio.gather(*others), 20)

    assert {each.text for each in run(together())} == {"2"}


def test_an_exception_passes_unchanged_and_is_not_shared(cache):
    def view(scope, calls):
        if calls == 1:
            raise LookupError("no such thing")
        return 200, {}, [b"%d" % calls]

    app = CacheMiddleware(Application(view, cache_control="max-age=60"), cache=cache)
    with pytest.raises(LookupError, match="no such thing"):
        run(ask(app))
    assert run(ask(app)).text == "2"


def test_what_ends_too_early_is_not_stored(cache):
    def view(scope, calls):
        return 200, {"content-length": "10"}, [b"short"]

    app = CacheMiddleware(Application(view, cache_control="max-age=60"), cache=cache)
    run(ask(app))
    assert not run(ask(app)).hit


@pytest.mark.parametrize("length", [True, False])
def test_what_is_too_long_passes(cache, length):
    def view(scope, calls):
        headers = {"content-length": "30"} if length else {}
        return 200, headers, [b"x" * 10, b"y" * 10, b"z" * 10]

    app = CacheMiddleware(Application(view, cache_control="max-age=60"), cache=cache, max_body=25)
    for _ in range(2):
        answered = run(ask(app))
        assert answered.body == b"x" * 10 + b"y" * 10 + b"z" * 10
        assert not answered.hit


def test_a_stream_arrives_while_it_is_stored(cache):
    arrived, app = [], None

    async def second():
        arrived.append(len(arrived))
        return b"two"

    inner = Application(lambda scope, calls: (200, {}, [b"one ", second]), cache_control="max-age=60")
    app = CacheMiddleware(inner, cache=cache)

    async def together():
        sent = []

        async def send(message):
            sent.append((message["type"], len(arrived)))

        await app(scope_of(), None, send)
        return sent

    kinds = run(together())
    assert kinds[0] == ("http.response.start", 0)  # the head left before the second piece was made
    assert run(ask(app)).text == "one two"
    assert inner.calls == 1


def test_unsafe_methods_drop_what_they_changed(cache):
    inner = Application(cache_control="max-age=60")
    app = CacheMiddleware(inner, cache=cache)
    assert run(ask(app, "/a")).text == "1"
    assert run(ask(app, "/a", method="POST")).text == "2"
    assert run(ask(app, "/a")).text == "3"
    assert run(ask(app, "/a")).hit


def test_conditions_and_ranges_are_answered_from_the_cache(cache):
    app = CacheMiddleware(
        Application(lambda scope, calls: (200, {}, [b"0123456789"]), cache_control="max-age=60"), cache=cache
    )
    etag = run(ask(app)).get("etag")
    same = run(ask(app, if_none_match=etag))
    assert (same.status, same.body) == (304, b"")
    part = run(ask(app, range="bytes=2-4"))
    assert (part.status, part.text, part.get("content-range")) == (206, "234", "bytes 2-4/10")
    head = run(ask(app, method="HEAD"))
    assert (head.status, head.body, head.get("content-length")) == (200, b"", "10")


def test_a_condition_on_a_miss_is_answered_by_what_is_then_stored(cache):
    inner = Application(cache_control="max-age=60", etag='"a"')
    app = CacheMiddleware(inner, cache=cache)
    assert run(ask(app, if_none_match='"a"')).status == 304
    assert b"if-none-match" not in dict(inner.seen[0]["headers"])
    assert run(ask(app)).hit


def test_variants_of_a_url_are_bounded(cache):
    inner = Application(vary="accept-language", cache_control="max-age=60")
    app = CacheMiddleware(inner, cache=cache, variants=3)
    for _ in range(3):
        run(ask(app, accept_language="de"))
    for number in range(10):
        run(ask(app, accept_language=f"x{number}"))
    assert run(ask(app, accept_language="de")).hit
    assert sum(run(ask(app, accept_language=f"x{number}")).hit for number in range(10)) <= 2


def test_a_mode_of_off_asks_the_application(cache):
    app = CacheMiddleware(Application(cache_control="max-age=60"), cache=cache)
    run(ask(app))
    cache.mode = "off"
    assert run(ask(app)).text == "2"
    cache.mode = "on"
    assert run(ask(app)).text == "1"


def test_a_closed_cache_is_not_in_the_way(cache):
    app = CacheMiddleware(Application(cache_control="max-age=60"), cache=cache)
    cache.close()
    assert [run(ask(app)).text for _ in range(2)] == ["1", "2"]


def test_hosts_that_are_not_ours_are_the_applications(cache):
    app = CacheMiddleware(
        Application(cache_control="max-age=60"), cache=cache, hosts=["example.org", "*.example.org"]
    )
    assert [run(ask(app, host="evil.example")).text for _ in range(2)] == ["1", "2"]
    assert [run(ask(app, host="www.example.org:8000")).text for _ in range(2)] == ["3", "3"]
    assert [run(ask(app, host="")).text for _ in range(2)] == ["4", "5"]


@pytest.mark.parametrize("host", ["[::1]", "[::1]:8000", "LOCALHOST:8000", "localhost"])
def test_hosts_with_and_without_a_port(cache, host):
    app = CacheMiddleware(Application(cache_control="max-age=60"), cache=cache, hosts=["[::1]", "localhost"])
    assert [run(ask(app, host=host)).text for _ in range(2)] == ["1", "1"]


@pytest.mark.parametrize("host", ["", "http://localhost", "localhost:8000", "[::1]:8000", "a/b"])
def test_hosts_that_no_request_can_have(cache, host):
    with pytest.raises(ConfigurationError, match="name of a host"):
        CacheMiddleware(Application(), cache=cache, hosts=[host])


def test_other_scopes_pass(cache):
    seen = []

    async def inner(scope, receive, send):
        seen.append(scope["type"])

    app = CacheMiddleware(inner, cache=cache)
    run(app({"type": "websocket"}, None, None))
    run(app({"type": "lifespan"}, None, None))
    assert seen == ["websocket", "lifespan"]


@pytest.mark.parametrize(
    "options", [{"nothing": 1}, {"max_body": 0}, {"etag": 1}, {"hosts": "example.org"}, {"keep": "soon"}]
)
def test_options_that_make_no_sense(cache, options):
    with pytest.raises(ConfigurationError):
        CacheMiddleware(Application(), cache=cache, **options)


def test_nobody_waits_for_a_stream_of_events(cache):
    first, go = asyncio.Event(), asyncio.Event()

    async def events():
        first.set()
        await go.wait()
        return b"data: 2"

    def view(scope, calls):
        return 200, {"content-type": "text/event-stream"}, [b"data: 1", events] if calls == 1 else [b"end"]

    app = CacheMiddleware(Application(view, cache_control="max-age=60"), cache=cache)

    async def visits():
        listener = asyncio.create_task(ask(app))
        await first.wait()
        second = await asyncio.wait_for(ask(app), 5)
        go.set()
        return second.text, (await listener).text

    assert run(visits()) == ("end", "data: 1data: 2")
