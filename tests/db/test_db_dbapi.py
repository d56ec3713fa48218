"""Wrapped connections of `sqlite3` are used as its own, and whatever is done through them is seen."""

from __future__ import annotations

import contextlib
import gc
import sqlite3
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from db_small import SCRIPT, Small

from afresh import Cache, ConfigurationError, tag
from afresh.db import Database, dbapi

ANT = "SELECT name FROM product WHERE id = 1"
BEE = "SELECT name FROM product WHERE id = 2"


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache("memory://") as cache:
        yield cache


@pytest.fixture(params=[False, True], ids=["transactions", "autocommit"])
def small(cache: Cache, request: pytest.FixtureRequest) -> Iterator[Small]:
    small = Small(cache, autocommit=request.param)
    yield small
    small.close()


@pytest.fixture
def plain(cache: Cache) -> Iterator[Small]:
    small = Small(cache)
    yield small
    small.close()


@pytest.fixture
def alone(cache: Cache) -> Iterator[Small]:
    small = Small(cache, autocommit=True)
    yield small
    small.close()


def both(small: Small) -> tuple[Any, Any]:
    """Cached queries for two rows, loaded."""
    ant, bee = small.cached(ANT), small.cached(BEE)
    ant(), bee()
    small.loads.clear()
    return ant, bee


def test_an_update_drops_its_row(small: Small) -> None:
    ant, bee = both(small)
    small.change("UPDATE product SET name = 'asp' WHERE id = 1")
    assert (ant(), bee()) == ([("asp",)], [("bee",)])
    assert small.loads == [ANT]


def test_an_insert_drops_its_row(small: Small) -> None:
    _, bee = both(small)
    cat = small.cached("SELECT name FROM product WHERE id = 3")
    assert cat() == []
    small.change("INSERT INTO product (name) VALUES ('cat')")
    assert (cat(), bee()) == ([("cat",)], [("bee",)])
    assert BEE not in small.loads


def test_returning(alone: Small) -> None:
    """Outside of a transaction SQLite changes the row only when the last one is read."""
    ant, bee = both(alone)
    cursor = alone.connection.execute("UPDATE product SET name = 'asp' WHERE id = 1 RETURNING name, id")
    alone.connection.commit()
    assert (ant(), bee(), alone.loads) == ([("asp",)], [("bee",)], [ANT])
    assert cursor.fetchone() == ("asp", 1)
    assert cursor.fetchone() is None


@pytest.mark.parametrize("take", ["fetchall", "fetchmany", "iterate", "next"])
def test_rows_that_were_fetched_before_are_given_as_usual(alone: Small, take: str) -> None:
    cursor = alone.connection.execute("INSERT INTO audit (what) VALUES ('a'), ('b') RETURNING what")
    if take == "fetchall":
        rows = cursor.fetchall()
    elif take == "fetchmany":
        rows = [*cursor.fetchmany(1), *cursor.fetchmany(size=5), *cursor.fetchmany()]
    elif take == "iterate":
        rows = list(cursor)
    else:
        rows = [next(cursor), next(cursor)]
        with pytest.raises(StopIteration):
            next(cursor)
    assert rows == [("a",), ("b",)]
    cursor.close()


def test_executemany_and_its_parameters_may_be_a_generator(small: Small) -> None:
    ant, bee = both(small)
    values = (each for each in [("asp", 1), ("bug", 2)])
    small.connection.executemany("UPDATE product SET name = ? WHERE id = ?", values)
    small.connection.commit()
    assert (ant(), bee()) == ([("asp",)], [("bug",)])


def test_a_script(small: Small) -> None:
    ant, _ = both(small)
    small.connection.executescript(
        "UPDATE product SET name = 'x' WHERE id = 1; UPDATE product SET price = 3;"
    )
    assert ant() == [("x",)]


def test_a_script_that_leaves_a_transaction_open(alone: Small, tmp_path: Path) -> None:
    ant, _ = both(alone)
    alone.connection.executescript("BEGIN; UPDATE product SET name = 'x' WHERE id = 1;")
    assert ant() == [("x",)]
    alone.connection.rollback()
    assert ant() == [("ant",)]
    alone.connection.executescript("BEGIN; UPDATE product SET name = 'y' WHERE id = 1;")
    alone.connection.commit()
    assert ant() == [("y",)]


def test_blocks(plain: Small) -> None:
    ant, _ = both(plain)
    with plain.connection:
        plain.connection.execute("UPDATE product SET name = 'asp' WHERE id = 1")
    assert ant() == [("asp",)]
    with contextlib.suppress(KeyError), plain.connection:
        plain.connection.execute("UPDATE product SET name = 'x' WHERE id = 1")
        raise KeyError
    assert (ant(), plain.loads) == ([("asp",)], [ANT])


def test_transactions_by_statements(alone: Small) -> None:
    ant, bee = both(alone)
    execute = alone.connection.execute
    execute("BEGIN")
    execute("UPDATE product SET name = 'asp' WHERE id = 1")
    execute("SAVEPOINT inner")
    execute("UPDATE product SET name = 'bug' WHERE id = 2")
    execute("ROLLBACK TO inner")
    execute("COMMIT")
    assert (ant(), bee(), alone.loads) == ([("asp",)], [("bee",)], [ANT])
    execute("BEGIN")
    execute("UPDATE product SET name = 'bug' WHERE id = 2")
    execute("ROLLBACK")
    assert (bee(), alone.loads) == ([("bee",)], [ANT])


def test_a_savepoint_alone_is_a_transaction(alone: Small) -> None:
    ant, bee = both(alone)
    execute = alone.connection.execute
    execute("SAVEPOINT outer")
    execute("UPDATE product SET name = 'asp' WHERE id = 1")
    assert ant() == [("asp",)]
    execute("RELEASE outer")
    assert (ant(), bee()) == ([("asp",)], [("bee",)])
    assert not alone.connection.in_transaction
    assert not alone.connection._statements.in_transaction


def test_a_statement_that_fails_changes_nothing_and_goes_on(small: Small) -> None:
    ant, bee = both(small)
    with pytest.raises(sqlite3.IntegrityError):
        small.connection.execute("UPDATE product SET name = 'bee' WHERE id = 1")
    small.connection.rollback()
    assert (ant(), bee()) == ([("ant",)], [("bee",)])
    assert not small.raw.in_transaction
    small.change("UPDATE product SET name = 'asp' WHERE id = 1")
    assert ant() == [("asp",)]


def test_one_that_fails_in_the_middle_and_keeps_what_it_did(small: Small) -> None:
    ant, _ = both(small)
    with pytest.raises(sqlite3.IntegrityError):
        small.connection.execute("UPDATE OR FAIL product SET name = CASE id WHEN 1 THEN 'asp' ELSE 'asp' END")
    small.connection.commit()
    assert ant() == [(small.raw.execute(ANT).fetchall()[0][0],)]


def test_a_statement_may_end_its_transaction_by_failing(small: Small) -> None:
    ant, bee = both(small)
    small.connection.execute("BEGIN")
    small.connection.execute("UPDATE product SET name = 'bug' WHERE id = 2")
    with pytest.raises(sqlite3.IntegrityError):
        small.connection.execute("UPDATE OR ROLLBACK product SET name = 'bug' WHERE id = 1")
    assert not small.connection._statements.in_transaction
    assert (ant(), bee()) == ([("ant",)], [("bee",)])
    small.change("UPDATE product SET name = 'asp' WHERE id = 1")
    assert ant() == [("asp",)]


def test_a_commit_that_fails_may_be_tried_again(cache: Cache, tmp_path: Path) -> None:
    path = str(tmp_path / "db")
    with sqlite3.connect(path) as setup:
        setup.executescript(SCRIPT)
    setup.close()
    connection: Any = dbapi.connect(sqlite3, path, timeout=0)
    reader = sqlite3.connect(path, isolation_level=None)
    ant = cache.cached(prefix="ant")(lambda: dbapi.wrap(reader).execute(ANT).fetchall())
    assert ant() == [("ant",)]
    connection.execute("UPDATE product SET name = 'asp' WHERE id = 1")
    unfinished = reader.execute("SELECT id FROM product")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        connection.commit()
    unfinished.close()
    connection.commit()
    assert ant() == [("asp",)]
    connection.close()
    reader.close()


def test_what_was_not_committed_is_undone_by_closing(cache: Cache, tmp_path: Path) -> None:
    path = str(tmp_path / "db")
    with sqlite3.connect(path) as setup:
        setup.executescript(SCRIPT)
    setup.close()
    reader: Any = dbapi.connect(sqlite3, path)
    loads = []
    ant = cache.cached(prefix="ant")(lambda: loads.append(1) or reader.execute(ANT).fetchall())
    assert ant() == [("ant",)]
    connection: Any = dbapi.connect(sqlite3.connect, path)
    connection.execute("UPDATE product SET name = 'asp' WHERE id = 1")
    connection.close()
    assert ant() == [("ant",)]
    assert len(loads) == 1
    reader.close()


def test_a_connection_that_is_thrown_away_leaves_no_transaction(cache: Cache) -> None:
    small = Small(cache)
    ant, _ = both(small)
    raw = small.raw
    small.connection.execute("UPDATE product SET name = 'asp' WHERE id = 1").close()
    small.connection = None
    gc.collect()
    raw.rollback()
    small.connection = dbapi.wrap(raw, small.database)
    assert ant() == [("ant",)]
    assert small.loads == []
    small.close()


def test_invalidating_by_hand_within_a_transaction_waits_for_its_end(plain: Small, cache: Cache) -> None:
    loads = []
    menu = cache.cached(tags=[tag("menu")], prefix="menu")(lambda: loads.append(1))
    menu()
    plain.connection.execute("UPDATE product SET name = 'asp' WHERE id = 1")
    position = cache._engine.ledger.position()
    cache.invalidate(tag("menu"))
    assert cache._engine.ledger.position() == position
    plain.connection.rollback()  # it may have had nothing to do with the database
    menu()
    assert len(loads) == 2


def test_invalidating_by_hand_before_anything_was_written_does_not_wait(alone: Small, cache: Cache) -> None:
    loads = []
    menu = cache.cached(tags=[tag("menu")], prefix="menu")(lambda: loads.append(1))
    menu()
    alone.connection.execute("BEGIN")
    cache.invalidate(tag("menu"))
    menu()
    assert len(loads) == 2
    alone.connection.execute("COMMIT")
    menu()
    assert len(loads) == 3


def test_what_is_not_known_changes_everything_and_says_so(small: Small) -> None:
    ant, bee = both(small)
    small.connection.create_function("f", 0, lambda: 1)
    small.connection.execute("REPLACE INTO product (id, name) SELECT 1, 'asp' WHERE f() = 1")
    small.connection.commit()
    assert (ant(), bee()) == ([("asp",)], [("bee",)])
    told = small.reasons("invalidate")
    assert "captured" in told


def test_an_attached_database_makes_names_doubtful(alone: Small) -> None:
    ant, _ = both(alone)
    alone.connection.execute("ATTACH ':memory:' AS other")
    alone.connection.execute("UPDATE product SET name = 'asp' WHERE id = 1")
    assert ant() == [("asp",)]
    assert any("attach" in reason for reason in alone.reasons("fill-refused"))
    assert any(reason.startswith("everything: ") for reason in alone.reasons("invalidate"))


def test_events_tell_by_which_write(plain: Small) -> None:
    both(plain)
    plain.change("UPDATE product SET name = 'asp' WHERE id = 1")
    (event,) = [each for each in plain.events if each.kind == "invalidate"]
    assert event.detail["statements"] == ("UPDATE product SET name = 'asp' WHERE id = 1",)
    assert "row::product:1:any" in event.detail["names"]


def test_the_drivers_own_things_are_there(plain: Small) -> None:
    connection = plain.connection
    connection.row_factory = sqlite3.Row
    cursor = connection.execute(ANT)
    assert cursor.description[0][0] == "name"
    assert cursor.connection is connection
    cursor.arraysize = 7
    assert cursor.arraysize == 7
    assert cursor.fetchone()["name"] == "ant"
    connection.row_factory = lambda cursor, row: {"row": row}
    plain.change("UPDATE product SET name = 'asp' WHERE id = 1")  # images are read without it
    assert plain.raw.execute(ANT).fetchone() == {"row": ("asp",)}
    assert plain.raw.row_factory is connection.row_factory


def test_databases_have_names(cache: Cache) -> None:
    one, two = Small(cache, Database("sqlite", name="one")), Small(cache, Database("sqlite", name="two"))
    first, second = one.cached(ANT), two.cached(ANT + " ")
    assert first() == second() == [("ant",)]
    one.change("UPDATE product SET name = 'asp' WHERE id = 1")
    assert (first(), second()) == ([("asp",)], [("ant",)])
    assert len(two.loads) == 1
    one.close()
    two.close()


def test_two_databases_in_one_request(cache: Cache) -> None:
    """Their transactions may end in either order."""
    one, two = Small(cache, Database("sqlite", name="one")), Small(cache, Database("sqlite", name="two"))
    first, second = one.cached(ANT), two.cached(BEE)
    first(), second()
    one.connection.execute("UPDATE product SET name = 'asp' WHERE id = 1")
    two.connection.execute("UPDATE product SET name = 'bug' WHERE id = 2")
    assert (first(), second()) == ([("asp",)], [("bug",)])
    one.connection.commit()
    assert (first(), second()) == ([("asp",)], [("bug",)])
    two.connection.rollback()
    assert (first(), second()) == ([("asp",)], [("bee",)])
    one.loads.clear()
    two.loads.clear()
    assert (first(), second(), one.loads, two.loads) == ([("asp",)], [("bee",)], [], [])
    one.close()
    two.close()


def test_a_driver_that_is_not_known_has_to_be_described(cache: Cache) -> None:
    class Strange:
        pass

    with pytest.raises(ConfigurationError, match="database=Database"):
        dbapi.wrap(Strange())
    connection = sqlite3.connect(":memory:")
    with pytest.raises(ConfigurationError, match="no driver of"):
        dbapi.wrap(connection, Database("postgres"))
    connection.close()


def test_a_driver_of_which_only_the_interface_is_known(small: Small) -> None:
    """It is taken to begin a transaction with the first statement."""
    module = types.ModuleType("strange_driver")
    sys.modules["strange_driver"] = module

    class Cursor:
        __module__ = "strange_driver"

        def __init__(self, raw: Any) -> None:
            self.raw = raw

        def __getattr__(self, name: str) -> Any:
            return getattr(self.raw, name)

    class Connection:
        __module__ = "strange_driver"

        def cursor(self) -> Any:
            return Cursor(small.raw.cursor())

        def commit(self) -> None:
            small.raw.commit()

        def rollback(self) -> None:
            small.raw.rollback()

    connection: Any = dbapi.wrap(Connection(), Database("sqlite"))
    ant, bee = both(small)
    with pytest.raises(AttributeError):
        connection.execute("SELECT 1")
    if small.raw.isolation_level is not None:
        connection.cursor().execute("UPDATE product SET name = 'asp' WHERE id = 1")
        connection.rollback()
        assert (ant(), small.loads) == ([("ant",)], [])
    connection.cursor().execute("UPDATE product SET name = 'asp' WHERE id = 1")
    connection.commit()
    assert (ant(), bee()) == ([("asp",)], [("bee",)])
    del sys.modules["strange_driver"]
