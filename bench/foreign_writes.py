"""`python -m bench.foreign_writes [--quick] [--json FILE]`: how soon what another program commits is seen.

Somebody changes a row of PostgreSQL by plain SQL. From the moment at which COMMIT has returned: how long
until a cached function, something made from it, and a cache that keeps everything on Redis stop giving the
old value? A process of its own follows the database, as `afresh watch` does.

Beside it, in the same rounds: a trigger that sends NOTIFY and a listener that deletes the key on Redis, as
people write it by hand; and a `strict` reader with a table of versions, who can't be given the old value at
all, so that its figure is what its read takes.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psycopg
import redis

from afresh import Cache
from afresh.db import Database, dbapi
from afresh.db.watch import Versions, VersionTable, Watcher
from afresh.db.watch.asking import Asker, connector
from afresh.testing.servers import PostgresServer, RedisServer
from bench import measure

GOALS = [measure.Goal("p50 ms", 5.0), measure.Goal("p99 ms", 50.0)]
PEER = "a NOTIFY trigger and a listener that deletes"
STRICT = "strict, with a table of versions: the read"
_PAUSE = 0.0002  # seconds between two looks
_PATIENCE = 10.0
_SCHEMA = """
    CREATE TABLE product (id int PRIMARY KEY, price int);
    CREATE TABLE plain (id int PRIMARY KEY, price int);
    INSERT INTO product SELECT n, 0 FROM generate_series(1, 1000) n;
    INSERT INTO plain SELECT n, 0 FROM generate_series(1, 1000) n;
    CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_notify('plain', NEW.id::text); RETURN NEW; END $$;
    CREATE TRIGGER told AFTER UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION told();
"""


def follow(database: str, url: str, folder: str, pipe: Connection) -> None:
    """A process that watches, as the command does."""
    os.environ["AFRESH_DIR"] = folder
    with Cache(url) as cache, Watcher(database, cache, full="all"):
        pipe.send("ready")
        pipe.recv()


def listen(database: str, url: str, folder: str, pipe: Connection) -> None:
    """A process that deletes a key when it is told that its row has changed."""
    client = redis.Redis.from_url(url)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("LISTEN plain")
        pipe.send("ready")
        while not pipe.poll():
            for note in connection.notifies(timeout=0.1):
                client.delete(f"plain:{note.payload}")


@contextmanager
def process(target: Callable[..., None], *arguments: str) -> Iterator[None]:
    """A process that is ready."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    started = context.Process(target=target, args=(*arguments, there), daemon=True)
    started.start()
    here.recv()
    yield
    here.send("end")
    started.join()


class Shop:
    """What is cached, and the other program.

    Args:
        stack: Closes what is opened.
        database: Of PostgreSQL.
        url: Of Redis.
    """

    def __init__(self, stack: ExitStack, database: str, url: str) -> None:
        self._raw = stack.enter_context(psycopg.connect(database, autocommit=True))
        reads = dbapi.wrap(
            stack.enter_context(psycopg.connect(database, autocommit=True)), Database("postgres")
        )
        self._client = redis.Redis.from_url(url)
        self._next = 0

        def price(row: int) -> int:
            return int(reads.execute("SELECT price FROM product WHERE id = %s", [row]).fetchall()[0][0])

        memory = stack.enter_context(Cache(url, namespace="memory"))
        store = stack.enter_context(Cache(url, namespace="store", l1=None))
        strict = stack.enter_context(Cache(url, namespace="strict", consistency="strict"))
        stack.enter_context(Versions(database, strict).create())
        function = memory.cached(prefix="price")(price)
        kept = store.cached(prefix="price")(price)
        page = memory.cached(prefix="page")(lambda row: f"<b>{function(row)}</b>")
        self.subjects: dict[str, measure.Timed] = {
            "a function, in memory": lambda: self._until(function),
            "a page made from it": lambda: self._until(page),
            "a store on Redis, nothing in memory": lambda: self._until(kept),
            PEER: self._peer,
            STRICT: self._strict(strict, price),
        }

    def _change(self, table: str, row: int) -> float:
        self._raw.execute(f"UPDATE {table} SET price = price + 1 WHERE id = %s", [row])  # type: ignore[arg-type]
        return time.perf_counter()

    def _row(self) -> int:
        self._next = self._next % 1000 + 1
        return self._next

    def _until(self, function: Any) -> float:
        row = self._row()
        before = function(row)
        committed = self._change("product", row)
        while function.peek(row) == before:
            if time.perf_counter() - committed > _PATIENCE:
                raise SystemExit("the old value stays")
            time.sleep(_PAUSE)
        return (time.perf_counter() - committed) * 1000

    def _peer(self) -> float:
        row = self._row()
        self._client.set(f"plain:{row}", "old")
        committed = self._change("plain", row)
        while self._client.get(f"plain:{row}") is not None:
            time.sleep(_PAUSE)
        return (time.perf_counter() - committed) * 1000

    def _strict(self, cache: Cache, load: Callable[[int], int]) -> measure.Timed:
        price = cache.cached(prefix="price")(load)

        def timed() -> float:
            row = self._row()
            with cache.scope():
                before = price(row)
            committed = self._change("product", row)
            with cache.scope():
                if price(row) != before + 1:
                    raise SystemExit("strict gave an old value")
            return (time.perf_counter() - committed) * 1000

        return timed


def paid_by(stack: ExitStack, server: PostgresServer, table: measure.Table, rounds: int) -> None:
    """Add what the writer pays for triggers: none, NOTIFY's, and those that write the table of versions."""
    bare, covered = server.create("bare"), server.create("covered")
    server.psql(_SCHEMA, database="bare")
    server.psql(_SCHEMA, database="covered")
    with closing(Asker(connector(covered))) as asker:
        VersionTable(asker).create()
    timed: dict[str, measure.Timed] = {}
    for what, url, name in (
        ("no trigger", bare, "product"),
        ("a NOTIFY trigger", bare, "plain"),
        ("the table of versions", covered, "product"),
    ):
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        timed[what] = partial(_update, connection, f"UPDATE {name} SET price = price + 1 WHERE id = 7")
    samples = measure.interleave(timed, rounds)
    for what, found in samples.items():
        figures = {
            "p50 ms": measure.percentile(found, 0.5),
            "ratio": measure.ratio(samples, what, "no trigger"),
        }
        table.add(what, figures)


def _update(connection: Any, sql: str) -> float:
    began = time.perf_counter()
    connection.execute(sql)
    return (time.perf_counter() - began) * 1000


def main() -> int:
    """Measure, print, and say whether the goals were met."""
    options = measure.parser(__doc__).parse_args()
    made = measure.Table("From another program's COMMIT until the old value is given no more")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="afresh-bench-")))
        os.environ["AFRESH_DIR"] = str(folder / "machine")
        (folder / "machine").mkdir(mode=0o700)
        (folder / "watcher").mkdir(mode=0o700)
        server = stack.enter_context(PostgresServer(folder / "postgres"))
        ledger = stack.enter_context(RedisServer(folder / "redis"))
        server.psql(_SCHEMA)
        stack.enter_context(process(follow, server.url, ledger.url, str(folder / "watcher")))
        stack.enter_context(process(listen, server.url, ledger.url, ""))
        subjects = Shop(stack, server.url, ledger.url).subjects
        samples = measure.interleave(subjects, 40 if options.quick else 500, warm_up=5)
        for what, found in samples.items():
            figures = {
                "p50 ms": measure.percentile(found, 0.5),
                "p99 ms": measure.percentile(found, 0.99),
                "most ms": max(found),
                "ratio": measure.ratio(samples, what, PEER),
            }
            made.add(what, figures, *([] if what in {PEER, STRICT} else GOALS))
        paid = measure.Table("What an UPDATE of one row pays, in a transaction of its own")
        paid_by(stack, server, paid, 100 if options.quick else 2000)
    made.remarks.append(
        f"they look every {_PAUSE * 1000:g} ms; the watcher is a machine of its own; ratio: to {PEER}"
    )
    return measure.finish("foreign_writes", [made, paid], options.json)


if __name__ == "__main__":
    sys.exit(main())
