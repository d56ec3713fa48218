"""A worker of the stress runs over PostgreSQL: `database_worker.py SETTINGS`, which is a JSON object.

Roles: `reader`; `writer`, whose connection is captured and who may kill itself between COMMIT and the
announcement; `stranger`, who writes without afresh; `watcher`. Prints one line of JSON when it ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from commits import Commits

from afresh import AfreshError, Cache
from afresh.db import Database, dbapi
from afresh.db.watch import Versions, Watcher
from afresh.db.watch.barrier import Barrier
from afresh.db.writing import DatabaseTransaction


class Worker:
    def __init__(self, settings: dict[str, Any]) -> None:
        os.environ["AFRESH_DIR"] = settings["machine"]
        self.settings = settings
        self.random = random.Random(settings["seed"])
        self.commits = Commits(Path(settings["table"]))
        self.rows = settings["rows"]
        self.database = Database("postgres")
        self.counts = {"reads": 0, "stale": 0, "loads": 0, "commits": 0, "failed": 0}
        self.oldest = 0.0
        self.defect(settings["defect"])
        self.end = 0.0

    def ready(self) -> None:
        """The time begins."""
        self.end = time.monotonic() + self.settings["seconds"]
        print("ready", flush=True)

    @staticmethod
    def defect(which: str) -> None:
        """Leave out a rule: the judge has to notice."""
        if which == "no intent":
            DatabaseTransaction.prepare = _nothing  # type: ignore[method-assign]
        elif which == "no barrier":
            Barrier.wait = lambda *_: None  # type: ignore[method-assign]

    def cache(self) -> Cache:
        return Cache(self.settings["url"], consistency=self.settings["consistency"])

    def connection(self) -> Any:
        """A connection; as long as the server is being restarted, one is asked for again."""
        while True:
            try:
                return psycopg.connect(self.settings["database"])
            except psycopg.OperationalError:
                time.sleep(0.05)

    # -- writers --

    def writer(self) -> None:
        with self.cache():
            self._write(self._captured)

    def _captured(self) -> Any:
        """A connection whose writer may kill itself between COMMIT and the announcement."""
        connection: Any = dbapi.wrap(self.connection(), self.database)
        after = connection._statements.after_commit

        def after_commit() -> None:
            if self.random.random() < self.settings["suicide"]:
                os.kill(os.getpid(), signal.SIGKILL)
            after()

        connection._statements.after_commit = after_commit
        return connection

    def stranger(self) -> None:
        self._write(self.connection)

    def _write(self, connect: Callable[[], Any]) -> None:
        connection = connect()
        self.ready()
        while time.monotonic() < self.end:
            try:
                written = self._transaction(connection)
            except AfreshError:  # the ledger is away: whether it was committed a reader will see
                self.counts["failed"] += 1
                connection.rollback()
            except psycopg.OperationalError:  # the server is
                self.counts["failed"] += 1
                connection.close()
                connection = connect()
            else:
                for row, version in written.items():
                    self.commits.saw(row, version)
            time.sleep(self.settings["pause"] * self.random.random())
        connection.close()

    def _transaction(self, connection: Any) -> dict[int, int]:
        """Change one to three rows, which others change too; some are rolled back, in part or as a whole."""
        versions: dict[int, int] = {}
        for row in sorted(self.random.sample(range(self.rows), self.random.randint(1, 3))):
            connection.execute("SAVEPOINT one")
            sql = "UPDATE stock SET version = version + 1 WHERE id = %s RETURNING version"
            version = connection.execute(sql, [row]).fetchall()[0][0]
            if self.random.random() < 0.1:
                connection.execute("ROLLBACK TO SAVEPOINT one")
            else:
                versions[row] = version
        if self.random.random() < 0.2:
            connection.rollback()
            return {}
        connection.commit()
        self.counts["commits"] += 1
        return versions

    # -- readers --

    def reader(self) -> None:
        with self.cache() as cache, contextlib.ExitStack() as stack:
            if self.settings["versions"]:
                stack.enter_context(Versions(self.settings["database"], cache))
            self.ready()
            threads = [threading.Thread(target=self._read, args=(cache, n)) for n in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    def _read(self, cache: Cache, number: int) -> None:
        reading = Reading(self, cache, number)
        chance = random.Random(self.random.random())
        while time.monotonic() < self.end:
            first = chance.randrange(self.rows)
            rows = [(first + n) % self.rows for n in range(3)]
            knowns, asked = [self.commits.known[row] for row in rows], time.monotonic_ns()
            try:
                with cache.scope():
                    found = reading.page(first) if chance.random() < 0.5 else [*map(reading.version, rows)]
                if chance.random() < 0.03:  # what a query sees is committed, whoever did it and died
                    self.commits.saw(first, reading.query(first))
            except psycopg.OperationalError:
                self.counts["failed"] += 1
                reading.connect()
                continue
            for row, known, given in zip(rows, knowns, found, strict=True):
                overdue = self.commits.overdue(row, given, asked, known)
                self.counts["reads"] += 1
                self.counts["stale"] += overdue > 0
                self.oldest = max(self.oldest, overdue)
        reading.close()

    # -- the watcher --

    def watcher(self) -> None:
        with self.cache() as cache:
            watcher = Watcher(self.settings["database"], cache, slot=self.settings["slot"], full="all")
            with watcher:
                self.ready()
                sys.stdin.read()
            self.counts["commits"] = 0


class Reading:
    """What one thread of a reader has cached, and its connection."""

    def __init__(self, worker: Worker, cache: Cache, number: int) -> None:
        self._worker, self._connection = worker, None
        self.connect()

        @cache.cached(prefix=f"version{number}")
        def version(row: int) -> int:
            worker.counts["loads"] += 1
            return self.query(row)

        @cache.cached(prefix=f"page{number}")
        def page(first: int) -> list[int]:
            return [version((first + n) % worker.rows) for n in range(3)]

        self.version, self.page = version, page

    def connect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection: Any = dbapi.wrap(self._worker.connection(), self._worker.database)

    def query(self, row: int) -> int:
        found = self._connection.execute("SELECT version FROM stock WHERE id = %s", [row]).fetchall()[0][0]
        self._connection.rollback()
        return int(found)

    def close(self) -> None:
        self._connection.close()


async def _nothing(_: DatabaseTransaction) -> None:
    return


def main(settings: dict[str, Any]) -> None:
    worker = Worker(settings)
    getattr(worker, settings["role"])()
    print(json.dumps({**worker.counts, "oldest_ms": round(worker.oldest * 1000, 1)}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
