"""Published pages in trouble: memcached hangs or is gone, the clock leaps."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest
from edges import nginx
from origin import ask
from publishing_stage import stage

from afresh import Cache
from afresh.edge.keys import page_tag
from afresh.edge.port import Purge, Undelivered
from afresh.edge.published import Published, Publishing
from afresh.edge.published.index import Index
from afresh.edge.published.pages import Pages, key_of
from afresh.testing.servers import MemcachedServer
from afresh.testing.servers.process import wait_until


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
