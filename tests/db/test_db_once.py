"""Identical reads of one block are answered once: by rows that nobody can change, as long as they are true."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from db_faces import Product, prepare_sqlite
from sqlalchemy import orm
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

import afresh.db.sqlalchemy
from afresh import Cache, Table
from afresh.db import AsyncStatements, Database, Statements, answered_once, dbapi
from afresh.db.memo import MOST_ROWS, Memo
from afresh.db.repeatable import key_of, locks

PRICE = "SELECT price FROM product WHERE id = ?"


@pytest.fixture
def path(tmp_path: Path) -> str:
    return prepare_sqlite(tmp_path)


@pytest.fixture
def database() -> Database:
    return Database("sqlite")


@pytest.fixture
def connection(path: str, database: Database) -> Iterator[dbapi.WrappedConnection]:
    connection = dbapi.wrap(sqlite3.connect(path, isolation_level=None), database)
    yield connection
    connection.close()


@pytest.fixture
def other(path: str, database: Database) -> Iterator[dbapi.WrappedConnection]:
    """Another connection of the same program."""
    connection = dbapi.wrap(sqlite3.connect(path, isolation_level=None), database)
    yield connection
    connection.close()


@pytest.fixture
def stranger(path: str) -> Iterator[sqlite3.Connection]:
    """Another program, of which nobody hears."""
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


@pytest.fixture
def memo() -> Iterator[Memo]:
    with answered_once(max_age="1h") as memo:
        assert memo is not None
        yield memo


def price(connection: Any, id: int = 1) -> Any:
    row = connection.execute(PRICE, (id,)).fetchone()
    return row and row[0]


def changed(stranger: sqlite3.Connection, value: int = 99) -> None:
    stranger.execute("UPDATE product SET price = ? WHERE id = 1", (value,))


def test_the_second_read_is_answered_by_the_first(connection, stranger, memo):
    """Whatever else is the same: description, how rows are fetched."""
    first = connection.execute("SELECT id, name FROM product WHERE category_id = 1 ORDER BY id")
    assert first.fetchone() == (1, "ant")
    changed(stranger)
    for _ in range(2):
        again = connection.execute("SELECT id, name FROM product WHERE category_id = 1 ORDER BY id")
        assert [column[0] for column in again.description] == ["id", "name"]
        assert again.fetchmany(1) == [(1, "ant")]
        assert again.fetchall() == [(2, "bee")]
        assert again.fetchone() is None
    assert memo.hits == 2


def test_outside_of_a_block_each_read_is_asked(connection, stranger):
    assert price(connection) == 10
    changed(stranger)
    assert price(connection) == 99


def test_another_question_is_another(connection, memo):
    assert [price(connection, key) for key in (1, 3, 9, 1)] == [10, 30, None, 10]
    assert memo.hits == 1
    values = [connection.execute("SELECT ?, id FROM product WHERE id = 1", (each,)).fetchone()[0] for each in (1, True, 1.0, "1", b"1")]  # fmt: skip
    assert list(map(type, values)) == [int, int, float, str, bytes]


def test_a_part_can_be_left_out(connection, stranger, memo):
    price(connection)
    changed(stranger)
    with answered_once(False):
        assert price(connection) == 99
    assert price(connection) == 10


def test_no_answer_is_older_than_it_may_be(connection, stranger, monkeypatch):
    with answered_once():
        price(connection)
        changed(stranger)
        assert price(connection) == 10
        monkeypatch.setattr("time.monotonic", lambda: 1e12)
        assert price(connection) == 99


def test_a_write_drops_what_it_could_touch(connection, stranger, memo):
    connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)")
    with answered_once(max_age="1h") as memo:
        price(connection)
        connection.execute("INSERT INTO note (text) VALUES ('x')")
        price(connection)
        assert memo.hits == 1
        connection.execute("UPDATE product SET price = 11 WHERE id = 1")
        assert price(connection) == 11
        assert price(connection) == 11
        assert memo.hits == 2


def test_a_write_of_another_connection_in_the_block(connection, other, memo):
    price(connection)
    other.execute("UPDATE product SET price = 11 WHERE id = 1")
    assert price(connection) == 11


def test_a_transaction_of_another_connection_in_the_block(connection, other, memo):
    other.execute("BEGIN")
    other.execute("UPDATE product SET price = 11 WHERE id = 1")
    assert price(connection) == 10
    other.execute("COMMIT")
    assert price(connection) == 11


def test_savepoints_that_are_undone(connection, memo):
    connection.execute("BEGIN")
    assert price(connection) == 10
    connection.execute("SAVEPOINT one")
    connection.execute("UPDATE product SET price = 11 WHERE id = 1")
    assert price(connection) == 11
    connection.execute("ROLLBACK TO one")
    assert price(connection) == 10
    connection.execute("ROLLBACK")
    assert price(connection) == 10


def test_a_transaction_asks_for_itself(connection, stranger, memo):
    """Its snapshot is another one; after it, what was read in it is not what is there."""
    price(connection)
    changed(stranger, 50)
    connection.execute("BEGIN")
    assert price(connection) == 50
    assert price(connection) == 50
    assert memo.hits == 1
    connection.execute("COMMIT")
    changed(stranger, 51)
    assert price(connection) == 51


def test_what_the_ledger_says(connection, memo):
    with Cache("memory://") as cache:
        price(connection)
        cache.invalidate(Table("note"))
        price(connection)
        assert memo.hits == 1
        cache.invalidate(Table("product"))
        price(connection)
        assert memo.hits == 1


def test_a_cached_value_made_from_it_depends_on_it(connection, stranger, memo):
    with Cache("memory://") as cache:
        price(connection)
        load = cache.cached(prefix="price")(lambda: price(connection))
        assert load() == 10
        assert memo.hits == 1
        changed(stranger)
        cache.invalidate(Table("product"))
        assert load() == 99


def test_a_cache_that_is_opened_in_the_middle_knows_nothing_of_it(connection, memo):
    price(connection)
    with Cache("memory://"):
        price(connection)
        assert memo.hits == 0


def test_what_a_write_reaches_by_triggers_and_cascades(connection):
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(
        "CREATE TABLE note (id INTEGER PRIMARY KEY, product INTEGER REFERENCES product ON DELETE CASCADE)"
    )
    connection.execute("CREATE TABLE history (id INTEGER PRIMARY KEY, price INTEGER)")
    connection.execute(
        "CREATE TRIGGER kept AFTER UPDATE ON product BEGIN INSERT INTO history (price) VALUES (old.price); END"
    )
    connection.execute("INSERT INTO note (product) VALUES (1)")
    with answered_once():
        notes, history = "SELECT count(*) FROM note", "SELECT price FROM history"
        assert connection.execute(notes).fetchall() == [(1,)]
        assert connection.execute(history).fetchall() == []
        connection.execute("UPDATE product SET price = 11 WHERE id = 1")
        assert connection.execute(history).fetchall() == [(10,)]
        connection.execute("DELETE FROM product WHERE id = 1")
        assert connection.execute(notes).fetchall() == [(0,)]


def test_another_connection_of_the_same_number_is_another(path, tmp_path, memo):
    """A connection that is gone leaves its place in memory to the next one, which may be to another database."""
    (tmp_path / "other").mkdir()
    other = prepare_sqlite(tmp_path / "other")
    with sqlite3.connect(other) as plain:
        plain.execute("UPDATE product SET price = 77 WHERE id = 1")
    plain.close()
    for where, expected in [(path, 10), (other, 77)] * 20:
        connection = dbapi.wrap(sqlite3.connect(where, isolation_level=None), Database("sqlite"))
        assert price(connection) == expected
        connection.close()
        del connection


def test_what_is_not_remembered(connection, stranger, memo):
    for sql in (
        "SELECT random(), id FROM product WHERE id = 1",
        "SELECT CURRENT_TIMESTAMP, id FROM product",
        "SELECT 1",
        "PRAGMA data_version",
    ):
        for _ in range(2):
            connection.execute(sql).fetchall()
    assert memo.hits == 0
    connection.executemany("UPDATE product SET price = ? WHERE id = ?", [(12, 1), (13, 2)])
    assert price(connection) == 12


def test_a_changed_schema_ends_it(connection, memo):
    connection.execute("SELECT * FROM product").fetchall()
    connection.execute("ALTER TABLE product ADD COLUMN size INTEGER")
    assert len(connection.execute("SELECT * FROM product").fetchone()) == 5
    price(connection), price(connection)
    assert memo.hits == 0


def test_long_answers_are_given_whole_and_not_remembered(connection, memo):
    connection.executemany("INSERT INTO product (price) VALUES (?)", [(n,) for n in range(MOST_ROWS)])
    for _ in range(2):
        assert len(connection.execute("SELECT * FROM product").fetchall()) == MOST_ROWS + 4
    assert memo.hits == 0


def test_rows_are_nobody_elses(connection, path, database, memo):
    """Lists that are fetched, rows that can be changed, and rows of another form."""
    rows = connection.execute(PRICE, (1,)).fetchall()
    rows.append("mine")
    assert connection.execute(PRICE, (1,)).fetchall() == [(10,)]
    connection.row_factory = lambda cursor, row: [*row]
    first = connection.execute(PRICE, (1,)).fetchall()
    assert first == [[10]]
    first[0].append("mine")
    hits = memo.hits
    assert connection.execute(PRICE, (1,)).fetchall() == [[10]]
    assert memo.hits == hits + 1


def test_locks_are_taken_each_time():
    assert locks("SELECT 1 FROM a FOR UPDATE OF a SKIP LOCKED")
    assert locks("select 1 from a for no key update")
    assert not locks("SELECT shared FROM a")


def test_parameters_that_may_mean_something_else_are_not_compared():
    assert key_of([1]) != key_of([True])
    assert key_of([0.0]) != key_of([-0.0])
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1}) != key_of({"a": 2, "b": 1})
    assert key_of([[1]]) is None
    assert key_of(()) == ()


# -- SQLAlchemy


@pytest.fixture
def engine(path: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(f"sqlite:///{path}")
    afresh.db.sqlalchemy.instrument(engine)
    yield engine
    engine.dispose()


def test_sqlalchemy_core_and_text(engine, stranger, memo):
    with engine.connect() as connection:
        for query in (sa.select(Product.price).where(Product.id == 1), sa.text("SELECT price FROM product")):
            before = [tuple(row) for row in connection.execute(query)]
            hits = memo.hits
            result = connection.execute(query)
            assert list(result.keys()) == ["price"]
            assert [tuple(row) for row in result] == before
            assert memo.hits == hits + 1
        connection.execute(sa.update(Product).where(Product.id == 1).values(price=11))
        assert connection.execute(sa.select(Product.price).where(Product.id == 1)).scalar() == 11
        connection.rollback()


def test_sqlalchemy_objects_are_made_anew(engine, memo):
    """Rows are remembered, not objects: each session has its own."""
    with engine.connect() as connection, orm.Session(connection) as one, orm.Session(connection) as two:
        first = one.scalars(sa.select(Product).where(Product.id == 1)).one()
        first.name = "mine"
        second = two.scalars(sa.select(Product).where(Product.id == 1)).one()
        assert (second.name, memo.hits) == ("ant", 1)
        assert second is not first
        one.expunge_all()


def test_sqlalchemy_streams_are_left_alone(engine, memo):
    with engine.connect() as connection:
        for _ in range(2):
            streamed = connection.execution_options(stream_results=True).execute(sa.select(Product.id))
            assert len(streamed.all()) == 4
            in_parts = connection.execution_options(yield_per=2).execute(sa.select(Product.id))
            assert [len(part) for part in in_parts.partitions()] == [2, 2]
        assert memo.hits == 0


def test_sqlalchemy_errors(engine, memo):
    with engine.connect() as connection:
        with pytest.raises(sa.exc.OperationalError):
            connection.execute(sa.text("SELECT nothing FROM product"))
        connection.rollback()
        with pytest.raises(sa.exc.IntegrityError):
            connection.execute(sa.text("INSERT INTO product (id) VALUES (1)"))
        connection.rollback()
        assert connection.execute(sa.text("SELECT count(*) FROM product")).scalar() == 4


def test_sqlalchemy_asynchronously(path):
    async def main() -> tuple[Any, ...]:
        engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
        afresh.db.sqlalchemy.instrument(engine)
        query = sa.select(Product.price).where(Product.id == 1)
        with answered_once() as memo:
            async with AsyncSession(engine) as session:
                seen = [await session.scalar(query), await session.scalar(query)]
                await session.execute(sa.update(Product).where(Product.id == 1).values(price=11))
                seen.append(await session.scalar(query))
                await session.rollback()
        await engine.dispose()
        assert memo is not None
        return (*seen, memo.hits)

    assert asyncio.run(main()) == (10, 10, 11, 1)


# -- glue of your own, and coroutines


def test_what_other_glue_writes_is_noticed(connection, path, database, memo):
    """Whoever tells `Statements`, or `AsyncStatements`, of a write."""
    raw = sqlite3.connect(path, isolation_level=None)

    def rows(sql: str, values: Any) -> list[Any]:
        return raw.execute(sql, values).fetchall()

    async def arows(sql: str, values: Any) -> list[Any]:
        return rows(sql, values)

    update = "UPDATE product SET price = ? WHERE id = 1"
    statements, coroutines = Statements(database, rows), AsyncStatements(database, arows)
    assert price(connection) == 10
    running = statements.before(update, (11,))
    rows(update, (11,))
    statements.after(running, 1)
    assert price(connection) == 11

    async def change() -> None:
        running = await coroutines.before(update, (12,))
        rows(update, (12,))
        await coroutines.after(running, 1)

    asyncio.run(change())
    assert price(connection) == 12
    raw.close()
