"""Pages published to memcached: nginx serves them with Python stopped, and what is marked is taken away."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from edges import nginx
from origin import ask
from publishing_stage import HTML, published, stage

from afresh import Cache
from afresh.edge.port import EVERYTHING, Purge, Undelivered
from afresh.edge.published import Published, Publishing, PublishMiddleware
from afresh.edge.published.index import Index
from afresh.edge.published.pages import key_of
from afresh.testing.servers import MemcachedServer
from afresh.testing.servers.process import wait_until
from sizes import size


def test_an_entry_stands_until_exactly_it_is_removed(tmp_path: Path) -> None:
    with closing(Index(tmp_path / "index")) as index, closing(Index(tmp_path / "index")) as other:
        first = index.enter(b"k", ["a", "b"], 100.0)
        assert other.named("a") == [(b"k", first)]
        second = other.enter(b"k", ["b", "c"], 100.0)
        assert index.named("a") == []
        index.remove([(b"k", first)])
        assert index.stands(b"k", second)
        assert index.named("c") == index.entry(b"k") == index.everything() == [(b"k", second)]
        assert index.expired(100.0) == []
        assert index.expired(1000.0) == [(b"k", second)]


def test_what_has_expired_is_found_without_a_look_at_all_pages(tmp_path: Path) -> None:
    """Each purge asks for it: among 100,000 pages that took 30 ms."""
    with closing(Index(tmp_path / "index")) as index:
        plan = index._database.execute("EXPLAIN QUERY PLAN SELECT key, version FROM page WHERE expires < 1")
        assert "page_expires" in str(plan.fetchall())


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://a.example/x?y=1", b"page:https://a.example/x?y=1"),
        ("http://a:8000/%20b", b"page:http://a:8000/%2520b"),
        ("http://a/" + "x" * 300, None),
    ],
)
def test_keys_are_those_of_nginx(url: str, key: bytes | None) -> None:
    assert key_of("page:", url) == key


@pytest.mark.parametrize(
    ("status", "fields", "reason"),
    [
        (200, [(b"cache-control", b"s-maxage=9"), HTML], ""),
        (
            200,
            [(b"cache-control", b"s-maxage=9"), HTML, (b"vary", b"Accept-Encoding"), (b"etag", b'"x"')],
            "",
        ),
        (
            200,
            [(b"cache-control", b"s-maxage=9"), HTML, (b"surrogate-key", b"a"), (b"x-afresh-stamp", b"1")],
            "",
        ),
        (404, [(b"cache-control", b"s-maxage=9"), HTML], "status"),
        (200, [HTML], "may keep"),
        (200, [(b"cache-control", b"s-maxage=9, private"), HTML], "may keep"),
        (200, [(b"cache-control", b"s-maxage=9"), HTML, (b"set-cookie", b"a=b")], "may keep"),
        (
            200,
            [(b"cache-control", b"s-maxage=9"), HTML, (b"x-frame-options", b"DENY")],
            "without its x-frame-options",
        ),
        (
            200,
            [(b"cache-control", b"s-maxage=9"), HTML, (b"content-encoding", b"gzip")],
            "without its content-enc",
        ),
        (200, [(b"cache-control", b"s-maxage=9"), HTML, (b"vary", b"Cookie")], "without its vary"),
        (
            200,
            [(b"cache-control", b"s-maxage=9"), (b"content-type", b"image/png")],
            "without its content-type",
        ),
        (200, [(b"cache-control", b"s-maxage=9")], "with a content-type"),
    ],
)
def test_what_nginx_would_serve_otherwise_is_not_published(
    tmp_path: Path, status: int, fields: list[tuple[bytes, bytes]], reason: str
) -> None:
    with (
        Cache("memory://") as cache,
        closing(Publishing(cache, "127.0.0.1:9", tmp_path / "index")) as publishing,
    ):
        refused = publishing.refusal(status, fields)
    assert (reason in refused) if reason else not refused


def test_fields_that_nginx_adds_are_no_obstacle(tmp_path: Path) -> None:
    fields = [(b"cache-control", b"s-maxage=9"), HTML, (b"X-Frame-Options", b"DENY")]
    headers = [("X-Frame-Options", "DENY")]
    with (
        Cache("memory://") as cache,
        closing(Publishing(cache, "127.0.0.1:9", tmp_path / "index", headers=headers)) as publishing,
    ):
        assert not publishing.refusal(200, fields)
        assert "x-frame-options that it hasn't" in publishing.refusal(200, fields[:2])


@pytest.mark.parametrize(
    ("fields", "published"),
    [
        ({}, 1),
        ({b"accept": b"text/html", b"x-forwarded-for": b"192.0.2.1", b"x-forwarded-proto": b"http"}, 1),
        ({b"content-length": b"0"}, 1),
        ({b"content-length": b"5"}, 0),
        ({b"transfer-encoding": b"chunked"}, 0),
        ({b"cookie": b"a=b"}, 0),
        ({b"range": b"bytes=0-1"}, 0),
        ({b"x-forwarded-proto": b"https"}, 0),
        ({b"x-forwarded-host": b"evil"}, 0),
        ({b"x-http-method-override": b"POST"}, 0),
    ],
)
def test_what_may_be_another_s_page_is_not_published(
    tmp_path: Path, fields: dict[bytes, bytes], published: int
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        said = [(b"cache-control", b"s-maxage=9"), HTML]
        await send({"type": "http.response.start", "status": 200, "headers": said})
        await send({"type": "http.response.body", "body": b"x"})

    async def send(message: Any) -> None:
        """Nobody hears it."""

    scope = {
        "type": "http", "method": "GET", "scheme": "http", "path": "/", "raw_path": b"/", "query_string": b"",
        "headers": [(b"host", b"shop.example"), *fields.items()],
    }  # fmt: skip
    with (
        Cache("memory://") as cache,
        closing(Publishing(cache, "127.0.0.1:9", tmp_path / "index")) as publishing,
        closing(PublishMiddleware(app, cache, publishing)) as middleware,
    ):
        asyncio.run(middleware(scope, None, send))  # type: ignore[arg-type]
    assert publishing.refused.total() == published, "nobody is there to take it"


@pytest.mark.servers
def test_pages_are_served_with_python_stopped_and_taken_away_when_they_change(tmp_path: Path) -> None:
    with stage(tmp_path) as on:
        for path in ("/a", "/b", "/c?x=%20y"):
            ask(on.port, path)
            wait_until(lambda path=path: published(on.port, path), "a published page")
        got = ask(on.port, "/a")
        assert (got.status, got.body, got.fields["content-type"]) == (
            200,
            b"row 0",
            "text/html; charset=utf-8",
        )
        assert got.fields["cache-control"] == "no-cache"
        assert not published(on.port, "/a", Cookie="session=1")
        assert not published(on.port, "/a", Authorization="Basic x")
        on.change("/a")
        assert on.follower.settled(5)
        assert ask(on.port, "/a").body == b"row 1"
        assert published(on.port, "/b")


@pytest.mark.servers
def test_nginx_serves_alone_while_the_application_is_gone(tmp_path: Path) -> None:
    with (
        Cache("memory://") as cache,
        MemcachedServer(tmp_path / "m") as memcached,
        closing(Publishing(cache, memcached.address, tmp_path / "index")) as publishing,
        closing(Published(memcached.address, tmp_path / "index")) as edge,
        nginx(tmp_path, 9, mode="memcached", memcached=memcached.address) as front,
    ):
        made_of = frozenset([1]), cache._engine.ledger.position()
        publishing.publish(front.url("/alone"), b"published", 60, *made_of)
        assert ask(front.port, "/alone").body == b"published"
        assert ask(front.port, "/other").status == 502
        edge.purge([Purge("url", front.url("/alone"))])
        assert ask(front.port, "/alone").status == 502
        publishing.publish(front.url("/alone"), b"again", 60, *made_of)
        assert ask(front.port, "/alone").body == b"again"
        edge.purge([EVERYTHING])
        assert ask(front.port, "/alone").status == 502
        publishing.publish(front.url("/alone"), b"more", 60, *made_of)
        memcached.kill()
        with pytest.raises(Undelivered):
            edge.purge([EVERYTHING])


@pytest.mark.servers
@pytest.mark.slow
def test_nothing_stale_stays_published(tmp_path: Path) -> None:
    trials, at_once = size(50, 1000), 50
    chance = random.Random(6)
    with stage(tmp_path) as on:

        def one(path: str) -> None:
            asking = threading.Thread(target=ask, args=(on.port, path))
            asking.start()
            time.sleep(chance.uniform(0, 0.25))
            on.change(path)
            asking.join()

        stale: list[str] = []
        for begin in range(0, trials, at_once):
            paths = [f"/slow-{number}" for number in range(begin, begin + at_once)]
            threads = [threading.Thread(target=one, args=(path,)) for path in paths]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert on.follower.settled(10)
            with ThreadPoolExecutor(16) as pool:
                bodies = list(pool.map(lambda path: ask(on.port, path).body, paths))
                list(pool.map(lambda path: wait_until(lambda: published(on.port, path), "a page"), paths))
            stale += [
                path for path, body in zip(paths, bodies, strict=True) if body != b"row %d" % on.rows[path]
            ]
        assert stale == []
        assert on.publishing.refused["invalidated while it was made"] > 0


@pytest.mark.servers
def test_whoever_makes_up_addresses_fills_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        Cache("memory://") as cache,
        MemcachedServer(tmp_path / "m") as memcached,
        closing(Publishing(cache, memcached.address, tmp_path / "index", most=20)) as publishing,
        closing(Index(tmp_path / "index")) as index,
    ):
        for number in range(40):
            publishing.publish(f"http://x/?{number}", b"x", 60, frozenset([1]), 0)
        assert index.count() == 20
        assert publishing.refused["there are too many"] == 20
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 3600)
        publishing.publish("http://x/later", b"x", 60, frozenset([1]), 0)
        assert index.count() == 1
