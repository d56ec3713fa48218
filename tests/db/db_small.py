"""A small database in memory, wrapped: for tests of one thing each."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from afresh import Cache
from afresh.db import Database, dbapi

SCRIPT = """
    CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT UNIQUE, price INTEGER, views INTEGER DEFAULT 0, made TEXT);
    CREATE TABLE audit (id INTEGER PRIMARY KEY, what TEXT);
    CREATE VIEW cheap AS SELECT id, name FROM product WHERE price < 15;
    INSERT INTO product (id, name, price, made) VALUES (1, 'ant', 10, '2020-01-01'), (2, 'bee', 20, '2020-01-02');
"""


class Small:
    """One table with two rows.

    Attributes:
        connection: Wrapped.
        loads: SQL of what was loaded.
    """

    def __init__(self, cache: Cache, database: Database | None = None, *, autocommit: bool = False) -> None:
        self.cache = cache
        self.database = database or Database("sqlite")
        self.raw = sqlite3.connect(":memory:", isolation_level=None if autocommit else "")
        self.raw.executescript(SCRIPT)
        self.connection: Any = dbapi.wrap(self.raw, self.database)
        self.loads: list[str] = []
        self.events: list[Any] = []
        self._stop = cache.listen(self.events.append)

    def cached(self, sql: str, *parameters: Any, ttl: float | None = None) -> Callable[[], Any]:
        """A cached function that gives the rows of a query."""

        @self.cache.cached(prefix=f"{sql} {parameters}", ttl=ttl)
        def query() -> Any:
            self.loads.append(sql)
            return [tuple(row) for row in self.connection.execute(sql, parameters).fetchall()]

        return query

    def change(self, sql: str, *parameters: Any) -> None:
        """Execute and commit."""
        self.connection.execute(sql, parameters).close()
        self.connection.commit()

    def reasons(self, kind: str) -> list[str]:
        """The reasons of events of a kind."""
        return [event.reason for event in self.events if event.kind == kind]

    def close(self) -> None:
        self._stop()
        self.connection.close()
