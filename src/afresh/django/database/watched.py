"""One connection of Django's, watched: its statements."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from typing import Any
from weakref import ref

from afresh.db import Database, Statements, once
from afresh.db.marks import Running
from afresh.django.database.cursors import FollowedCursor, WatchedCursor, maker
from afresh.django.database.fetched import Fetched
from afresh.django.database.once import executed_once
from afresh.django.database.transactions import Transactions
from afresh.django.database.written import note
from afresh.engine.asking.tracker import Tracker, asking

_PLAIN_INSERT = re.compile(r"\s*INSERT\s(?!.*(\bRETURNING\b|;))", re.IGNORECASE | re.DOTALL)


class WatchedConnection(Transactions):
    """Tells `Statements` what a connection does.

    It stands first among the connection's execute wrappers, outermost: `with
    connection.execute_wrapper(…)` removes the last one at its end, whosever that is.

    Args:
        connection: The connection.
        database: What it is connected to.

    Attributes:
        statements: What is told.
        unfinished: Cursors whose rows may not have been read to the end, and in which loads they began.
            SQLite lets later queries of the connection see no more than such a one.
    """

    def __init__(self, connection: Any, database: Database) -> None:
        super().__init__(connection, Statements(database, self.run))
        self.unfinished: dict[int, tuple[ref[Any], Tracker | None]] = {}
        self._holds_snapshots = connection.vendor == "sqlite"
        kind = FollowedCursor if self._holds_snapshots else WatchedCursor
        connection.execute_wrappers.insert(0, self.execute)
        for name in ("make_cursor", "make_debug_cursor"):
            setattr(connection, name, maker(getattr(connection, name), connection, kind))

    def reopened(self, database: Database | None) -> None:
        """It is connected again: whatever was open before isn't any more."""
        self.statements.close()
        self._test = None
        if database is not None and database is not self.statements.database:
            self.statements = Statements(database, self.run)

    # -- statements -----------------------------------------------------------------------------

    def execute(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        """The execute wrapper."""
        cursor = context["cursor"]
        if type(cursor.cursor) is Fetched:
            cursor.cursor = cursor.cursor.cursor
        if many:
            params = list(params)  # an iterator can be gone through once
        if self.connection.autocommit:
            return self._execute(execute, sql, params, many, context)
        test = self._test_blocks()
        if test is not None:
            with test.statement():
                return self._execute(execute, sql, params, many, context)
        if self.statements.connection.transaction is None:
            self.statements.begin()
        return self._execute(execute, sql, params, many, context)

    def _execute(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        statements, cursor = self.statements, context["cursor"]
        if self.unfinished:
            self._sees_no_more(cursor)
        text, parameters = (
            (sql, params) if type(sql) is str and params is not None else self._told(sql, params)
        )
        running = statements.before(text, parameters, many=many)
        if running is not None:
            return self._change(running, execute, sql, params, many, context)
        memo = once.current.get()
        if memo is None or many:
            result, whole = execute(sql, params, many, context), False
        else:
            send = partial(execute, sql, params, many, context)
            result, whole = executed_once(memo, statements.connection, cursor, text, parameters, send)
        if self._holds_snapshots and not whole:
            self.unfinished[id(cursor)] = ref(cursor), asking()
        return result

    def _change(
        self,
        running: Running,
        execute: Callable[..., Any],
        sql: Any,
        params: Any,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        """Send a statement that may do more than read."""
        cursor, returning = context["cursor"], self._returning(running, sql, many)
        try:
            result = execute(sql + returning if returning else sql, params, many, context)
            fetched = self._fetched(cursor.cursor)
            if fetched is not None and not returning:
                cursor.cursor = fetched
                result = fetched if result is not None else None
        except BaseException:
            self.statements.failed(running)
            raise
        note(self.connection.alias, running, sql, params, many=many)
        rows = None if fetched is None else fetched.rows
        self.statements.after(running, cursor.cursor.rowcount, self._number(cursor.cursor), rows)
        return result

    def _fetched(self, cursor: Any) -> Fetched | None:
        if cursor.description is None:
            return None
        with self.connection.wrap_database_errors:
            return Fetched(cursor)

    def _number(self, cursor: Any) -> Any:
        """The number that the database gave to a row that was inserted; elsewhere `lastrowid` is something else."""
        return cursor.lastrowid if self.connection.vendor == "sqlite" else None

    def _returning(self, running: Running, sql: Any, many: bool) -> str:
        """What to add to an INSERT, so that PostgreSQL says which numbers it gave to the rows.

        Without them all that depends on any row of the table would be dropped, as a reader might have
        asked for a row that wasn't there yet.
        """
        numbered = running.plan.numbered
        if self.connection.vendor != "postgresql" or many or not numbered or not isinstance(sql, str):
            return ""
        if not self.statements.database.old_images or not _PLAIN_INSERT.match(sql):
            return ""
        returning = f" RETURNING {self.connection.ops.quote_name(numbered)}"
        running.sql += returning
        return returning

    def _sees_no_more(self, asked: Any) -> None:
        """Queries that are not read to their end hold an older view of the database."""
        self.unfinished.pop(id(asked), None)
        for number, (cursor, began_in) in list(self.unfinished.items()):
            tracker = asking()
            if cursor() is None:
                self.unfinished.pop(number, None)
            elif tracker is not None and began_in is None:
                tracker.refuse("an unfinished query of this connection may see older rows")
            elif tracker is not None and began_in is not None:
                tracker.stamp = min(tracker.stamp, began_in.stamp)

    @contextmanager
    def unwrapped(self, sql: Any, params: Any = None) -> Iterator[None]:
        """Around a statement that passes no wrapper."""
        test = None if self.connection.autocommit else self._test_blocks()
        if not self.connection.autocommit and test is None:
            self.statements.begin()
        with nullcontext() if test is None else test.statement():
            running = self.statements.before(*self._told(sql, params))
            try:
                yield
            except BaseException:
                self.statements.failed(running)
                raise
            self.statements.after(running)

    def _told(self, sql: Any, params: Any) -> tuple[str, Any]:
        """The text and the parameters in one form: without parameters, `%` means nothing in Django's SQL."""
        if not isinstance(sql, str):
            sql = sql.decode() if isinstance(sql, bytes) else sql.as_string(self.connection.connection)
        if params is None:
            return sql.replace("%", "%%"), ()
        return sql, params

    def run(self, sql: str, parameters: Any) -> Sequence[Sequence[Any]]:
        """Run a query of our own: past the wrappers, and past the log of queries."""
        with self.connection.wrap_database_errors, closing(self.connection.create_cursor()) as cursor:
            if parameters or "%%" in sql:
                cursor.execute(sql, parameters)
            else:
                cursor.execute(sql)  # here a single `%` is one
            return [] if cursor.description is None else cursor.fetchall()
