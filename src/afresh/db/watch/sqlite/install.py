"""Makes the log and its triggers, renews them where the schema has changed, and takes them away."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from afresh.db.watch.sqlite.keys import quoted
from afresh.db.watch.sqlite.schema import Seen
from afresh.db.watch.sqlite.triggers import LAYOUTS, LOG, Watched
from afresh.sql.schema.sqlite import OWN

KEEP = 50_000
"""Rows that the log keeps. Who is further behind announces everything."""

_AT_ONCE = 64  # rows that are deleted together: one by one took a tenth of a write

Look = Callable[[Collection[str]], Seen]
"""Looks at the schema, given the tables on which there can't be triggers."""


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction that writes, in a connection that begins none by itself."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()  # also where the COMMIT was refused: nobody else could write
        raise


def renew(connection: sqlite3.Connection, look: Look, keep: int = KEEP) -> list[str]:
    """Make what is missing; gives the tables on which there can't be triggers.

    Whatever was written to a table without its triggers is told by a word in the log.

    Raises:
        sqlite3.OperationalError: Somebody else writes, or the database can't be written to.
    """
    with writing(connection):
        seen = look(())
        _make_log(connection, seen, keep)
        refused = [each.name for each in seen.missing() if not _make_triggers(connection, each)]
        _drop_others(connection, look(refused))
    return refused


def remove(connection: sqlite3.Connection) -> list[str]:
    """Take everything away; gives what there was."""
    with writing(connection):
        there = _ours(connection)
        for kind in ("trigger", "table"):
            for name in [each for each, what in there if what == kind]:
                connection.execute(f"DROP {kind} {quoted(name)}")
    return [name for name, _ in there]


def _ours(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    rows = connection.execute("SELECT name, type FROM sqlite_master WHERE type IN ('table', 'trigger')")
    return [(name, kind) for name, kind in rows.fetchall() if name.startswith(OWN)]


def _make_log(connection: sqlite3.Connection, seen: Seen, keep: int) -> None:
    # Not in the order of a key that may be used again: whoever knows a row by its number shall know it for good.
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {LOG} (id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " nonce INTEGER NOT NULL DEFAULT (random()), at REAL NOT NULL DEFAULT (julianday('now')),"
        " layout INTEGER NOT NULL, op TEXT NOT NULL, changed INTEGER NOT NULL)"
    )
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {LAYOUTS} (number INTEGER PRIMARY KEY, layout TEXT NOT NULL)"
    )
    there = len(connection.execute(f"PRAGMA table_info({LOG})").fetchall()) - 6
    for number in range(there, 2 * max((len(each.layout.image) for each in seen.wanted.values()), default=0)):
        connection.execute(f"ALTER TABLE {LOG} ADD COLUMN v{number}")
    bound = (
        f"CREATE TRIGGER {OWN}bound AFTER INSERT ON {LOG} WHEN NEW.id % {_AT_ONCE} = 0 BEGIN"  # noqa: S608
        f" DELETE FROM {LOG} WHERE id <= NEW.id - {keep}; END"
    )
    if (bound,) not in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER IF EXISTS {OWN}bound")
        connection.execute(bound)
        # The log is never without a row: by the last one it is known again.
        connection.execute(f"INSERT INTO {LOG} (layout, op, changed) VALUES (0, 'b', 0)")  # noqa: S608


def _make_triggers(connection: sqlite3.Connection, watched: Watched) -> bool:
    """Make one table's triggers, if they can do no harm, and tell that something may have happened to it."""
    connection.execute("SAVEPOINT afresh")
    try:
        for name, sql in watched.triggers().items():
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
            connection.execute(sql)
        _try(connection, watched)
        layout = watched.layout
        connection.execute(
            f"INSERT OR REPLACE INTO {LAYOUTS} VALUES (?, ?)",  # noqa: S608
            (layout.number, layout.text),
        )
        connection.execute(
            f"INSERT INTO {LOG} (layout, op, changed) VALUES (?, 'w', 0)",  # noqa: S608
            (layout.number,),
        )
    except sqlite3.DatabaseError:
        connection.execute("ROLLBACK TO afresh")
        return False
    finally:
        connection.execute("RELEASE afresh")
    return True


def _try(connection: sqlite3.Connection, watched: Watched) -> None:
    """Have all triggers compiled: one that can't be would keep everybody from writing to the table."""
    table = quoted(watched.name)
    columns = [quoted(watched.columns[each]) for each in watched.layout.bits]
    # Of no row. (EXPLAIN would compile them too, but it crashes SQLite 3.40 on some.)
    listed = ", ".join(columns)
    connection.execute(f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {table} WHERE 0")  # noqa: S608
    connection.execute(f"UPDATE {table} SET {columns[0]} = {columns[0]} WHERE 0")  # noqa: S608
    connection.execute(f"DELETE FROM {table} WHERE 0")  # noqa: S608


def _drop_others(connection: sqlite3.Connection, seen: Seen) -> None:
    """Drop triggers of tables that are others now."""
    wanted = {f"{OWN}bound"}
    for name, watched in seen.wanted.items():
        if name not in seen.uncovered:
            wanted |= watched.triggers().keys()
    for name, kind in _ours(connection):
        if kind == "trigger" and name not in wanted:
            connection.execute(f"DROP TRIGGER {quoted(name)}")
