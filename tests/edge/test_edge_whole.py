"""A row is changed by psql: memory, the shared store, Varnish, nginx and the published page all have the new one.

How soon is for `bench.edge_freshness`; here, that they do, with no repeat of a purge to help.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from edges import nginx, running, varnish
from origin import ask

from afresh import Cache
from afresh.asgi import CacheMiddleware
from afresh.db import Database, dbapi
from afresh.db.watch import Watcher
from afresh.edge.asgi import OutwardMiddleware
from afresh.edge.follow import Follower
from afresh.edge.published import Published, Publishing, PublishMiddleware
from afresh.http.serve import Protocol
from afresh.testing.servers import MemcachedServer, PostgresServer, RedisServer
from afresh.testing.servers.process import wait_until
from sizes import size

pytestmark = [pytest.mark.servers, pytest.mark.slow]

TEXT = "SELECT text FROM page WHERE id = 1"
HTML = (b"content-type", b"text/html; charset=utf-8")


class Stage(NamedTuple):
    """Everything, running.

    Attributes:
        database: Where pages come from.
        places: What each place gives for the page now.
        fronts: The ports of edges.
    """

    database: PostgresServer
    places: dict[str, Callable[[], str]]
    fronts: dict[str, int]


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        enter = stack.enter_context
        database, redis = enter(PostgresServer(folder / "postgres")), enter(RedisServer(folder / "redis"))
        memcached = enter(MemcachedServer(folder / "memcached"))
        database.psql("CREATE TABLE page (id int PRIMARY KEY, text text); INSERT INTO page VALUES (1, '0')")
        known = Database("postgres")

        def row(cache: Cache) -> Callable[[], str]:
            raw = enter(psycopg.connect(database.url, autocommit=True))
            connection = dbapi.wrap(raw, known)
            return cache.cached(prefix="text")(lambda: str(connection.execute(TEXT).fetchone()[0]))

        cache, other = enter(Cache(redis.url)), enter(Cache(redis.url))
        store = enter(Cache(redis.url, namespace="store", l1=None))
        publishing = enter(closing(Publishing(cache, memcached.address, folder / "index")))
        whole = CacheMiddleware(OutwardMiddleware(page(row(cache)), cache), cache)
        behind = enter(running(enter(closing(PublishMiddleware(whole, cache, publishing))), http=Protocol))
        fronts = {"varnish": enter(varnish(folder, behind)), "nginx": enter(nginx(folder, behind))}
        from_memcached = {"mode": "memcached", "memcached": memcached.address}
        fronts["published"] = enter(nginx(folder / "published", behind, **from_memcached))
        edges = [fronts["varnish"].edge, fronts["nginx"].edge]
        for each in edges:
            each.repeats = ()
        edges.append(Published(memcached.address, folder / "index"))
        follower = enter(Follower(cache, edges, folder=folder / "edges"))
        enter(Watcher(database.url, cache, full="all"))
        assert follower.settled(20)
        places: dict[str, Callable[[], str]] = {"memory": row(other), "store": row(store)}
        ports = {"serve": behind, **{name: front.port for name, front in fronts.items()}}
        places |= {name: lambda port=port: ask(port, "/").body.decode() for name, port in ports.items()}
        yield Stage(database, places, {name: front.port for name, front in fronts.items()})


def kept(port: int) -> bool:
    """Whether an edge has the page by itself."""
    said = ask(port, "/").fields["cache-status"]
    return "varnish; hit" in said or "nginx; hit" in said


def page(text: Callable[[], str]) -> Any:
    """An application with one page, which names no tag."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = text().encode()
        fields = [HTML, (b"cache-control", b"public, s-maxage=600"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": body})

    return app


def test_what_another_program_writes_reaches_every_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "own"))
    with stage(tmp_path) as on:
        for number in range(size(5, 200)):
            assert {name: text() for name, text in on.places.items()} == dict.fromkeys(on.places, f"{number}")
            for name, port in on.fronts.items():
                wait_until(lambda port=port: kept(port), f"a page kept by {name}")
            on.database.psql(f"UPDATE page SET text = '{number + 1}' WHERE id = 1")
            for name, text in on.places.items():
                wait_until(lambda text=text, number=number: text() == f"{number + 1}", name)
