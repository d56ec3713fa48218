"""What is particular to drivers of PostgreSQL: their transaction blocks, COPY, prepared and composed statements."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from contextvars import Context
from typing import Any

import asyncpg
import psycopg
import psycopg2
import psycopg2.extras
import pytest
from psycopg import sql

import afresh.db.asyncpg
from afresh import Cache
from afresh.db import Database, dbapi
from afresh.db.drivers import asserted, driver_of
from afresh.testing.servers import PostgresServer

pytestmark = [pytest.mark.servers, pytest.mark.slow]

ANT, BEE = "SELECT name FROM product WHERE id = 1", "SELECT name FROM product WHERE id = 2"
CHANGE = "UPDATE product SET name = %s WHERE id = 1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        yield server


class Rows:
    """Two cached rows, read through a connection of their own."""

    def __init__(self, cache: Cache, server: PostgresServer, database: Database) -> None:
        server.psql("DROP TABLE IF EXISTS product")
        server.psql("CREATE TABLE product (id SERIAL PRIMARY KEY, name TEXT UNIQUE)")
        server.psql("INSERT INTO product (name) VALUES ('ant'), ('bee')")
        self.connection: Any = dbapi.wrap(psycopg.connect(server.dsn, autocommit=True), database)
        self.loads: list[str] = []
        self._cache = cache
        self._ask = cache.cached(prefix="rows")(self._load)
        self.names()
        self.loads.clear()

    def _load(self, sql: str) -> Any:
        self.loads.append(sql)
        return self.connection.execute(sql).fetchone()[0]

    def names(self) -> tuple[str, str]:
        return self._ask(ANT), self._ask(BEE)

    def loaded(self) -> list[str]:
        loads, self.loads = self.loads, []
        return loads


@pytest.fixture
def rows(server: PostgresServer) -> Iterator[Rows]:
    with Cache("memory://") as cache:
        rows = Rows(cache, server, Database("postgres"))
        yield rows
        rows.connection.close()


@pytest.fixture
def writer(rows: Rows, server: PostgresServer) -> Iterator[Any]:
    writer = dbapi.wrap(psycopg.connect(server.dsn), rows.connection._statements.database)
    yield writer
    writer.close()


def test_blocks_of_psycopg(rows: Rows, writer: Any) -> None:
    with writer.transaction():
        writer.execute(CHANGE, ("asp",))
        assert rows.names() == ("ant", "bee")
        with suppress(KeyError), writer.transaction():
            writer.execute("UPDATE product SET name = 'bug' WHERE id = 2")
            raise KeyError
    assert (rows.names(), rows.loaded()[-1:]) == (("asp", "bee"), [ANT])
    with writer.transaction(force_rollback=True):
        writer.execute(CHANGE, ("x",))
    with suppress(KeyError), writer.transaction():
        writer.execute(CHANGE, ("y",))
        raise KeyError
    rows.loaded()
    assert (rows.names(), rows.loaded()) == (("asp", "bee"), [])
    writer.execute(CHANGE, ("z",))
    with writer.transaction(), writer.transaction(force_rollback=True):
        writer.execute("UPDATE product SET name = 'bug' WHERE id = 2")
    writer.commit()
    rows.loaded()
    assert rows.names() == ("z", "bee")


def test_a_connection_as_a_block_commits_and_closes(rows: Rows, writer: Any) -> None:
    with writer:
        writer.execute(CHANGE, ("asp",))
    assert writer.closed
    assert (rows.names(), rows.loaded()) == (("asp", "bee"), [ANT])


def test_composed_statements(rows: Rows, writer: Any) -> None:
    writer.execute(sql.SQL("UPDATE {} SET name = {} WHERE id = 1").format(sql.Identifier("product"), "asp"))
    writer.commit()
    assert (rows.names(), rows.loaded()) == (("asp", "bee"), [ANT])
    writer.execute(b"UPDATE product SET name = 'axe' WHERE id = 1")
    writer.commit()
    assert rows.names() == ("axe", "bee")


def test_returned_rows_are_given_all_the_same(rows: Rows, writer: Any) -> None:
    cursor = writer.execute("INSERT INTO product (name) VALUES ('cat'), ('dog') RETURNING id, name")
    assert cursor.fetchall() == [(3, "cat"), (4, "dog")]
    writer.commit()
    assert (rows.names(), rows.loaded()) == (("ant", "bee"), [])


def test_copy(rows: Rows, writer: Any) -> None:
    writer.execute("DELETE FROM product")
    writer.commit()
    with writer.cursor() as cursor, cursor.copy("COPY product FROM STDIN") as copy:
        copy.write_row((1, "asp"))
        copy.write_row((2, "bug"))
    writer.commit()
    assert rows.names() == ("asp", "bug")


def test_rows_that_are_streamed(rows: Rows, writer: Any) -> None:
    with writer.cursor() as cursor:
        assert list(cursor.stream("UPDATE product SET name = 'asp' WHERE id = 1 RETURNING id")) == [(1,)]
    writer.commit()
    assert rows.names() == ("asp", "bee")


def test_an_aborted_transaction(rows: Rows, writer: Any) -> None:
    writer.execute(CHANGE, ("asp",))
    with pytest.raises(psycopg.errors.UniqueViolation):
        writer.execute(CHANGE, ("bee",))
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        writer.execute("SELECT 1")
    writer.rollback()
    assert (rows.names(), rows.loaded()) == (("ant", "bee"), [])
    writer.execute(CHANGE, ("asp",))
    writer.commit()
    assert rows.names() == ("asp", "bee")


def test_truncate_and_another_search_path(rows: Rows, writer: Any) -> None:
    writer.execute("SET search_path TO public")
    writer.execute(CHANGE, ("asp",))
    writer.commit()
    assert rows.names() == ("asp", "bee")
    writer.execute("TRUNCATE product")
    writer.execute("INSERT INTO product VALUES (1, 'x'), (2, 'y')")
    writer.commit()
    assert rows.names() == ("x", "y")


def test_psycopg2(rows: Rows, server: PostgresServer) -> None:
    raw = psycopg2.connect(server.dsn, cursor_factory=psycopg2.extras.RealDictCursor)
    writer: Any = dbapi.wrap(raw, rows.connection._statements.database)
    with writer, writer.cursor() as cursor:
        cursor.execute(CHANGE, ("asp",))
        cursor.execute("INSERT INTO product (name) VALUES ('cat') RETURNING id")
        assert [dict(row) for row in cursor.fetchall()] == [{"id": 3}]
    assert (rows.names(), rows.loaded()) == (("asp", "bee"), [ANT])
    cursor = writer.cursor()
    cursor.copy_from(io.StringIO("4\tdog\n"), "product")
    cursor.copy_expert("COPY product FROM STDIN", io.StringIO("5\teel\n"))
    cursor.close()
    writer.commit()
    rows.names()
    assert set(rows.loaded()) == {ANT, BEE}
    writer.close()


@pytest.mark.parametrize("driver", [psycopg, psycopg2], ids=["psycopg", "psycopg2"])
@pytest.mark.parametrize("autocommit", [False, True])
@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_it_is_as_without(
    rows: Rows, server: PostgresServer, driver: Any, autocommit: bool, end: str
) -> None:
    """Comments, several statements at once, and methods that leave alone what a statement began."""
    changes = [
        ["/* x */ UPDATE product SET name = name || '1' WHERE id = 1"],
        ["BEGIN", "--x\nUPDATE product SET name = name || '2' WHERE id = 1"],
        ["UPDATE product SET name = name || '3' WHERE id = 1; COMMIT"],
        ["BEGIN; UPDATE product SET name = name || '4' WHERE id = 1"],
        ["UPDATE product SET name = name || '5' WHERE id = 1; COMMIT; BEGIN; UPDATE product SET name = name || '6' WHERE id = 1"],
        ["BEGIN", "UPDATE product SET name = name || '7' WHERE id = 1", "/* x */ COMMIT"],
        ["BEGIN", "UPDATE product SET name = name || '8' WHERE id = 1", "SELECT 1; COMMIT"],
    ]  # fmt: skip
    with psycopg.connect(server.dsn, autocommit=True) as other:

        def true_name() -> Any:
            return other.execute(ANT).fetchone()[0]  # type: ignore[index]

        def both_names() -> Any:
            return true_name(), Context().run(rows.names)[0]

        for change in changes:
            expected = names_after(driver.connect(server.dsn), autocommit, change, end, true_name)
            other.execute("UPDATE product SET name = 'ant' WHERE id = 1")
            rows._cache.clear()
            rows.names()
            wrapped = dbapi.wrap(driver.connect(server.dsn), rows.connection._statements.database)
            seen = names_after(wrapped, autocommit, change, end, both_names)
            assert seen == [(name, name) for name in expected], change
            other.execute("UPDATE product SET name = 'ant' WHERE id = 1")


def names_after(
    connection: Any, autocommit: bool, change: list[str], end: str, name: Callable[[], Any]
) -> list[Any]:
    """The name after each step of a change, and after its end."""
    connection.autocommit = autocommit
    names: list[Any] = []
    for step in change:
        connection.cursor().execute(step)
        names.append(name())
    getattr(connection, end)()
    names.append(name())
    connection.cursor().execute("COMMIT")
    names.append(name())
    connection.close()
    return names


def with_asyncpg(server: PostgresServer, act: Callable[[Any], Awaitable[None]]) -> None:
    async def main() -> None:
        connection = afresh.db.asyncpg.wrap(await asyncpg.connect(server.url), afresh.db.asyncpg.postgres())
        await act(connection)
        await connection.close()

    asyncio.run(main())


def test_transactions_of_asyncpg(rows: Rows, server: PostgresServer) -> None:
    async def act(c: Any) -> None:
        async with c.transaction():
            await c.execute("UPDATE product SET name = $1 WHERE id = 1", "axe")
            with suppress(KeyError):
                async with c.transaction():
                    await c.execute("UPDATE product SET name = 'bug' WHERE id = 2")
                    raise KeyError
            async with c.transaction():
                await c.fetch("UPDATE product SET name = $1 WHERE id = 1 RETURNING id", "awl")
        assert (rows.names(), rows.loaded()) == (("awl", "bee"), [ANT])
        with suppress(KeyError):
            async with c.transaction():
                await c.execute("UPDATE product SET name = 'x' WHERE id = 1")
                raise KeyError
        assert (rows.names(), rows.loaded()) == (("awl", "bee"), [])

    with_asyncpg(server, act)


def test_statements_of_asyncpg(rows: Rows, server: PostgresServer) -> None:
    async def act(c: Any) -> None:
        assert await c.execute("UPDATE product SET name = $1 WHERE id = $2", "asp", 1) == "UPDATE 1"
        assert (rows.names(), rows.loaded()) == (("asp", "bee"), [ANT])
        assert (await c.fetch("INSERT INTO product (name) VALUES ($1) RETURNING id", "cat"))[0][0] == 3
        assert (rows.names(), rows.loaded()) == (("asp", "bee"), [])
        await c.executemany("UPDATE product SET name = $1 WHERE id = $2", [("a", 1), ("b", 2)])
        assert rows.names() == ("a", "b")
        await c.execute("DELETE FROM product")
        await c.copy_records_to_table("product", records=[(1, "one")], columns=["id", "name"])
        await c.copy_to_table("product", source=io.BytesIO(b"2\ttwo\n"), schema_name="public")
        assert rows.names() == ("one", "two")
        with pytest.raises(asyncpg.UniqueViolationError):
            await c.execute("UPDATE product SET name = 'one' WHERE id = 2")

    with_asyncpg(server, act)


def test_prepared_statements_of_asyncpg(rows: Rows, server: PostgresServer) -> None:
    async def act(c: Any) -> None:
        statement = await c.prepare("UPDATE product SET name = $1 WHERE id = 1 RETURNING name")
        assert await statement.fetchval("c") == "c"
        assert (rows.names(), rows.loaded()) == (("c", "bee"), [ANT])
        await statement.fetch("d")
        assert (await statement.fetchrow("e"))["name"] == "e"
        assert rows.names() == ("e", "bee")
        await statement.executemany([("f",)])
        assert statement.get_query().startswith("UPDATE")
        assert rows.names() == ("f", "bee")

    with_asyncpg(server, act)


def test_cached_coroutines_of_asyncpg(rows: Rows, server: PostgresServer) -> None:
    database = afresh.db.asyncpg.postgres()
    loads: list[int] = []

    async def main() -> None:
        async with asyncpg.create_pool(server.url, min_size=1, max_size=2) as pool:

            @rows._cache.cached(prefix="asyncpg")
            async def name(id: int) -> Any:
                loads.append(id)
                async with afresh.db.asyncpg.acquire(pool, database) as c:
                    return await c.fetchval("SELECT name FROM product WHERE id = $1", id)

            assert [await name(1), await name(2), await name(1)] == ["ant", "bee", "ant"]
            async with afresh.db.asyncpg.acquire(pool, database) as c:
                assert (await c.fetchrow("UPDATE product SET name = 'asp' WHERE id = 1 RETURNING id"))[0] == 1
            assert [await name(1), await name(2)] == ["asp", "bee"]
            assert loads == [1, 2, 1]

    asyncio.run(main())


def test_which_driver_it_is(writer: Any) -> None:
    assert driver_of(object()) is None
    assert driver_of(writer._raw) is asserted(writer._raw, None)
