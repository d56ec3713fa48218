"""A shop in PostgreSQL with a table of versions; a `strict` cache of what is read from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from typing import Any

import psycopg

from afresh import Cache
from afresh.db import Database, dbapi
from afresh.db.watch import Versions, VersionTable
from afresh.db.watch.asking import Asker, connector
from afresh.testing.servers import PostgresServer

SCHEMA = """
    CREATE TABLE product (id int PRIMARY KEY, name text, price numeric(10,2), shelf int, views int NOT NULL DEFAULT 0);
    CREATE INDEX product_shelf ON product(shelf);
    CREATE TABLE review (id int PRIMARY KEY, product int REFERENCES product ON DELETE CASCADE, stars int);
    CREATE INDEX review_product ON review(product);
    CREATE TABLE visit (day date, page text, seen int, PRIMARY KEY (day, page)) PARTITION BY RANGE (day);
    CREATE TABLE visit_old PARTITION OF visit FOR VALUES FROM ('2000-01-01') TO ('2020-01-01');
    CREATE TABLE visit_new PARTITION OF visit FOR VALUES FROM ('2020-01-01') TO ('2040-01-01');
    CREATE TABLE note (text text);
    INSERT INTO product SELECT n, 'p' || n, n, n % 4 FROM generate_series(1, 20) n;
    INSERT INTO review SELECT n, 1 + n % 10, 3 FROM generate_series(1, 40) n;
    INSERT INTO visit VALUES ('2010-01-01', 'a', 1), ('2030-01-01', 'a', 2);
    INSERT INTO note VALUES ('a'), ('b');
"""
_NUMBERS = count()


class Shop:
    """One database, one cache; nothing is declared.

    Attributes:
        loads: SQL of what was loaded.
    """

    def __init__(
        self, server: PostgresServer, cache: Cache, *, schema: str = SCHEMA, owner: str = ""
    ) -> None:
        self.name = f"versions{next(_NUMBERS)}"
        self.server, self.cache = server, cache
        self.url = server.create(self.name)
        self.psql(schema)
        if owner:
            self.psql(f"GRANT ALL ON DATABASE {self.name} TO {owner}; GRANT ALL ON SCHEMA public TO {owner}")
            self.psql(
                "DO $$ DECLARE t text; BEGIN FOR t IN SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p')"
                f" AND relnamespace = 'public'::regnamespace LOOP EXECUTE 'ALTER TABLE ' || t || ' OWNER TO {owner}';"
                " END LOOP; END $$"
            )
        self.whose = self.url.replace("postgres@", f"{owner}@") if owner else self.url
        self.loads: list[str] = []
        self.database = Database("postgres", volatile={"product": ["views"]})
        self._connection: Any = None
        self.query = cache.cached(prefix=f"{self.name}:query")(self._load)

    def _load(self, sql: str) -> list[str]:
        self.loads.append(sql)
        if self._connection is None or self._connection.closed:
            raw = psycopg.connect(self.url, autocommit=True, prepare_threshold=None)
            self._connection = dbapi.wrap(raw, self.database)
        return sorted(map(str, self._connection.execute(sql).fetchall()))

    def psql(self, sql: str) -> str:
        """What another program does."""
        return self.server.psql(sql, database=self.name)

    def versions(self, **options: Any) -> Versions:
        """What follows it; by default without a thread, so that only readers look."""
        given = {"every": None, "volatile": {"product": ["views"]}, **options}
        return Versions(self.whose, self.cache, **given)

    @contextmanager
    def table(self) -> Iterator[VersionTable]:
        """What makes and looks at it."""
        with closing(Asker(connector(self.whose))) as asker:
            yield VersionTable(asker)

    def reloaded(self, do: Callable[[], object] | str, *queries: str) -> list[bool]:
        """Which queries are loaded again after another program has done something; all of them are true."""
        for sql in queries:
            self.query(sql)
        self.psql(do) if isinstance(do, str) else do()
        again = []
        for sql in queries:
            self.loads.clear()
            found = self.query(sql)
            again.append(bool(self.loads))
            assert found == self.query.uncached(sql), sql
        return again

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
