"""Pages published to memcached: nginx serves them with Python stopped, and what is marked is taken away."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from edges import nginx, running
from origin import ask

from afresh import Cache, tag
from afresh.edge.follow import Follower
from afresh.edge.keys import page_tag
from afresh.edge.port import EVERYTHING, Purge, Undelivered
from afresh.edge.published import Published, Publishing, PublishMiddleware
from afresh.edge.published.index import Index
from afresh.edge.published.pages import Pages, key_of
from afresh.testing.servers import MemcachedServer
from afresh.testing.servers.process import wait_until
from sizes import size

HTML = (b"content-type", b"text/html; charset=utf-8")


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


class Stage(NamedTuple):
    """All that publishing needs, running."""

    port: int
    rows: dict[str, int]
    cache: Cache
    follower: Follower
    publishing: Publishing
    memcached: MemcachedServer
    behind: Any

    def change(self, path: str) -> None:
        self.rows[path] = self.rows.get(path, 0) + 1
        self.cache.invalidate(tag(path))


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    chance, rows = random.Random(5), {}

    with (
        Cache(f"sqlite:///{folder}/cache") as cache,
        MemcachedServer(folder / "memcached") as memcached,
        closing(Publishing(cache, memcached.address, folder / "index")) as publishing,
    ):

        async def site(scope: Any, receive: Any, send: Any) -> None:
            cache.depends_on(tag(scope["path"]))
            row = rows.get(scope["path"], 0)
            if scope["path"].startswith("/slow"):
                await asyncio.sleep(chance.uniform(0, 0.2))
            body = b"row %d" % row
            fields = [(b"cache-control", b"s-maxage=600"), HTML, (b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": 200, "headers": fields})
            await send({"type": "http.response.body", "body": body})

        edge = Published(memcached.address, folder / "index")
        with (
            closing(PublishMiddleware(site, cache, publishing)) as middleware,
            running(middleware) as behind,
            nginx(folder, behind, mode="memcached", memcached=memcached.address) as front,
            Follower(cache, [edge], folder=folder / "edges") as follower,
        ):
            assert follower.settled(10)
            yield Stage(front.port, rows, cache, follower, publishing, memcached, middleware)


def published(port: int, path: str, **fields: str) -> bool:
    return "published" in ask(port, path, fields=fields).fields.get("cache-status", "")


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


@pytest.mark.servers
def test_no_page_stays_without_its_entry_when_the_clock_leaps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        Cache("memory://") as cache,
        MemcachedServer(tmp_path / "m") as memcached,
        closing(Publishing(cache, memcached.address, tmp_path / "index")) as publishing,
        closing(Published(memcached.address, tmp_path / "index")) as edge,
        nginx(tmp_path, 9, mode="memcached", memcached=memcached.address) as front,
    ):
        publishing.publish(front.url("/a"), b"page", 60, frozenset([1]), cache._engine.ledger.position())
        assert ask(front.port, "/a").body == b"page"
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 3600)
        edge.purge([Purge("key", "another")])
        monkeypatch.undo()
        edge.purge([Purge("url", front.url("/a"))])
        assert ask(front.port, "/a").status == 502


@pytest.mark.servers
def test_a_memcached_that_hangs_is_left_alone_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afresh.edge.published.middleware._REST", 600.0)
    with stage(tmp_path) as on:
        asked: list[bytes] = []
        pages = on.publishing._pages
        put = pages.put
        on.publishing._pages.put = lambda key, *more: (asked.append(key), put(key, *more))  # type: ignore[method-assign]
        on.memcached.pause()
        for number in range(5):
            assert ask(on.port, f"/{number}").body == b"row 0"
        wait_until(lambda: on.publishing.refused["memcached doesn't take it"] == 5, "five pages")
        assert len(asked) == 1
        on.memcached.resume()


@pytest.mark.servers
def test_what_a_memcached_may_take_late_is_taken_away_twice(tmp_path: Path) -> None:
    with (
        Cache("memory://") as cache,
        MemcachedServer(tmp_path / "m") as memcached,
        closing(Publishing(cache, memcached.address, tmp_path / "index")) as publishing,
        closing(Published(memcached.address, tmp_path / "index")) as edge,
        closing(Pages(memcached.address)) as late,
        nginx(tmp_path, 9, mode="memcached", memcached=memcached.address) as front,
    ):
        url, made_of = front.url("/a"), (frozenset([1]), cache._engine.ledger.position())
        memcached.pause()
        with pytest.raises(Undelivered):
            publishing.publish(url, b"page", 60, *made_of)
        memcached.resume()
        with pytest.raises(Undelivered, match="once more"):
            edge.purge([Purge("url", url)])
        late.put(key_of("page:", url) or b"", b"page", 60)  # what was still on its way
        edge._dropped = dict.fromkeys(edge._dropped, 0.0)
        edge.purge([Purge("url", url)])
        assert ask(front.port, "/a").status == 502
        with closing(Index(tmp_path / "index")) as index:
            assert (index.count(), index.doubted()) == (0, set())


def test_a_page_that_can_not_be_taken_away_by_its_publisher_is_announced(tmp_path: Path) -> None:
    """It was purged between its entry and its arrival, and then memcached is away."""
    with (
        Cache("memory://") as cache,
        closing(Publishing(cache, "127.0.0.1:9", tmp_path / "index")) as publishing,
        closing(Index(tmp_path / "index")) as index,
    ):
        since = cache._engine.ledger.position()

        def purged_meanwhile(key: bytes, body: bytes, seconds: int) -> None:
            index.remove(index.everything())

        publishing._pages.put = purged_meanwhile  # type: ignore[method-assign]
        with pytest.raises(Undelivered):
            publishing.publish("http://x/", b"page", 60, frozenset([1]), since)
        assert page_tag("http://x/") in cache._engine.ledger.marks(since)[1]  # type: ignore[attr-defined]
        assert (index.count(), len(index.doubted())) == (1, 1)


@pytest.mark.servers
def test_a_page_that_a_hanging_memcached_takes_late_does_not_stay(tmp_path: Path) -> None:
    with stage(tmp_path) as on:
        on.memcached.pause()
        assert ask(on.port, "/a").body == b"row 0"
        wait_until(lambda: on.publishing.refused["memcached doesn't take it"] == 1, "a page in its buffer")
        on.change("/a")
        on.memcached.resume()
        assert on.follower.settled(20)
        assert ask(on.port, "/a").body == b"row 1"


@pytest.mark.servers
def test_a_memcached_that_comes_back_is_used_again(tmp_path: Path) -> None:
    with MemcachedServer(tmp_path) as server, closing(Pages(server.address)) as pages:
        pages.put(b"k", b"body", 60)
        server.kill()
        with pytest.raises(Undelivered):
            pages.put(b"k", b"body", 60)
        server.start()
        pages.put(b"k", b"body", 60)
        pages.drop(b"k")
        pages.drop(b"k")
