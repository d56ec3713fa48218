"""A shop in PostgreSQL whose cached values are read by this process and changed by psql."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import psycopg

from afresh import Cache, Row, Table, Where
from afresh.db.watch import Watcher
from afresh.sql import Planner, postgres_schema
from afresh.testing.servers import PostgresServer

SCHEMA = """
    CREATE TABLE product (id int PRIMARY KEY, name text, price numeric(10,2), views int NOT NULL DEFAULT 0);
    CREATE TABLE review (id int PRIMARY KEY, product int REFERENCES product ON DELETE CASCADE, stars int, text text);
    CREATE TABLE note (id int PRIMARY KEY, text text);
    INSERT INTO note VALUES (1, 'a'), (2, 'b');
    CREATE INDEX review_product ON review(product);
    INSERT INTO product SELECT n, 'p' || n, n FROM generate_series(1, 20) n;
    INSERT INTO review SELECT n, 1 + n % 10, 3, 'fine' FROM generate_series(1, 40) n;
"""
_NUMBERS = count()
PATIENCE = 60.0


def until(happened: Callable[[], bool], what: str = "") -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, f"not within {PATIENCE:g} s: {what}"
        time.sleep(0.002)


class Shop:
    """One database, one cache, and what is cached of the one in the other.

    Args:
        server: Where it is.
        cache: Where values live.
        full: Log whole old rows.
    """

    def __init__(
        self, server: PostgresServer, cache: Cache, *, full: str = "all", schema: str = SCHEMA
    ) -> None:
        self.name = f"shop{next(_NUMBERS)}"
        self.server = server
        self.cache = cache
        self.url = server.create(self.name)
        self.psql(schema)
        self._full = full
        self.loads: list[str] = []
        self._connection = psycopg.connect(self.url, autocommit=True)
        planner = Planner(
            "postgres",
            postgres_schema(
                lambda sql: self._connection.execute(sql).fetchall(), volatile={"product": ["views"]}
            ),
        )

        @cache.cached(
            prefix=f"{self.name}:query", tags=lambda sql, given: [planner.plan(sql).dependency(given)]
        )
        def query(sql: str, given: tuple[object, ...]) -> list[list[object]]:
            return self._load(sql, given)

        @cache.cached(prefix=f"{self.name}:product", tags=lambda id: [Row("product", id)])
        def product(id: int) -> list[list[object]]:
            return self._load("SELECT name, price FROM product WHERE id = %s", (id,))

        @cache.cached(prefix=f"{self.name}:reviews", tags=lambda id: [Where("review", product=id)])
        def reviews(id: int) -> list[list[object]]:
            return self._load("SELECT count(*), sum(stars) FROM review WHERE product = %s", (id,))

        @cache.cached(prefix=f"{self.name}:all", tags=[Table("product")])
        def products() -> list[list[object]]:
            return self._load("SELECT count(*), sum(price) FROM product", ())

        self.query, self.product, self.reviews, self.products = query, product, reviews, products

    def _load(self, sql: str, given: tuple[object, ...]) -> list[list[object]]:
        self.loads.append(f"{sql} {given}")
        try:
            found = self._connection.execute(sql, given).fetchall()  # type: ignore[call-overload]
        except psycopg.OperationalError:  # the server was restarted
            self._connection.close()
            self._connection = psycopg.connect(self.url, autocommit=True)
            found = self._connection.execute(sql, given).fetchall()  # type: ignore[call-overload]
        return [list(row) for row in found]

    def psql(self, sql: str) -> str:
        """What another program does."""
        return self.server.psql(sql, database=self.name)

    def watcher(self, **options: object) -> Watcher:
        """What follows it."""
        given = {"slot": self.name, "full": self._full, "volatile": {"product": ["views"]}, **options}
        return Watcher(self.url, self.cache, **given)  # type: ignore[arg-type]

    @contextmanager
    def watched(self, **options: object) -> Iterator[Watcher]:
        """With a watcher, which leaves no slot."""
        watcher = self.watcher(**options)
        try:
            with watcher:
                yield watcher
        finally:
            self.close()

    def close(self) -> None:
        """Give back the connection, and the slot."""
        self._connection.close()
        until(self._dropped, "the slot's end")

    def _dropped(self) -> bool:
        slot = f"FROM pg_replication_slots WHERE slot_name = '{self.name}'"
        try:
            self.psql(
                f"SELECT pg_terminate_backend(active_pid) {slot} AND active;"
                f"SELECT pg_drop_replication_slot(slot_name) {slot}"
            )
        except RuntimeError:  # whoever read it is still ending
            return False
        return True

    def announced(self, watcher: Watcher, do: str, transactions: int = 1) -> None:
        """Let another program do something, and wait until its transactions are announced."""
        before = watcher.status.transactions
        self.psql(do)
        until(lambda: watcher.status.transactions >= before + transactions, do)


@contextmanager
def asked(shop: Shop, *reads: Callable[[], object]) -> Iterator[list[bool]]:
    """Ask for some values before and after a block: which of them were loaded again, and all are true."""
    for read in reads:
        read()
    again: list[bool] = []
    yield again
    for read in reads:
        shop.loads.clear()
        read()
        again.append(bool(shop.loads))
