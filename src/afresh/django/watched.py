"""One connection of Django's, watched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from afresh.db import Database, Statements
from afresh.db.connection import Running
from afresh.django.fetched import Fetched

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper


class WatchedConnection:
    """Tells `Statements` what a connection does.

    It stands first among the connection's execute wrappers, outermost: `with
    connection.execute_wrapper(…)` removes the last one at its end, whosever that is. What ends
    transactions passes no wrapper: those methods are replaced on the connection itself.

    Args:
        connection: The connection.
        database: What it is connected to.
    """

    def __init__(self, connection: BaseDatabaseWrapper, database: Database) -> None:
        self.connection = connection
        self.statements = Statements(database, self.run)
        connection.execute_wrappers.insert(0, self.execute)
        self._commit = _replaced(connection, "_commit", self.commit)
        self._rollback = _replaced(connection, "_rollback", self.rollback)
        self._close = _replaced(connection, "_close", self.close)
        self._set_autocommit = _replaced(connection, "_set_autocommit", self.set_autocommit)

    def reopened(self, database: Database | None) -> None:
        """It is connected again: whatever was open before isn't any more."""
        self.statements.close()
        if database is not None and database is not self.statements.database:
            self.statements = Statements(database, self.run)

    # -- statements -----------------------------------------------------------------------------

    def execute(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        """The execute wrapper."""
        statements, cursor = self.statements, context["cursor"]
        if isinstance(cursor.cursor, Fetched):
            cursor.cursor = cursor.cursor.cursor
        if not self.connection.autocommit:
            statements.begin()
        if many:
            params = list(params)  # an iterator can be gone through once
        running = statements.before(*self._told(sql, params), many=many)
        try:
            result = execute(sql, params, many, context)
            if running is not None and cursor.cursor.description is not None:
                cursor.cursor = Fetched(cursor.cursor)
                result = cursor.cursor if result is not None else None
        except BaseException:
            statements.failed(running)
            raise
        if running is not None:
            statements.after(running, cursor.cursor.rowcount, self._number(running, cursor.cursor))
        return result

    def _number(self, running: Running, cursor: Any) -> Any:
        """The number that the database gave to a row that was inserted."""
        if isinstance(cursor, Fetched):
            return cursor.value(running.plan.numbered)
        # Elsewhere `lastrowid` is something else.
        return cursor.lastrowid if self.connection.vendor == "sqlite" else None

    def _told(self, sql: Any, params: Any) -> tuple[str, Any]:
        """The text and the parameters, in one form: without parameters, `%` means nothing in Django's SQL."""
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

    # -- transactions ---------------------------------------------------------------------------

    def commit(self) -> None:
        """COMMIT: what it changes is announced as about to change, and after it as changed."""
        if not self.statements.in_transaction:
            self._commit()
            return
        self._committing(self._commit)

    def _committing(self, commit: Callable[[], Any]) -> None:
        try:
            self.statements.before_commit()
        except BaseException:
            self.connection.rollback()
            raise
        try:
            commit()
        except BaseException:
            self.statements.commit_failed()
            raise
        self.statements.after_commit()

    def rollback(self) -> None:
        """ROLLBACK: nothing was changed."""
        try:
            self._rollback()
        finally:
            self.statements.after_rollback()

    def close(self) -> None:
        """The connection is closed: what was not committed is undone."""
        try:
            self._close()
        finally:
            self.statements.close()

    def set_autocommit(self, autocommit: bool) -> None:
        """To switch autocommit on commits what is open, on some databases."""
        if autocommit and self.statements.in_transaction:
            self._committing(lambda: self._set_autocommit(autocommit))
        else:
            self._set_autocommit(autocommit)


def _replaced(connection: BaseDatabaseWrapper, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """Put a method in the place of another of one object; gives the former one."""
    former: Callable[..., Any] = getattr(connection, name)
    setattr(connection, name, method)
    return former
