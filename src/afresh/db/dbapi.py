"""Connections of DB-API drivers: `sqlite3`, psycopg, psycopg2, and any other whose dialect is known.

::

    connection = afresh.db.dbapi.connect(sqlite3, "shop.db")
    connection.execute("UPDATE product SET name = ? WHERE id = ?", ("net", 7))
    connection.commit()        # what was made from the old name is dropped, everywhere

A wrapped connection is used as the driver's own. What it is asked within a cached function becomes
what the result depends on.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self
from weakref import ref

from afresh.db import drivers, once
from afresh.db.cursors import WrappedCursor
from afresh.db.database import Database
from afresh.db.driving import Driven
from afresh.db.marks import Running
from afresh.db.memo import Memo, Question
from afresh.db.once_cursor import OnceCursor
from afresh.engine.asking.tracker import Tracker, asking
from afresh.errors import ConfigurationError


def connect(driver: Any, *args: Any, database: Database | None = None, **kwargs: Any) -> WrappedConnection:
    """Connect by a driver, and wrap the connection.

    Args:
        driver: The driver's module, or its function that connects.
        args: What it is given.
        database: What is known of the database; by default a new one, so give all connections the same.
        kwargs: What it is given.
    """
    made = driver(*args, **kwargs) if callable(driver) else driver.connect(*args, **kwargs)
    return wrap(made, database)


def wrap(raw: Any, database: Database | None = None) -> WrappedConnection:
    """A connection whose statements are seen.

    Args:
        raw: The driver's connection.
        database: What is known of the database; by default a new one, so give all connections the same.

    Raises:
        ConfigurationError: The driver isn't known, and `database` isn't given.
    """
    driver = drivers.asserted(raw, None if database is None else database.dialect)
    if database is None:
        database = Database(driver.dialect, paramstyle=driver.paramstyle)
    if driver.dialect != database.dialect:
        raise ConfigurationError(f"{type(raw).__module__} is no driver of {database.dialect!r}.")
    return WrappedConnection(raw, database, driver)


_OWN = frozenset({"capture", "watches_unfinished", "unfinished"})
_BEGINNING = frozenset({"isolation_level", "autocommit"})  # how a driver begins transactions


class WrappedConnection:
    """A connection of any driver; what isn't here is the driver's own.

    Attributes:
        capture: Told of each statement before it is sent.
        watches_unfinished: A query that isn't read to its end lets later ones see no more than it does.
        unfinished: Cursors of such queries, by their identity, and the load in which each was sent, if in one.
    """

    def __init__(self, raw: Any, database: Database, driver: drivers.Driver) -> None:
        self._raw = raw
        self._driver = driver
        self._driven = Driven(raw, database, driver)
        self._statements = self._driven.statements
        self.capture = self._driven.before
        self._executes = hasattr(raw, "execute")
        self.watches_unfinished = driver.dialect == "sqlite"
        self.unfinished: dict[int, tuple[ref[WrappedCursor], Tracker | None]] = {}

    # -- statements -----------------------------------------------------------------------------------

    def cursor(self, *args: Any, **kwargs: Any) -> WrappedCursor:
        """A cursor whose statements are seen."""
        kind = WrappedCursor if once.current.get() is None else OnceCursor
        return kind(self, self._raw.cursor(*args, **kwargs))

    def execute(self, sql: Any, parameters: Any = (), *args: Any, **kwargs: Any) -> WrappedCursor:
        """Execute a statement with a new cursor, where the driver has such a method."""
        if not self._executes:
            self._driver_has("execute")
        cursor = self.cursor()
        if args or kwargs:
            return cursor.execute(sql, parameters, *args, **kwargs)
        return cursor.execute(sql, parameters)

    def executemany(self, sql: Any, parameters: Any) -> WrappedCursor:
        """Execute a statement many times with a new cursor, where the driver has such a method."""
        self._driver_has("executemany")
        return self.cursor().executemany(sql, parameters)

    def executescript(self, script: str) -> WrappedCursor:
        """Execute several statements with a new cursor, where the driver has such a method."""
        self._driver_has("executescript")
        return self.cursor().executescript(script)

    def _driver_has(self, name: str) -> None:
        getattr(self._raw, name)

    def text(self, sql: Any) -> str:
        """The text of a statement, whatever it was given as."""
        return self._driver.text(self._raw, sql)

    def before(self, sql: Any, parameters: Any, *, many: bool) -> Running | None:
        """A statement is about to be sent."""
        if self.unfinished:
            self.looks_back()
        return self.capture(sql if type(sql) is str else self.text(sql), parameters, many=many)

    def looks_back(self, cursor: WrappedCursor | None = None) -> None:
        """A statement is about to be sent, by this cursor, while queries are not read to their end."""
        if cursor is not None:
            self.unfinished.pop(id(cursor), None)
        if self.unfinished and (tracker := asking()) is not None:
            self._sees_no_more(tracker)

    def question(self, memo: Memo, cursor: Any, sql: Any, parameters: Any) -> Question | None:
        """What a query asks, if its answer may be remembered."""
        text = sql if type(sql) is str else self.text(sql)
        return memo.question(self._statements.connection, cursor, text, parameters)

    def _sees_no_more(self, tracker: Tracker) -> None:
        """Queries that are not read to their end hold an older view of the database."""
        for number, (cursor, began_in) in list(self.unfinished.items()):
            if cursor() is None:
                self.unfinished.pop(number, None)
            elif began_in is None:
                tracker.refuse("an unfinished query of this connection may see older rows")
            else:
                tracker.stamp = min(tracker.stamp, began_in.stamp)

    def must_fetch(self, running: Running, cursor: Any) -> bool:
        """Whether a change is made only when its rows are read (SQLite's RETURNING)."""
        return self._statements.must_fetch(running) and cursor.description is not None

    def after(self, running: Running | None, cursor: Any) -> None:
        """It was executed."""
        self._driven.after(running, cursor)

    def script(self, script: str, execute: Callable[[], Any]) -> None:
        """Execute several statements; what is open may be committed before."""
        if self._driver.commits_before_scripts(self._raw):
            self.commit()
        self._driven.script(script, execute)

    def failed(self, running: Running | None) -> None:
        """It raised an exception."""
        self._driven.failed(running)

    # -- transactions ---------------------------------------------------------------------------------

    def commit(self) -> None:
        """Commit, and announce what was changed.

        Raises:
            NotInvalidated: It was committed, but couldn't be announced.
            BackendError: It wasn't committed, since a `strict` cache couldn't be told.
        """
        self._driven.committing(self._raw.commit)

    def rollback(self) -> None:
        """Roll back; nothing is announced."""
        self._raw.rollback()
        self._driven.rolled_back()

    @contextmanager
    def transaction(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """A transaction, or a savepoint within one (psycopg)."""
        block = self._raw.transaction(*args, **kwargs)
        name = uuid.uuid4().hex if self._statements.in_transaction else ""
        self._statements.savepoint(name) if name else self._statements.begin()
        transaction = block.__enter__()
        try:
            yield transaction
        except BaseException as error:
            self._statements.rollback_to(name) if name else None
            ignored = block.__exit__(type(error), error, error.__traceback__)
            self._statements.after_rollback() if not name else None
            if not ignored:
                raise
        else:
            self._leave_block(block, name, forced=kwargs.get("force_rollback", False))

    def _leave_block(self, block: Any, name: str, *, forced: bool) -> None:
        if name:
            block.__exit__(None, None, None)
            self._statements.rollback_to(name) if forced else self._statements.release(name)
        elif forced:
            block.__exit__(None, None, None)
            self._statements.after_rollback()
        else:
            self._driven.committing(lambda: block.__exit__(None, None, None))

    def close(self) -> None:
        """Close the connection; what was not committed is undone."""
        self._raw.close()
        self._statements.close()

    def __enter__(self) -> Self:
        self._raw.__enter__()
        return self

    def __exit__(self, *error: Any) -> Any:
        if error[0] is None:
            return self._driven.committing(lambda: self._raw.__exit__(*error))
        try:
            return self._raw.__exit__(*error)
        finally:
            self._driven.rolled_back()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") or name in _OWN:
            object.__setattr__(self, name, value)
        elif name in _BEGINNING:
            self._driven.setting(lambda: setattr(self._raw, name, value))
        else:
            setattr(self._raw, name, value)
