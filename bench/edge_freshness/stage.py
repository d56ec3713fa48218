"""All that a page can be kept in, running."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from afresh import Cache
from afresh.db import Database, dbapi
from afresh.edge.configuration import Nginx, Varnish
from afresh.testing.servers import MemcachedServer, NginxServer, PostgresServer, RedisServer, VarnishServer
from bench.edge_freshness.legs import Legs
from bench.edge_freshness.worker import TOKEN, Following, Given, Watching, Worker

WORKERS = 4
_SCHEMA = "CREATE TABLE page (id int PRIMARY KEY, text text); INSERT INTO page VALUES (1, 'none')"
_CHANGE = "UPDATE page SET text = %s WHERE id = 1"


class Stage(NamedTuple):
    """Everything.

    Attributes:
        ports: Where the page is asked for, by the name of the place.
        writers: How it is changed, by who does it; each returns after its COMMIT.
        legs: Where it is on the way there.
    """

    ports: dict[str, int]
    writers: dict[str, Callable[[str], object]]
    legs: Legs


def started(folder: Path, stack: ExitStack) -> Stage:
    """Start it all."""
    own = folder / "own"
    own.mkdir(mode=0o700)
    os.environ["AFRESH_DIR"] = str(own)
    database = stack.enter_context(PostgresServer(folder / "postgres"))
    database.psql(_SCHEMA)
    redis = stack.enter_context(RedisServer(folder / "redis"))
    memcached = stack.enter_context(MemcachedServer(folder / "memcached"))
    given = Given(database.url, redis.url, str(own))
    publishing = given._replace(memcached=memcached.address)
    workers = [publishing, *[given] * (WORKERS - 1), given._replace(memory=False)]
    ports = [
        stack.enter_context(Worker(folder / f"worker{number}", each)).port
        for number, each in enumerate(workers)
    ]
    varnish = stack.enter_context(_varnish(folder / "varnish", ports[1]))
    nginx = stack.enter_context(_nginx(folder / "nginx", ports[2]))
    from_memcached = _nginx(folder / "published", ports[0], mode="memcached", memcached=memcached.address)
    published = stack.enter_context(from_memcached)
    cache = stack.enter_context(Cache(redis.url))
    edges = ["--varnish", varnish.purge_url, "--nginx", str(folder / "nginx" / "pages")]
    edges += ["--published", memcached.address, "--index", str(own / "index")]
    stack.enter_context(Following(folder / "following", own, redis.url, edges))
    stack.enter_context(Watching(folder / "watching", database.url, redis.url))
    places = [f"memory of worker {number + 1}" for number in range(WORKERS)]
    names = [*places, "store on Redis", "Varnish", "nginx", "published page"]
    found = [*ports, varnish.port, nginx.port, published.port]
    legs = Legs(redis.url, cache)
    stack.enter_context(closing(legs))
    return Stage(dict(zip(names, found, strict=True)), _writers(database.url, stack), legs)


def _writers(url: str, stack: ExitStack) -> dict[str, Callable[[str], object]]:
    outside, own = (stack.enter_context(psycopg.connect(url, autocommit=True)) for _ in range(2))
    captured = dbapi.wrap(own, Database("postgres"))
    return {
        "another program": lambda text: outside.execute(_CHANGE, [text]),
        "the application": lambda text: captured.execute(_CHANGE, [text]),
    }


def _varnish(folder: Path, behind: int) -> VarnishServer:
    return VarnishServer(folder, Varnish(backend=f"127.0.0.1:{behind}", token=TOKEN).vcl())


def _nginx(folder: Path, behind: int, **more: Any) -> NginxServer:
    def configuration(port: int) -> str:
        return Nginx(
            upstream=f"127.0.0.1:{behind}",
            names=["127.0.0.1"],
            listen=f"127.0.0.1:{port}",
            folder=str(folder / "pages"),
            temporary=str(folder),
            pid=str(folder / "pid"),
            access_log="off",
            user="root" if os.geteuid() == 0 else "",
            **more,
        ).conf()

    return NginxServer(folder, configuration)
