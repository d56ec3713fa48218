"""When `sqlite3` begins and ends transactions, and for which texts: wrapped, it is as without, and readers get the truth.

Each program is run twice, by the driver's own connection and by a wrapped one. After every step both
say whether a transaction is open, and another connection sees the same rows. Through the wrapped one's
database a reader keeps these rows, and must never be left with older ones.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from contextvars import Context
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from sqlalchemy import NullPool, StaticPool, create_engine
from sqlalchemy.ext.asyncio import create_async_engine

import afresh.db.sqlalchemy
from afresh import Cache
from afresh.db import Database, dbapi
from afresh.db.dbapi import WrappedConnection
from afresh.db.drivers import SQLite
from sizes import size

Step: TypeAlias = tuple[Any, ...]
Program: TypeAlias = list[Step]

ROWS = "SELECT id, v FROM t ORDER BY id"
INSERT, UPDATE = "INSERT INTO t (v) VALUES (7)", "UPDATE t SET v = v + 1 WHERE id = 1"
FAILS = "INSERT INTO t (id) VALUES (1)"

BEFORE = [
    "", " ", "\t\r\n\f", "\v", "\xa0", "\u2003", "\x1c", "\ufeff", "\x00", ";", "(", " ; /* */ ; ",
    "/* trace=1 */ ", "-- trace\n", "--\r\n/**//* ** */--x\n\n", "-- x\r", "/* * / */", "/*/ x*/", "/* no end ", "-- no end",
    "/* a */ SELECT 1 /* */ ", "/* a */ ; /* */", "EXPLAIN ", "WITH a AS (SELECT 1) ", "/**/WITH a AS (SELECT 1) ",
]  # fmt: skip
STATEMENTS = [
    *(before + change for before in BEFORE for change in (INSERT, UPDATE)),
    *(before + "REPLACE INTO t (id, v) VALUES (1, 5)" for before in ("", "/* x */")),
    *(before + "DELETE FROM t WHERE id = 2" for before in ("", "--x\n")),
    "/* x */ dElEtE FROM t",
    "INSERT/**/INTO t (v) VALUES (3)",
    "/* x */ UPDATE t SET v = 9 WHERE id = 1 RETURNING v",
    "/* x */ INSERT OR ROLLBACK INTO t (id) VALUES (1)",
    "/* x */ CREATE TABLE u (a)",
    "/* x */ " + FAILS,
    "INSERT INTO nothing VALUES (1)",
    "INSERT INTO t VALUES (1, 2, 3)",
    f"{INSERT}; {INSERT}",
    f"{INSERT}\x00",
    "/* x */ PRAGMA user_version = 3",
    "/* x */ BEGIN",
    ";BEGIN",
    "\ufeffSAVEPOINT a",
    "/* x */ COMMIT",
    "SELECT 1",
]

SETTINGS: list[tuple[str, Any]] = [("isolation_level", None), ("isolation_level", "EXCLUSIVE")]
if sys.version_info >= (3, 12):
    SETTINGS += [("autocommit", True), ("autocommit", False)]

COMMIT, ROLLBACK = ("commit",), ("rollback",)


def execute(sql: str) -> Step:
    return ("execute", sql)


PROGRAMS: list[Program] = [
    *([execute(sql), end, COMMIT] for sql in STATEMENTS for end in (COMMIT, ROLLBACK)),
    *([execute("BEGIN"), execute(INSERT), execute(sql), end] for sql in STATEMENTS[-8:] for end in (COMMIT, ROLLBACK)),
    *([("executemany", sql, [(1,), (2,)]), end] for sql in ("/*x*/UPDATE t SET v = 4 WHERE id = ?", "--\nINSERT INTO t (id) VALUES (? + 1)")
      for end in (COMMIT, ROLLBACK)),
    *([execute("BEGIN"), execute(UPDATE), end, execute(INSERT), execute(by), end]
      for end in (COMMIT, ROLLBACK) for by in ("COMMIT", ";COMMIT", "ROLLBACK", "\ufeffROLLBACK")),
    *([execute(UPDATE), ("executescript", script), end, execute(INSERT), end]
      for script in (f"{INSERT}; {UPDATE}", f"BEGIN; {INSERT}", f"COMMIT; BEGIN; {INSERT}", f"{INSERT}; ROLLBACK", f"COMMIT; {FAILS}", "")
      for end in (COMMIT, ROLLBACK)),
    *([execute("BEGIN"), execute(UPDATE), ("executescript", script), end]
      for script in (f"{INSERT}; COMMIT", f"COMMIT; BEGIN; {INSERT}", "ROLLBACK") for end in (COMMIT, ROLLBACK)),
    *([execute("/* x */" + UPDATE), ("set", name, value), ROLLBACK, execute("/* x */" + INSERT), ROLLBACK]
      for name, value in SETTINGS),
    *([execute(FAILS), execute(UPDATE), end] for end in (COMMIT, ROLLBACK)),
    [("block", "/* x */" + UPDATE), COMMIT],
    [("block", "/* x */" + FAILS), COMMIT],
    [execute("BEGIN"), ("block", UPDATE), ROLLBACK, execute("COMMIT")],
    [execute("BEGIN"), ("block", FAILS), ROLLBACK, execute(UPDATE), execute("COMMIT")],
    [execute("COMMIT"), execute(INSERT), COMMIT, ROLLBACK],
]  # fmt: skip

MODES: list[dict[str, Any]] = [{"isolation_level": level} for level in (None, "", "IMMEDIATE", "EXCLUSIVE")]
if sys.version_info >= (3, 12):
    MODES += [
        {"autocommit": told, "isolation_level": level} for told in (True, False) for level in ("", None)
    ]


def do(connection: Any, step: Step) -> str:
    """Do a step; the name of its exception, if any."""
    name, *arguments = step
    try:
        if name == "set":
            setattr(connection, *arguments)
        elif name == "block":
            with connection:
                connection.execute(*arguments)
        else:
            result = getattr(connection, name)(*arguments)
            result.fetchall() if name == "execute" else None
    except sqlite3.Error as error:
        return type(error).__name__
    return ""


class Shop:
    """A file, changed by one connection, read by another."""

    def __init__(self, path: Path, mode: dict[str, Any], database: Database | None = None) -> None:
        self._other = sqlite3.connect(path, isolation_level=None)
        self._other.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF")
        self._path, self._mode, self.database = path, mode, database

    def start(self) -> None:
        self._other.executescript(
            "DROP TABLE IF EXISTS t; DROP TABLE IF EXISTS u; CREATE TABLE t (id INTEGER PRIMARY KEY, v);"
            "INSERT INTO t VALUES (1, 1), (2, 2);"
        )
        raw: Any = sqlite3.connect(self._path, timeout=0, isolation_level=self._mode["isolation_level"])
        raw.execute("PRAGMA synchronous = OFF").close()
        if "autocommit" in self._mode:
            raw.autocommit = self._mode["autocommit"]
        self.connection = raw if self.database is None else dbapi.wrap(raw, self.database)

    def rows(self) -> Any:
        return self._other.execute(ROWS).fetchall()

    def state_after(self, step: Step) -> tuple[Any, ...]:
        """What a step raised, whether a transaction is open after it, and what others see."""
        tables = "SELECT name FROM sqlite_schema ORDER BY name"
        error = do(self.connection, step)
        return error, self.connection.in_transaction, self.rows(), self._other.execute(tables).fetchall()

    def close(self) -> None:
        self._other.close()


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache("memory://") as cache:
        yield cache


class Reader:
    """Keeps the rows, as somebody would who has nothing to do with who writes."""

    def __init__(self, cache: Cache, path: Path, database: Database) -> None:
        self._connection = dbapi.wrap(sqlite3.connect(path), database)
        self._rows = cache.cached(prefix="rows", ttl=None)(self._load)

    def _load(self) -> Any:
        return self._connection.execute(ROWS).fetchall()

    def rows(self) -> Any:
        return Context().run(self._rows)

    def close(self) -> None:
        self._connection.close()


def faults(program: Program, own: Shop, wrapped: Shop, reader: Reader) -> Iterator[Any]:
    """Where a wrapped connection differs, and what a reader was left with."""
    reader.rows()
    for at, step in enumerate(program):
        expected, got = own.state_after(step), wrapped.state_after(step)
        if expected != got:
            yield program[: at + 1], "without", expected, "wrapped", got
        if reader.rows() != wrapped.rows():
            yield program[: at + 1], "kept", reader.rows(), "true", wrapped.rows()


@contextmanager
def opened(cache: Cache, folder: Path, mode: dict[str, Any]) -> Iterator[tuple[Shop, Shop, Reader]]:
    """The same file twice: used without, and used wrapped and read."""
    database = Database("sqlite")
    own, wrapped = Shop(folder / "own.db", mode), Shop(folder / "wrapped.db", mode, database)
    with closing(own), closing(wrapped), closing(Reader(cache, folder / "wrapped.db", database)) as reader:
        yield own, wrapped, reader


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_it_is_as_without(mode: dict[str, Any], cache: Cache, tmp_path: Path) -> None:
    wrong: list[Any] = []
    with opened(cache, tmp_path, mode) as (own, wrapped, reader):
        for program in PROGRAMS if mode == MODES[1] else PROGRAMS[:: size(3, 1)]:
            for shop in (own, wrapped):
                shop.start()
            cache.clear()
            with closing(own.connection), closing(wrapped.connection):
                wrong += faults(program, own, wrapped, reader)
    assert not wrong, "\n".join(map(str, wrong))


class Silent(SQLite):
    """A driver that begins transactions for what nobody expects."""

    def beginning(self, raw: Any) -> Callable[[str], str | None]:
        return lambda sql: None


@pytest.mark.parametrize(
    "program", [[execute(INSERT)], [("executemany", "INSERT INTO t (id) VALUES (? + 1)", [(2,), (0,)])]]
)
def test_what_has_begun_a_transaction_is_announced_at_its_end(
    program: Program, cache: Cache, tmp_path: Path
) -> None:
    with opened(cache, tmp_path, {"isolation_level": ""}) as (own, wrapped, reader):
        for shop in (own, wrapped):
            shop.start()
        database = wrapped.connection._statements.database
        wrapped.connection = WrappedConnection(wrapped.connection._raw, database, Silent("sqlite"))
        with closing(own.connection), closing(wrapped.connection):
            assert list(faults([*program, COMMIT], own, wrapped, reader)) == []


@pytest.mark.parametrize("told", [None, True, False])
@pytest.mark.parametrize("before", ["", "/* trace=1 */ ", "-- trace\n"])
def test_of_sqlalchemy(told: bool | None, before: str, cache: Cache, tmp_path: Path) -> None:
    """It knows from SQLAlchemy when a transaction begins."""
    if told is not None and sys.version_info < (3, 12):
        return
    with opened(cache, tmp_path, {"isolation_level": ""}) as (_, shop, reader):
        shop.start()
        shop.connection.close()
        arguments = {} if told is None else {"autocommit": told}
        engine = create_engine(f"sqlite:///{tmp_path}/wrapped.db", poolclass=NullPool, connect_args=arguments)
        afresh.db.sqlalchemy.instrument(engine, shop.database)
        for end in ("rollback", "commit"):
            for change in (INSERT, UPDATE):
                reader.rows()
                with engine.connect() as connection:
                    connection.exec_driver_sql(before + change)
                    assert reader.rows() == shop.rows()
                    getattr(connection, end)()
                    assert reader.rows() == shop.rows()
                    assert (shop.rows() == [(1, 1), (2, 2)]) == (end == "rollback" and told is not True)


@pytest.mark.parametrize("told", [None, True, False])
@pytest.mark.parametrize("file", ["", "asked.db"])
def test_of_aiosqlite(told: bool | None, file: str, tmp_path: Path) -> None:
    """Its connection lives in another thread, which alone may ask what it was told."""
    if told is not None and sys.version_info < (3, 12):
        return
    arguments = {} if told is None else {"autocommit": told}
    url = f"sqlite+aiosqlite:///{tmp_path / file if file else ':memory:'}"

    async def counts(*, instrumented: bool) -> list[Any]:
        engine = create_async_engine(url, poolclass=StaticPool, connect_args=arguments)
        if instrumented:
            afresh.db.sqlalchemy.instrument(engine)
        counted: list[Any] = []
        async with engine.connect() as connection:
            await connection.exec_driver_sql("DROP TABLE IF EXISTS t")
            await connection.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
            await connection.commit()
            for end in (connection.commit, connection.rollback):
                await connection.exec_driver_sql("/* x */" + INSERT)
                await end()
                await connection.rollback()
                counted.append((await connection.exec_driver_sql("SELECT count(*) FROM t")).scalar())
                await connection.rollback()
        await engine.dispose()
        return counted

    assert (
        asyncio.run(counts(instrumented=True))
        == asyncio.run(counts(instrumented=False))
        == ([1, 2] if told else [1, 1])
    )
