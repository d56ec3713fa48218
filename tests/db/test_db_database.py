"""One database's schema: asked for once, and again when it changes, whoever changed it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from db_small import SCRIPT, Small

from afresh import Cache, ConfigurationError
from afresh.db import Database, dbapi
from afresh.sql import Schema

CHEAP = "SELECT name FROM cheap ORDER BY id"


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache("memory://") as cache:
        yield cache


@pytest.fixture
def small(cache: Cache) -> Iterator[Small]:
    small = Small(cache)
    yield small
    small.close()


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="dialect='oracle'"):
        Database("oracle")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="no colon"):
        Database("sqlite", name="a:b")
    assert repr(Database("sqlite", name="a")) == "<Database a (sqlite)>"


def test_the_schema_is_asked_for_once(small: Small) -> None:
    asked = []
    small.raw.set_trace_callback(lambda sql: asked.append(sql) if "sqlite_master" in sql else None)
    for _ in range(3):
        small.connection.execute("SELECT name FROM product").fetchall()
        small.change("UPDATE product SET price = 1 WHERE id = 1")
    assert len(asked) == 1


def test_one_that_is_given_is_not_asked_for(cache: Cache) -> None:
    small = Small(cache, Database("sqlite", catalogue=Schema(complete=False)))
    asked = []
    small.raw.set_trace_callback(lambda sql: asked.append(sql) if "sqlite_master" in sql else None)
    product = small.cached("SELECT name FROM product WHERE id = 1")
    product()
    small.change("CREATE TABLE other (id INTEGER)")
    small.change("UPDATE product SET name = 'asp' WHERE id = 1")
    assert product() == [("asp",)]
    assert asked == []
    small.close()


def test_a_changed_view_is_another_question(small: Small) -> None:
    cheap = small.cached(CHEAP)
    assert cheap() == [("ant",)]
    small.change("DROP VIEW cheap")
    small.change("CREATE VIEW cheap AS SELECT id, what AS name FROM audit")
    assert cheap() == []
    small.change("INSERT INTO audit (what) VALUES ('seen')")
    assert cheap() == [("seen",)]


def test_a_new_table_is_known(small: Small) -> None:
    small.cached("SELECT name FROM product")()
    small.change("CREATE TABLE more (id INTEGER PRIMARY KEY, name TEXT)")
    more = small.cached("SELECT name FROM more WHERE id = 1")
    other = small.cached("SELECT name FROM more WHERE id = 2")
    assert (more(), other()) == ([], [])
    small.change("INSERT INTO more (name) VALUES ('one')")
    assert (more(), other()) == ([("one",)], [])
    assert small.loads.count("SELECT name FROM more WHERE id = 2") == 1


def test_a_new_trigger_is_known(small: Small) -> None:
    audit = small.cached("SELECT what FROM audit")
    assert audit() == []
    small.change(
        "CREATE TRIGGER t AFTER UPDATE ON product BEGIN INSERT INTO audit (what) VALUES (new.name); END"
    )
    audit()
    small.change("UPDATE product SET name = 'asp' WHERE id = 1")
    assert audit() == [("asp",)]


def test_a_schema_that_is_rolled_back_never_was(small: Small) -> None:
    cheap = small.cached(CHEAP)
    cheap()
    small.connection.execute("BEGIN")
    small.connection.execute("DROP VIEW cheap")
    small.connection.execute("CREATE TABLE cheap (id INTEGER PRIMARY KEY, name TEXT)")
    assert cheap() == []
    small.connection.execute("INSERT INTO cheap (name) VALUES ('x')")
    assert cheap() == [("x",)]
    small.connection.rollback()
    assert cheap() == [("ant",)]
    small.change("UPDATE product SET price = 99 WHERE id = 1")
    assert cheap() == []


def test_a_schema_that_another_program_changed(tmp_path: Path) -> None:
    """Another process has its own `Database`: here it is one in the same process, over one shared folder."""
    path = str(tmp_path / "db")
    with sqlite3.connect(path) as setup:
        setup.executescript(SCRIPT)
    setup.close()
    with Cache(f"sqlite:///{tmp_path}/folder") as cache:
        here: Any = dbapi.connect(sqlite3, path, database=Database("sqlite"))
        there: Any = dbapi.connect(sqlite3, path, database=Database("sqlite"))
        cheap = cache.cached(prefix="cheap")(lambda: here.execute(CHEAP).fetchall())
        assert cheap() == [("ant",)]
        there.executescript("DROP VIEW cheap; CREATE VIEW cheap AS SELECT id, what AS name FROM audit;")
        assert cheap() == []
        there.execute("INSERT INTO audit (what) VALUES ('seen')")
        there.commit()
        assert cheap() == [("seen",)]
        here.close()
        there.close()


def test_a_write_is_planned_by_the_schema_that_another_program_made(tmp_path: Path) -> None:
    path = str(tmp_path / "db")
    with sqlite3.connect(path) as setup:
        setup.executescript(SCRIPT)
    setup.close()
    with Cache(f"sqlite:///{tmp_path}/folder") as cache:
        here: Any = dbapi.connect(sqlite3, path, database=Database("sqlite"))
        there: Any = dbapi.connect(sqlite3, path, database=Database("sqlite"))
        here.execute("UPDATE product SET price = 1 WHERE id = 1")
        here.commit()
        there.execute(
            "CREATE TRIGGER t AFTER UPDATE ON product BEGIN INSERT INTO audit (what) VALUES ('x'); END"
        )
        there.commit()
        audit = cache.cached(prefix="audit")(lambda: there.execute("SELECT what FROM audit").fetchall())
        assert audit() == []
        here.execute("UPDATE product SET price = 2 WHERE id = 1")
        here.commit()
        assert audit() == [("x",)]
        here.close()
        there.close()


def test_a_cache_that_is_opened_later(small: Small) -> None:
    """What was announced in it before it was looked at isn't known: the schema is asked for again."""
    small.connection.execute("SELECT 1").fetchall()
    planner = small.database.planner
    with Cache("memory://") as later:
        query = later.cached(prefix="later")(lambda: small.connection.execute(CHEAP).fetchall())
        assert query() == [("ant",)]
        assert small.database.planner is not planner
        planner = small.database.planner
        assert query() == [("ant",)]
        small.change("UPDATE product SET price = 99 WHERE id = 1")
        assert query() == []
        assert small.database.planner is planner


def test_threads_share_it(cache: Cache, tmp_path: Path) -> None:
    path = str(tmp_path / "db")
    with sqlite3.connect(path) as setup:
        setup.executescript(SCRIPT)
    setup.close()
    database = Database("sqlite")
    found: list[Any] = []

    def read() -> None:
        connection: Any = dbapi.connect(sqlite3, path, database=database)
        found.append(connection.execute(CHEAP).fetchall())
        connection.close()

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[("ant",)]] * 4
    database.after_fork()


def test_a_schema_that_cant_be_read(small: Small) -> None:
    """The statements of the program go on; nothing is kept meanwhile."""
    small.raw.set_authorizer(_no_master)
    query = small.cached("SELECT name FROM product WHERE id = 1")
    assert query() == query() == [("ant",)]
    assert len(small.loads) == 2
    assert small.reasons("fill-refused") == ["the schema could not be read"] * 2
    small.raw.set_authorizer(None)
    assert query() == query() == [("ant",)]
    assert len(small.loads) == 3
    small.raw.set_authorizer(_no_master)
    small.database.forget()
    small.change("UPDATE product SET name = 'asp' WHERE id = 1")
    small.raw.set_authorizer(None)
    assert query() == [("asp",)]


def _no_master(action: int, table: str | None, *_: object) -> int:
    return sqlite3.SQLITE_DENY if table == "sqlite_master" else sqlite3.SQLITE_OK
