"""A shop in an SQLite file: this process reads it and caches, plain connections to the same file change it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from afresh import Cache
from afresh.db import Database, dbapi
from afresh.db.watch.sqlite import SQLiteWatcher

SCHEMA = """
    CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT, price REAL, code TEXT UNIQUE, views INTEGER DEFAULT 0);
    CREATE INDEX product_name ON product (name);
    CREATE TABLE review (id INTEGER PRIMARY KEY, product INTEGER REFERENCES product ON DELETE CASCADE, stars INTEGER);
    CREATE INDEX review_product ON review (product);
    CREATE TABLE place (town TEXT, street TEXT, note TEXT, PRIMARY KEY (town, street)) WITHOUT ROWID;
    INSERT INTO product VALUES (1, 'soup', 4, 'a', 0), (2, 'stew', 6, 'b', 0), (3, 'bread', 2, 'c', 0);
    INSERT INTO review VALUES (1, 1, 5), (2, 1, 3), (3, 2, 4);
    INSERT INTO place VALUES ('Ulm', 'High', 'x'), ('Ulm', 'Low', 'y');
"""


class Shop:
    """One file, one cache, and what is cached of the one in the other."""

    def __init__(
        self, path: Path, cache: Cache, schema: str = SCHEMA, mode: str = "WAL", **options: Any
    ) -> None:
        self.path = path
        self.cache = cache
        with closing(sqlite3.connect(path)) as made:
            made.execute(f"PRAGMA journal_mode = {mode}")
            made.executescript(schema)
        known = Database("sqlite", volatile=options.get("volatile"))
        self.connection = dbapi.wrap(sqlite3.connect(path, isolation_level=None), known)
        self.watcher = SQLiteWatcher(path, cache, every=3600, **options)  # nobody looks by himself
        self.loads: list[str] = []
        self.read = cache.cached(prefix="read")(self._load)

    def _load(self, sql: str) -> list[str]:
        self.loads.append(sql)
        return [repr(row) for row in self.connection.execute(sql).fetchall()]

    def elsewhere(self, *statements: str, **settings: Any) -> None:
        """What another program does, in one transaction."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            for name, value in settings.items():
                other.execute(f"PRAGMA {name} = {value}")
            if len(statements) > 1:
                other.execute("BEGIN")
            for sql in statements:
                other.execute(sql).fetchall()
            if other.in_transaction:
                other.execute("COMMIT")

    def again(self, *queries: str) -> list[bool]:
        """Which of these queries are loaded again; what is answered is always what the database says."""
        found = []
        for sql in queries:
            self.loads.clear()
            answer = self.read(sql)
            found.append(bool(self.loads))
            assert answer == self._load(sql)
        return found

    def told(self, *queries: str, by: Callable[[], object]) -> list[bool]:
        """Which of these queries another program's change tells."""
        self.again(*queries)
        by()
        self.watcher.follow_once()
        assert self.watcher.status.reason == ""
        return self.again(*queries)

    def close(self) -> None:
        """End it."""
        self.watcher.stop()
        self.connection.close()


@contextmanager
def shop(path: Path, **options: Any) -> Iterator[Shop]:
    """A shop whose watcher has begun."""
    with Cache("memory://") as cache:
        made = Shop(path / "shop.db", cache, **options)
        try:
            made.watcher.start()
            yield made
        finally:
            made.close()
