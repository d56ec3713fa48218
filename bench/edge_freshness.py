"""`python -m bench.edge_freshness [--quick] [--json FILE]`: from an acknowledged write to every cache that stands in front.

Four workers with pages in memory, Varnish, nginx, and a page published to memcached that nginx serves: after
a write, how long until each of them answers with what was written? The time counts from when the write has
been announced. Asking is a part of it.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from afresh import Cache, tag
from afresh.edge.configuration import Nginx, Varnish
from afresh.edge.drivers.nginx import Nginx as NginxEdge
from afresh.edge.drivers.varnish import Varnish as VarnishEdge
from afresh.edge.follow import Follower
from afresh.edge.published import Published
from afresh.testing.servers import MemcachedServer, NginxServer, VarnishServer
from afresh.testing.servers.process import Server, accepts
from bench import measure

WORKERS = 4
GOAL = measure.Goal("p99 ms", 50)
_TOO_LONG = 5.0  # seconds


class Worker(Server):
    """One process with the application; the first also publishes its page."""

    def __init__(self, folder: Path, common: Path, memcached: str) -> None:
        super().__init__(folder)
        self._arguments = [str(common), memcached]
        os.environ.setdefault("PYTHONPATH", str(Path(__file__).parents[1]))

    def command(self) -> Sequence[str]:
        """What to run."""
        return [sys.executable, "-m", "bench.edge_freshness", "worker", str(self.port), *self._arguments]

    def answers(self) -> bool:
        """Whether it is ready."""
        return accepts(self.port)


def work(port: int, common: Path, memcached: str) -> None:
    """Serve the page that stands in the database."""
    import uvicorn

    from afresh.asgi import CacheMiddleware
    from afresh.edge.asgi import OutwardMiddleware
    from afresh.edge.published import Publishing, PublishMiddleware

    cache = Cache(f"sqlite:///{common}/cache")
    database = sqlite3.connect(common / "shop.sqlite", check_same_thread=False)

    async def view(scope: Any, receive: Any, send: Any) -> None:
        cache.depends_on(tag("page"))
        body = str(database.execute("SELECT text FROM page").fetchone()[0]).encode()
        fields = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"public, s-maxage=600"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": body})

    app: Any = CacheMiddleware(OutwardMiddleware(view, cache), cache)
    if memcached:
        app = PublishMiddleware(app, cache, Publishing(cache, memcached, common / "index"))
    uvicorn.run(
        app,
        http="afresh.http.serve:Protocol",  # type: ignore[arg-type]
        port=port,
        log_level="warning",
        access_log=False,
        lifespan="off",
    )


class Place:
    """Where the page is asked for."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self.port = port
        self.times: list[float] = []

    def text(self) -> str:
        """The page now."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_TOO_LONG)
        with closing(connection):
            connection.request("GET", "/")
            return connection.getresponse().read().decode()

    def wait_for(self, text: str, since: float) -> None:
        """Ask until it is the new one."""
        while self.text() != text:
            if time.perf_counter() - since > _TOO_LONG:
                raise TimeoutError(f"{self.name} has not noticed within {_TOO_LONG:g} s")
        self.times.append((time.perf_counter() - since) * 1000)


def main() -> int:
    """Measure, print, judge."""
    options = measure.parser(__doc__).parse_args()
    rounds = 30 if options.quick else 300
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        places, cache, database = _started(Path(folder), stack)
        for number in range(rounds):
            _round(places, cache, database, f"text {number}")
    table = measure.Table("From an announced write to the new page, in milliseconds")
    for place in places:
        table.add(place.name, _figures(place.times))
    slowest = [max(times) for times in zip(*(place.times for place in places), strict=True)]
    table.add("all of them", _figures(slowest), GOAL)
    return measure.finish("edge_freshness", [table], options.json)


def _figures(times: list[float]) -> dict[str, float]:
    return {"p50 ms": measure.percentile(times, 0.5), "p99 ms": measure.percentile(times, 0.99)}


def _round(places: list[Place], cache: Cache, database: sqlite3.Connection, text: str) -> None:
    for place in places:
        for _ in range(3):
            place.text()
    time.sleep(0.02)  # publishing goes on behind the answer
    with database:
        database.execute("UPDATE page SET text = ?", [text])
    cache.invalidate(tag("page"))
    since = time.perf_counter()
    threads = [threading.Thread(target=place.wait_for, args=(text, since)) for place in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _started(folder: Path, stack: ExitStack) -> tuple[list[Place], Cache, sqlite3.Connection]:
    common = folder / "common"
    common.mkdir()
    database = stack.enter_context(closing(sqlite3.connect(common / "shop.sqlite")))
    database.execute("PRAGMA journal_mode = WAL")
    with database:
        database.execute("CREATE TABLE page (text TEXT)")
        database.execute("INSERT INTO page VALUES ('none')")
    cache = stack.enter_context(Cache(f"sqlite:///{common}/cache"))
    memcached = stack.enter_context(MemcachedServer(folder / "memcached"))
    workers = [
        stack.enter_context(Worker(folder / f"worker{number}", common, "" if number else memcached.address))
        for number in range(WORKERS)
    ]
    varnish = stack.enter_context(_varnish(folder / "varnish", workers[1].port))
    nginx = stack.enter_context(_nginx(folder / "nginx", workers[2].port))
    publishing = stack.enter_context(
        _nginx(folder / "published", workers[0].port, mode="memcached", memcached=memcached.address)
    )
    edges = [
        VarnishEdge(varnish.purge_url, "bench"),
        NginxEdge(folder / "nginx" / "pages"),
        Published(memcached.address, common / "index"),
    ]
    follower = stack.enter_context(Follower(cache, edges, folder=folder / "edges"))
    if not follower.settled(30):
        raise TimeoutError("the edges are not told")
    places = [Place(f"worker {number + 1}", worker.port) for number, worker in enumerate(workers)]
    places += [
        Place("Varnish", varnish.port),
        Place("nginx", nginx.port),
        Place("published page", publishing.port),
    ]
    return places, cache, database


def _varnish(folder: Path, behind: int) -> VarnishServer:
    return VarnishServer(folder, Varnish(backend=f"127.0.0.1:{behind}", token="bench").vcl())


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


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        work(int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
    else:
        sys.exit(main())
