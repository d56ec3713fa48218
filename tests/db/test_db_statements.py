"""What glue is written against: with a driver that blocks, and with one of coroutines."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from db_small import SCRIPT

from afresh import Cache
from afresh.db import AsyncStatements, Database, Statements

ANT = "SELECT name FROM product WHERE id = 1"
CHANGE = "UPDATE product SET name = ? WHERE id = 1"


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache("memory://") as cache:
        yield cache


@pytest.fixture
def raw() -> Iterator[sqlite3.Connection]:
    raw = sqlite3.connect(":memory:", isolation_level=None)
    raw.executescript(SCRIPT)
    yield raw
    raw.close()


class Glue:
    """The least that glue has to do."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw
        self.statements = Statements(Database("sqlite"), self.rows)

    def rows(self, sql: str, parameters: Any) -> list[Any]:
        return self.raw.execute(sql, parameters).fetchall()

    def execute(self, sql: str, *parameters: Any) -> list[Any]:
        running = self.statements.before(sql, parameters)
        try:
            cursor = self.raw.execute(sql, parameters)
        except BaseException:
            self.statements.failed(running)
            raise
        rows = cursor.fetchall() if self.statements.must_fetch(running) else None
        self.statements.after(running, cursor.rowcount, cursor.lastrowid)
        return cursor.fetchall() if rows is None else rows


def test_methods_for_the_steps_of_a_transaction(raw: sqlite3.Connection, cache: Cache) -> None:
    glue = Glue(raw)
    statements, loads = glue.statements, []
    ant = cache.cached(prefix="ant")(lambda: loads.append(1) or glue.execute(ANT))
    assert ant() == [("ant",)]
    raw.execute("BEGIN")
    statements.begin()
    statements.begin()
    assert statements.in_transaction
    statements.savepoint("a")
    raw.execute("SAVEPOINT a")
    glue.execute(CHANGE, "asp")
    raw.execute("ROLLBACK TO a")
    statements.rollback_to("a")
    statements.savepoint("b")
    glue.execute("UPDATE product SET name = 'bug' WHERE id = 2")
    statements.release("b")
    statements.before_commit()
    raw.execute("COMMIT")
    statements.after_commit()
    assert not statements.in_transaction
    assert (ant(), len(loads)) == ([("ant",)], 1)
    assert glue.execute(CHANGE + " RETURNING id", "asp") == [(1,)]
    assert (ant(), len(loads)) == ([("asp",)], 2)
    statements.begin()
    statements.close()
    assert not statements.in_transaction


def test_steps_that_were_not_begun_do_no_harm(raw: sqlite3.Connection, cache: Cache) -> None:
    statements = Glue(raw).statements
    statements.release("x")
    statements.rollback_to("x")
    statements.before_commit()
    statements.after_commit()
    statements.commit_failed()
    statements.after_rollback()
    statements.after(None)
    statements.failed(None)
    assert not statements.must_fetch(None)


def test_a_commit_of_which_nobody_knows(raw: sqlite3.Connection, cache: Cache) -> None:
    """What it changed is announced, and once more if it turns out to be open, and is committed later."""
    glue = Glue(raw)
    ant = cache.cached(prefix="ant")(lambda: glue.execute(ANT))
    assert ant() == [("ant",)]
    raw.execute("BEGIN")
    glue.statements.begin()
    glue.execute(CHANGE, "asp")
    glue.statements.before_commit()
    glue.statements.commit_failed()
    assert ant() == [("asp",)]  # this connection sees its own change
    glue.statements.before_commit()
    raw.execute("COMMIT")
    before = cache._engine.ledger.position()
    glue.statements.after_commit()
    assert cache._engine.ledger.position() > before


def test_returned_rows_make_an_insert_exact(raw: sqlite3.Connection, cache: Cache) -> None:
    glue, loads = Glue(raw), []
    ant = cache.cached(prefix="ant")(lambda: loads.append(1) or glue.execute(ANT))
    ant()
    sql = "INSERT INTO product (name) VALUES ('x'), ('y') RETURNING id"
    running = glue.statements.before(sql)
    rows = raw.execute(sql).fetchall()
    glue.statements.after(running, 2, None, rows)
    ant()
    assert len(loads) == 1
    running = glue.statements.before(sql.replace("'x'", "'v'").replace("'y'", "'w'"))
    rows = raw.execute(sql.replace("'x'", "'v'").replace("'y'", "'w'")).fetchall()
    glue.statements.after(running, 2, None, None)
    ant()
    assert len(loads) == 2


class AsyncGlue:
    """The same for coroutines."""

    def __init__(self, raw: sqlite3.Connection, cache: Cache) -> None:
        self.raw = raw
        self.statements = AsyncStatements(Database("sqlite"), self.rows)
        self.loads = 0
        self.ant = cache.cached(prefix="async")(self._load)

    async def _load(self) -> Any:
        self.loads += 1
        return await self.execute(ANT)

    async def rows(self, sql: str, parameters: Any) -> list[Any]:
        await asyncio.sleep(0)
        return self.raw.execute(sql, parameters).fetchall()

    async def execute(self, sql: str, *parameters: Any) -> list[Any]:
        running = await self.statements.before(sql, parameters)
        try:
            cursor = self.raw.execute(sql, parameters)
        except BaseException:
            await self.statements.failed(running)
            raise
        await self.statements.after(running, cursor.rowcount, cursor.lastrowid)
        return cursor.fetchall()


def test_coroutines(raw: sqlite3.Connection, cache: Cache) -> None:
    async def main() -> None:
        glue = AsyncGlue(raw, cache)
        assert await glue.ant() == await glue.ant() == [("ant",)]
        await glue.execute(CHANGE, "asp")
        assert await glue.ant() == [("asp",)]
        await glue.execute("UPDATE product SET name = 'bug' WHERE id = 2")
        await glue.ant()
        assert glue.loads == 2
        with pytest.raises(sqlite3.IntegrityError):
            await glue.execute(CHANGE, "bug")
        await glue.execute("CREATE TABLE more (id INTEGER)")
        assert await glue.execute("SELECT id FROM more") == []
        await glue.statements.close()

    asyncio.run(main())


def test_a_schema_that_another_connection_of_coroutines_changed(
    raw: sqlite3.Connection, cache: Cache
) -> None:
    async def main() -> None:
        here, there = AsyncGlue(raw, cache), Glue(raw)
        assert await here.ant() == [("ant",)]
        there.execute(
            "CREATE TRIGGER t AFTER UPDATE ON product BEGIN INSERT INTO audit (what) VALUES ('x'); END"
        )
        assert await here.ant() == await here.ant() == await here.ant() == [("ant",)]
        assert here.loads == 3  # one of them found out in the middle, and wasn't kept
        audit = cache.cached(prefix="audit")(lambda: there.execute("SELECT what FROM audit"))
        assert audit() == []
        there.execute("DROP TRIGGER t")
        there.execute(
            "CREATE TRIGGER t AFTER UPDATE ON product BEGIN INSERT INTO audit (what) VALUES ('y'); END"
        )
        assert audit() == []
        await here.execute(CHANGE, "asp")
        assert audit() == [("y",)]

    asyncio.run(main())


def test_transactions_of_coroutines(raw: sqlite3.Connection, cache: Cache) -> None:
    async def main() -> None:
        glue = AsyncGlue(raw, cache)
        statements = glue.statements
        assert await glue.ant() == [("ant",)]
        statements.begin()
        raw.execute("BEGIN")
        statements.savepoint("a")
        await glue.execute(CHANGE, "x")
        statements.rollback_to("a")
        statements.release("a")
        await statements.before_commit()
        await statements.commit_failed()
        await statements.after_rollback()
        raw.execute("ROLLBACK")
        statements.begin()
        raw.execute("BEGIN")
        await glue.execute(CHANGE, "y")
        assert await glue.ant() == [("y",)]
        await statements.before_commit()
        raw.execute("COMMIT")
        await statements.after_commit()
        assert not statements.in_transaction
        assert await glue.ant() == [("y",)]

    asyncio.run(main())
