"""The look at the rows that a write is about to change never harms the write: on PostgreSQL, which ends a
transaction at its first failure."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from afresh import Cache
from afresh.db import Database, dbapi
from afresh.testing.servers import PostgresServer

pytestmark = [pytest.mark.servers, pytest.mark.slow]

SCHEMA = """
    DROP TABLE IF EXISTS note, product;
    CREATE TABLE product (id int PRIMARY KEY, name text, shelf int, price int);
    CREATE INDEX ON product (shelf);
    CREATE TABLE note (id int PRIMARY KEY, product int REFERENCES product, shelf int);
    INSERT INTO product VALUES (1, 'ant', 1, 10), (2, 'bee', 1, 20), (3, 'cat', 2, 30);
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        server.psql("CREATE ROLE clerk LOGIN")
        yield server


class Desk:
    """A connection that writes, and what is cached of two shelves."""

    def __init__(self, server: PostgresServer, cache: Cache, user: str = "postgres") -> None:
        server.psql(SCHEMA)
        self.server = server
        self.database = Database("postgres")
        self._owner = dbapi.wrap(psycopg.connect(server.url, autocommit=True), self.database)
        self.raw = psycopg.connect(server.url.replace("postgres@", f"{user}@"))
        self.connection: Any = dbapi.wrap(self.raw, self.database)
        self.on_shelf: Callable[[int], Any] = cache.cached(prefix="on_shelf")(self._on_shelf)
        assert (self.on_shelf(1), self.on_shelf(2)) == ([1, 2], [3])

    def _on_shelf(self, shelf: int) -> list[int]:
        rows = self._owner.execute("SELECT id FROM product WHERE shelf = %s ORDER BY id", [shelf]).fetchall()
        return [row[0] for row in rows]

    def close(self) -> None:
        self.connection.close()
        self._owner.close()


@pytest.fixture
def desk(server: PostgresServer) -> Iterator[Callable[..., Desk]]:
    opened: list[Desk] = []
    with Cache("memory://") as cache:

        def open_one(user: str = "postgres") -> Desk:
            opened.append(Desk(server, cache, user))
            return opened[-1]

        yield open_one
        for each in opened:
            each.close()


@pytest.mark.parametrize("autocommit", [False, True])
@pytest.mark.parametrize(
    ("granted", "write"),
    [
        ("UPDATE (shelf), SELECT (name)", "UPDATE product SET shelf = 2 WHERE name = 'ant'"),
        ("SELECT, DELETE", "DELETE FROM product WHERE name = 'ant'"),  # FOR UPDATE needs more than DELETE
        ("UPDATE (shelf)", "UPDATE product SET shelf = 2"),
    ],
)
def test_a_look_without_the_right_to_is_no_harm(desk, granted: str, write: str, autocommit: bool) -> None:
    shop = desk("clerk")
    shop.server.psql(f"REVOKE ALL ON product FROM clerk; GRANT {granted} ON product TO clerk")
    shop.raw.autocommit = autocommit
    shop.connection.execute(write)
    if not autocommit:
        shop.connection.commit()
    assert 1 not in shop.on_shelf(1)
    assert shop.on_shelf(2) == [
        int(row) for row in shop.server.psql("SELECT id FROM product WHERE shelf = 2 ORDER BY 1").split()
    ]


def test_what_was_done_before_the_look_stays(desk) -> None:
    shop = desk("clerk")
    shop.server.psql("GRANT SELECT (name), UPDATE (shelf), INSERT ON product TO clerk")
    shop.connection.execute("INSERT INTO product VALUES (4, 'dog', 1, 40)")
    shop.connection.execute("UPDATE product SET shelf = 2 WHERE name = 'ant'")
    shop.connection.commit()
    assert (shop.on_shelf(1), shop.on_shelf(2)) == ([2, 4], [1, 3])


@pytest.mark.parametrize("setting", ["lock_timeout", "statement_timeout"])
def test_a_write_that_waits_too_long_says_so_itself(desk, setting: str) -> None:
    shop = desk()
    shop.connection.execute("INSERT INTO product VALUES (4, 'dog', 1, 40)")
    shop.connection.execute(f"SET {setting} = '50ms'")
    with psycopg.connect(shop.server.url) as other:
        other.execute("UPDATE product SET price = 0 WHERE id = 1")
        with pytest.raises((psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled)):
            shop.connection.execute("UPDATE product SET shelf = 2 WHERE name = 'ant'")
        shop.connection.rollback()
    assert (shop.on_shelf(1), shop.on_shelf(2)) == ([1, 2], [3])


def test_a_write_of_an_aborted_transaction_says_so_itself(desk) -> None:
    shop = desk()
    with pytest.raises(psycopg.errors.DivisionByZero):
        shop.connection.execute("SELECT 1 / 0")
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        shop.connection.execute("UPDATE product SET shelf = 2 WHERE name = 'ant'")
    shop.connection.rollback()
    shop.connection.execute("UPDATE product SET shelf = 2 WHERE name = 'ant'")
    shop.connection.commit()
    assert (shop.on_shelf(1), shop.on_shelf(2)) == ([2], [1, 3])


def test_a_look_leaves_no_savepoint_and_the_users_own_work(desk) -> None:
    shop = desk()
    shop.connection.execute("SAVEPOINT mine")
    shop.connection.execute("UPDATE product SET shelf = 2 WHERE name = 'ant'")
    with pytest.raises(psycopg.errors.InvalidSavepointSpecification):
        shop.raw.execute("RELEASE SAVEPOINT afresh_look")
    shop.connection.execute("ROLLBACK TO SAVEPOINT mine")
    shop.connection.execute("UPDATE product SET shelf = 2 WHERE name = 'bee'")
    shop.connection.commit()
    assert (shop.on_shelf(1), shop.on_shelf(2)) == ([1], [2, 3])


def test_a_look_does_not_wait_for_who_refers_to_the_row(desk) -> None:
    shop = desk()
    with psycopg.connect(shop.server.url) as other:
        other.execute("INSERT INTO note VALUES (1, 1, 1)")  # holds the row's key
        shop.connection.execute("SET lock_timeout = '2s'")
        shop.connection.execute("UPDATE product SET shelf = 2 WHERE name = 'ant'")
        shop.connection.commit()
    assert (shop.on_shelf(1), shop.on_shelf(2)) == ([2], [1, 3])


def test_row_security_hides_rows_from_a_look(desk) -> None:
    """A role that may delete other rows than it may update: the look would find the wrong ones."""
    shop = desk("clerk")
    shop.server.psql(
        "GRANT SELECT, UPDATE, DELETE ON product TO clerk; ALTER TABLE product ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY seen ON product FOR SELECT USING (true);"
        "CREATE POLICY changed ON product FOR UPDATE USING (shelf = 2);"
        "CREATE POLICY gone ON product FOR DELETE USING (id = 1)"
    )
    shop.database.forget()
    shop.connection.execute("DELETE FROM product WHERE price > 0")
    shop.connection.commit()
    assert shop.on_shelf(1) == [2]


def test_a_condition_that_looks_at_other_rows_is_asked_once(desk) -> None:
    """Others commit between a look and the write, and what they changed decides which row is written."""
    shop = desk()
    write = "UPDATE product SET shelf = 2 WHERE id = (SELECT max(shelf) FROM note)"
    shop.server.psql("INSERT INTO note VALUES (1, 1, 1)")
    rows, asked = shop.connection._statements.connection._run, []

    def run(sql: str, parameters: Any) -> Any:
        found = rows(sql, parameters)
        if "FOR " in sql:
            asked.append(sql)
            shop.server.psql("INSERT INTO note VALUES (2, 1, 2)")
        return found

    shop.connection._statements.connection._run_async = run
    shop.connection.execute(write)
    shop.connection.commit()
    assert asked == []
    assert shop.on_shelf(1) == [2]


def test_two_that_look_in_another_order_are_told_of_their_deadlock_as_ever(desk) -> None:
    shop = desk()
    shop.connection.execute("SET deadlock_timeout = '20ms'")
    other = dbapi.wrap(psycopg.connect(shop.server.url), shop.database)
    shop.connection.execute("UPDATE product SET price = 1 WHERE name = 'ant'")
    other.execute("UPDATE product SET price = 1 WHERE name = 'bee'")
    failed: list[BaseException] = []

    def meet() -> None:
        try:
            other.execute("UPDATE product SET price = 2 WHERE name = 'ant'")
        except psycopg.Error as error:
            failed.append(error)
        finally:
            other.rollback()

    waiting = threading.Thread(target=meet)
    waiting.start()
    try:
        shop.connection.execute("UPDATE product SET price = 2 WHERE name = 'bee'")
        shop.connection.commit()
    except psycopg.errors.DeadlockDetected as error:
        failed.append(error)
        shop.connection.rollback()
    waiting.join(20)
    other.close()
    assert [type(each) for each in failed] == [psycopg.errors.DeadlockDetected]
