"""What transactions of PostgreSQL do to what is cached: isolation, two databases, and every sort of write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from afresh import Cache
from afresh.db import Database, dbapi
from afresh.testing.servers import PostgresServer

pytestmark = [pytest.mark.servers, pytest.mark.slow]

SCHEMA = """
    DROP TABLE IF EXISTS tag_of, review, product;
    CREATE TABLE product (id int PRIMARY KEY, name text, shelf int);
    CREATE INDEX ON product (shelf);
    CREATE TABLE review (id int PRIMARY KEY, product int REFERENCES product ON DELETE CASCADE, stars int);
    INSERT INTO product VALUES (1, 'ant', 1), (2, 'bee', 1), (3, 'cat', 2);
    INSERT INTO review VALUES (1, 1, 5), (2, 2, 4);
"""
NAME1, NAME2 = (f"SELECT name FROM product WHERE id = {n}" for n in (1, 2))
SHELF1, SHELF2 = (f"SELECT id FROM product WHERE shelf = {n} ORDER BY id" for n in (1, 2))
STARS1, STARS2 = (f"SELECT stars FROM review WHERE product = {n}" for n in (1, 2))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        server.create("other")
        yield server


class Shop:
    """A database, with a connection that writes and one that reads."""

    def __init__(self, server: PostgresServer, cache: Cache, name: str = "", where: str = "postgres") -> None:
        server.psql(SCHEMA, database=where)
        self.url, self.database = server.url_of(where), Database("postgres", name=name)
        self.writes, self.reads = self.connect(), self.connect(autocommit=True)
        self.loads: list[str] = []
        self.query: Any = cache.cached(prefix=f"{where}:query")(self._load)

    def connect(self, **options: Any) -> Any:
        raw = psycopg.connect(self.url, prepare_threshold=None, **options)
        return dbapi.wrap(raw, self.database)

    def _load(self, sql: str) -> list[Any]:
        self.loads.append(sql)
        return [tuple(row) for row in self.reads.execute(sql).fetchall()]

    def reloaded(self, do: Callable[[], object], *queries: str) -> list[bool]:
        """Which queries are loaded again after something was done; all of them are true."""
        for sql in queries:
            self.query(sql)
        do()
        again = []
        for sql in queries:
            self.loads.clear()
            found = self.query(sql)
            again.append(bool(self.loads))
            assert found == self.query.uncached(sql), sql
        return again

    def writing(self, sql: str) -> Callable[[], None]:
        def write() -> None:
            self.writes.execute(sql)
            self.writes.commit()

        return write

    def close(self) -> None:
        self.writes.close()
        self.reads.close()


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache("memory://") as cache:
        yield cache


@pytest.fixture
def shop(server: PostgresServer, cache: Cache) -> Iterator[Shop]:
    shop = Shop(server, cache)
    yield shop
    shop.close()


@pytest.mark.parametrize(
    ("write", "again"),
    [
        ("INSERT INTO product VALUES (4, 'dog', 2)", [0, 0, 0, 1, 0, 0]),
        (
            "INSERT INTO product VALUES (1, 'x', 1) ON CONFLICT (id) DO UPDATE SET name = excluded.name",
            [1, 0, 1, 0, 0, 0],
        ),
        ("INSERT INTO product VALUES (1, 'x', 1) ON CONFLICT DO NOTHING", [0, 0, 0, 0, 0, 0]),
        ("UPDATE product SET name = 'x' WHERE shelf = 2 RETURNING id", [0, 0, 0, 0, 0, 0]),
        ("UPDATE product SET shelf = 2 WHERE name = 'ant'", [0, 0, 1, 1, 0, 0]),
        (
            "WITH gone AS (DELETE FROM review WHERE product = 1 RETURNING id) SELECT count(*) FROM gone",
            [0, 0, 0, 0, 1, 0],
        ),
        (
            "MERGE INTO product p USING (VALUES (1)) v(id) ON p.id = v.id WHEN MATCHED THEN UPDATE SET name = 'm'",
            [1, 0, 0, 0, 0, 0],
        ),
        ("DELETE FROM product WHERE id = 1", [1, 0, 1, 0, 1, 0]),  # and its reviews, by the cascade
        ("TRUNCATE review", [0, 0, 0, 0, 1, 1]),
        ("TRUNCATE product CASCADE", [1, 1, 1, 1, 1, 1]),
        ("ALTER TABLE product ADD COLUMN more int DEFAULT 7", [1, 1, 1, 1, 0, 0]),
        ("DO $$ BEGIN UPDATE product SET name = 'd' WHERE id = 1; END $$", [1, 0, 0, 0, 0, 0]),
    ],
)
def test_every_sort_of_write(shop: Shop, write: str, again: list[int]) -> None:
    """Whatever must be loaded again is; the table says what is, where more is allowed to be."""
    queries = [NAME1, NAME2, SHELF1, SHELF2, STARS1, STARS2]
    found = shop.reloaded(shop.writing(write), *queries)
    for sql, was, wanted in zip(queries, found, again, strict=True):
        assert was >= bool(wanted), sql


def test_copy(shop: Shop) -> None:
    def copy() -> None:
        with shop.writes.cursor().copy("COPY product FROM STDIN") as copying:
            copying.write_row((9, "new", 1))
        shop.writes.commit()

    assert shop.reloaded(copy, SHELF1) == [True]


def test_repeatable_read_keeps_nothing_that_is_older_than_it_seems(shop: Shop) -> None:
    """The snapshot is from the first statement; what is committed later isn't in it, whenever it is read."""
    old = shop.connect()
    old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    assert old.execute("SELECT count(*) FROM review").fetchall() == [(2,)]  # its snapshot is taken
    assert shop.reloaded(shop.writing("UPDATE product SET name = 'x' WHERE id = 1"), NAME1) == [True]
    shop.writing("UPDATE product SET name = 'y' WHERE id = 2")()
    reads, shop.reads = shop.reads, old
    assert shop.query(NAME2) == [("bee",)]  # it has to see what its transaction sees
    shop.reads = reads
    assert shop.query(NAME2) == [("y",)]  # and nobody else gets that
    old.close()


def test_read_committed_within_a_long_transaction_sees_what_is_new(shop: Shop) -> None:
    reads, shop.reads = shop.reads, shop.connect()
    assert shop.query(NAME1) == [("ant",)]
    assert shop.reloaded(shop.writing("UPDATE product SET name = 'x' WHERE id = 1"), NAME1) == [True]
    shop.reads.close()
    shop.reads = reads
    assert shop.query(NAME1) == [("x",)]


def test_a_serialization_failure_is_told_and_announces_nothing(shop: Shop) -> None:
    shop.writes.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    shop.writes.execute("SELECT count(*) FROM review").fetchall()
    other = shop.connect()
    other.execute("UPDATE product SET name = 'x' WHERE id = 1")
    other.commit()
    other.close()
    shop.query(NAME1)

    def fail() -> None:
        with pytest.raises(psycopg.errors.SerializationFailure):
            shop.writes.execute("UPDATE product SET name = 'y' WHERE id = 1")
        shop.writes.rollback()

    assert shop.reloaded(fail, NAME1) == [False]


def test_a_deferred_constraint_that_fails_at_commit(shop: Shop) -> None:
    shop.writes.execute(
        "ALTER TABLE review ADD CONSTRAINT late FOREIGN KEY (stars) REFERENCES product DEFERRABLE INITIALLY DEFERRED NOT VALID"
    )
    shop.writes.commit()

    def fail() -> None:
        shop.writes.execute("UPDATE review SET stars = 99 WHERE id = 1")
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            shop.writes.commit()
        shop.writes.rollback()

    shop.reloaded(fail, STARS1, STARS2)
    assert shop.query(STARS1) == [(5,)]


def test_two_databases_in_one_request(server: PostgresServer, cache: Cache, shop: Shop) -> None:
    """Each has its own transaction, and its own tables of the same names."""
    other = Shop(server, cache, "stock", "other")
    both = cache.cached(prefix="both")(lambda: (shop.query(NAME1), other.query(NAME1)))
    assert both() == ([("ant",)], [("ant",)])
    shop.writes.execute("UPDATE product SET name = 'here' WHERE id = 1")
    other.writes.execute("UPDATE product SET name = 'there' WHERE id = 1")
    other.writes.commit()
    assert both.peek() is None
    shop.writes.rollback()
    assert both() == ([("ant",)], [("there",)])
    shop.loads.clear()
    other.loads.clear()
    shop.writing("UPDATE product SET name = 'here' WHERE id = 1")()
    assert both() == ([("here",)], [("there",)])
    assert (shop.loads, other.loads) == ([NAME1], [])
    other.close()


def test_within_two_transactions_each_own_write_is_read(
    server: PostgresServer, cache: Cache, shop: Shop
) -> None:
    other = Shop(server, cache, "stock", "other")
    shop.query(NAME1), other.query(NAME1)
    shop.reads, reads = shop.writes, shop.reads
    other.reads, others = other.writes, other.reads
    shop.writes.execute("UPDATE product SET name = 'a' WHERE id = 1")
    other.writes.execute("UPDATE product SET name = 'b' WHERE id = 1")
    assert (shop.query(NAME1), other.query(NAME1)) == ([("a",)], [("b",)])
    shop.writes.commit()
    assert (shop.query(NAME1), other.query(NAME1)) == ([("a",)], [("b",)])
    other.writes.rollback()
    shop.reads, other.reads = reads, others
    assert (shop.query(NAME1), other.query(NAME1)) == ([("a",)], [("ant",)])
    other.close()
