"""Several workers of one machine: one run among them all, and what one drops is dropped in all."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import ExitStack

import pytest
from http_world import Application, ask
from test_http_wsgi import Application as WsgiApplication
from test_http_wsgi import ask as ask_wsgi

from afresh import Cache, tag
from afresh.asgi import CacheMiddleware
from afresh.testing.servers import RedisServer
from afresh.wsgi import CacheMiddleware as WsgiMiddleware
from sizes import size


@pytest.fixture
def workers(tmp_path):
    """Two caches over one folder are to each other what two processes are."""
    url = f"sqlite:///{tmp_path / 'cache.sqlite3'}"
    with Cache(url) as one, Cache(url) as other:
        yield one, other


def test_what_one_stored_another_serves_and_drops(workers):
    def view(scope, calls):
        for cache in workers:
            cache.depends_on(tag("menu"))
        return 200, {"vary": "accept-language", "x-kept": "1"}, [b"%d" % calls]

    inner = Application(view, cache_control="max-age=60")
    one, other = [CacheMiddleware(inner, cache=cache) for cache in workers]
    assert asyncio.run(ask(one, accept_language="de")).text == "1"
    second = asyncio.run(ask(other, accept_language="de"))
    assert (second.text, second.hit, second.get("x-kept")) == ("1", True, "1")
    assert asyncio.run(ask(other, accept_language="en")).text == "2"
    workers[0].invalidate(tag("menu"))
    assert asyncio.run(ask(other, accept_language="de")).text == "3"
    assert asyncio.run(ask(one, accept_language="de")).text == "3"
    assert asyncio.run(ask(one, method="POST")).text == "4"
    assert asyncio.run(ask(other, accept_language="de")).text == "5"


def test_they_run_the_application_once(workers):
    running, go = threading.Event(), threading.Event()

    def content(calls):
        running.set()
        go.wait(20)
        return [b"%d" % calls]

    inner = WsgiApplication("list", content, Cache_Control="max-age=60")
    apps = [WsgiMiddleware(inner, cache=cache) for cache in workers for _ in range(4)]
    answered = []
    threads = [
        threading.Thread(target=lambda app=app: answered.append(ask_wsgi(app, checked=False).text))
        for app in apps
    ]
    for thread in threads:
        thread.start()
    assert running.wait(20)
    go.set()
    for thread in threads:
        thread.join(20)
    assert answered == ["1"] * 8
    assert inner.calls == 1


def test_nobody_elsewhere_waits_for_what_nobody_can_share(workers):
    heard, go = threading.Event(), threading.Event()

    def content(calls):
        if calls == 1:
            yield b"begun"
            heard.set()
            go.wait(20)
        yield b"ended"

    inner = WsgiApplication("generator", content, Cache_Control="private")
    one, other = [WsgiMiddleware(inner, cache=cache) for cache in workers]
    slow = threading.Thread(target=lambda: ask_wsgi(one, checked=False))
    slow.start()
    assert heard.wait(20)
    assert ask_wsgi(other, checked=False).text == "ended"  # the first has not ended
    go.set()
    slow.join(20)


@pytest.mark.servers
@pytest.mark.parametrize("consistency", ["bounded", "strict"])
def test_pages_on_redis(tmp_path, consistency):
    with ExitStack() as opened:
        server = opened.enter_context(RedisServer(tmp_path))
        one, other = [opened.enter_context(Cache(server.url, consistency=consistency)) for _ in range(2)]

        def view(scope, calls):
            one.depends_on(tag("menu"))
            other.depends_on(tag("menu"))
            return 200, {"vary": "accept-language"}, [b"%d" % calls]

        inner = Application(view, cache_control="max-age=60")
        apps = [CacheMiddleware(inner, cache=cache) for cache in (one, other)]

        async def visits():
            for expected in ("1", "2", "3"):
                for app in (*apps, *apps):
                    assert (await ask(app, accept_language="de")).text == expected
                await one.aio.invalidate(tag("menu"))
            server.kill()
            return [(await ask(app, accept_language="de")).text for app in apps]

        assert asyncio.run(visits()) == ["4", "5"]


@pytest.mark.slow
def test_no_reader_gets_less_than_what_was_written_before_he_asked(workers):
    """Threads of two workers read while others write: a page is never older than its request."""
    written = [0]

    def content(calls):
        for cache in workers:
            cache.depends_on(tag("number"))
        number = written[0]
        time.sleep(0.0005)  # a page takes a while, in which it may become untrue
        return [b"%d" % number]

    inner = WsgiApplication("list", content, Cache_Control="max-age=60")
    apps = [WsgiMiddleware(inner, cache=cache) for cache in workers]
    asked, end = [0], time.monotonic() + size(1.5, 60.0)
    trouble = []

    def read(app):
        while time.monotonic() < end and not trouble:
            least = acknowledged[0]
            got = int(ask_wsgi(app, checked=False).text)
            asked[0] += 1
            if got < least:
                trouble.append((got, least))

    acknowledged = [0]

    def write():
        while time.monotonic() < end and not trouble:
            written[0] += 1
            workers[written[0] % 2].invalidate(tag("number"))
            acknowledged[0] = written[0]
            time.sleep(0.002)

    threads = [threading.Thread(target=read, args=(app,)) for app in apps * 3]
    threads.append(threading.Thread(target=write))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not trouble
    assert inner.calls < asked[0], "it is a cache"
