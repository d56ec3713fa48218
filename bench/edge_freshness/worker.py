"""The processes: workers with the application, and who watches the database."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from afresh.testing.servers.process import Server, accepts

TOKEN = "bench"
TEXT = "SELECT text FROM page WHERE id = 1"


class Given(NamedTuple):
    """What a worker is given.

    Attributes:
        database: URL of PostgreSQL.
        redis: URL of Redis.
        folder: Of this machine's ledgers; the index of published pages is beside it.
        memcached: Where it publishes its page; empty: it doesn't.
        memory: It keeps pages in its memory; else only on Redis.
    """

    database: str
    redis: str
    folder: str
    memcached: str = ""
    memory: bool = True


class Worker(Server):
    """One process with the application, under our protocol."""

    def __init__(self, folder: Path, given: Given) -> None:
        super().__init__(folder)
        self._given = given

    def command(self) -> Sequence[str]:
        """What to run."""
        given = [str(each) for each in self._given[:4]] + ["memory" if self._given.memory else "store"]
        path = f"PYTHONPATH={Path(__file__).parents[2]}"
        program = [sys.executable, "-m", "bench.edge_freshness.worker"]
        return ["/usr/bin/env", path, *program, str(self.port), *given]

    def answers(self) -> bool:
        """Whether it is ready."""
        return accepts(self.port)


class Watching(Server):
    """`afresh watch`, on a machine of its own."""

    def __init__(self, folder: Path, database: str, redis: str) -> None:
        super().__init__(folder)
        (folder / "own").mkdir(mode=0o700)
        self._watched = [database, "--cache", redis, "--full", "all"]

    def command(self) -> Sequence[str]:
        """What to run."""
        machine = f"AFRESH_DIR={self.folder / 'own'}"
        program = "from afresh.cli import main; main()"
        return ["/usr/bin/env", machine, sys.executable, "-c", program, "watch", *self._watched]

    def answers(self) -> bool:
        """Whether it is ready."""
        return "following" in self.log


class Following(Server):
    """`afresh edge follow`, in a process of its own as everywhere."""

    def __init__(self, folder: Path, own: Path, cache: str, edges: Sequence[str]) -> None:
        super().__init__(folder)
        self._own = own
        self._arguments = ["--cache", cache, *edges]

    def command(self) -> Sequence[str]:
        """What to run."""
        given = [f"AFRESH_DIR={self._own}", f"AFRESH_VARNISH_TOKEN={TOKEN}"]
        program = "from afresh.cli import main; main()"
        return ["/usr/bin/env", *given, sys.executable, "-c", program, "edge", "follow", *self._arguments]

    def answers(self) -> bool:
        """Whether it is ready."""
        return "purges taken" in self.log


def work(port: int, given: Given) -> None:
    """Serve the page that stands in the database; no tag is named."""
    import psycopg
    import uvicorn

    from afresh import Cache
    from afresh.asgi import CacheMiddleware
    from afresh.db import Database, dbapi
    from afresh.edge.asgi import OutwardMiddleware
    from afresh.edge.published import Publishing, PublishMiddleware

    os.environ["AFRESH_DIR"] = given.folder
    cache = Cache(given.redis) if given.memory else Cache(given.redis, namespace="store", l1=None)
    connection = dbapi.wrap(psycopg.connect(given.database, autocommit=True), Database("postgres"))

    async def view(scope: Any, receive: Any, send: Any) -> None:
        body = str(connection.execute(TEXT).fetchone()[0]).encode()
        fields = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"public, s-maxage=600"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": body})

    app: Any = CacheMiddleware(OutwardMiddleware(view, cache), cache)
    if given.memcached:
        app = PublishMiddleware(app, cache, Publishing(cache, given.memcached, Path(given.folder, "index")))
    protocol: Any = "afresh.http.serve:Protocol"
    uvicorn.run(app, http=protocol, port=port, log_level="warning", access_log=False, lifespan="off")


if __name__ == "__main__":
    work(int(sys.argv[1]), Given(*sys.argv[2:6], memory=sys.argv[6] == "memory"))
