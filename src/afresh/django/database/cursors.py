"""Django's cursors, with what passes no execute wrapper: procedures, scripts, COPY, and how far a query was read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorDebugWrapper, CursorWrapper

if TYPE_CHECKING:
    from afresh.django.database.watched import WatchedConnection


def maker(make: Callable[[Any], Any], connection: Any, kind: type[WatchedCursor]) -> Callable[[Any], Any]:
    """What makes the cursors of a connection of Django's, of whatever class they are, so that they tell what they do.

    Every query of the program has a new cursor: where Django itself makes them, they are made of the right class.

    Args:
        make: What made them so far.
        connection: The connection.
        kind: What is put before their class.
    """
    own = _OWN.get(getattr(make, "__func__", None))
    if own is not None:
        return partial(_watching(kind, own), db=connection)

    def made(cursor: Any) -> Any:
        cursor = make(cursor)
        cursor.__class__ = _watching(kind, type(cursor))
        return cursor

    return made


def _watching(kind: type[WatchedCursor], former: type) -> Any:
    made = _classes.get((kind, former))
    if made is None:
        made = _classes[kind, former] = type(former.__name__, (kind, former), {})
    return made


_classes: dict[tuple[type, type], type] = {}

_OWN: dict[Any, type] = {
    BaseDatabaseWrapper.make_cursor: CursorWrapper,
    BaseDatabaseWrapper.make_debug_cursor: CursorDebugWrapper,
}
"""The class of what Django's own functions make."""


class WatchedCursor:
    """What is put before the class of a cursor of Django's: what passes no execute wrapper."""

    db: Any
    cursor: Any

    @property
    def _afresh(self) -> WatchedConnection:
        return self.db._afresh  # type: ignore[no-any-return]

    def callproc(self, procname: str, *args: Any) -> Any:
        """A procedure may do anything."""
        return self._seen(f"CALL {procname}()", lambda: super(WatchedCursor, self).callproc(procname, *args))  # type: ignore[misc]

    def executescript(self, script: str) -> Any:
        """Several statements (SQLite): what is open is committed first."""
        if self._afresh.statements.in_transaction:
            self._afresh.committed_by(self._afresh.connection.connection.commit)
        return self._seen(script, lambda: self.cursor.executescript(script))

    def copy_expert(self, sql: Any, *args: Any, **kwargs: Any) -> Any:
        """Rows are copied (psycopg2)."""
        return self._seen(sql, lambda: self.cursor.copy_expert(sql, *args, **kwargs))

    def copy_from(self, file: Any, table: str, *args: Any, **kwargs: Any) -> Any:
        """Rows are copied (psycopg2)."""
        return self._seen(
            f"COPY {table} FROM STDIN", lambda: self.cursor.copy_from(file, table, *args, **kwargs)
        )

    @contextmanager
    def copy(self, sql: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Rows are copied (psycopg)."""
        with self._afresh.unwrapped(sql), self.cursor.copy(sql, *args, **kwargs) as copying:
            yield copying

    def stream(self, sql: Any, params: Any = None, **kwargs: Any) -> Iterator[Any]:
        """Rows as they arrive (psycopg)."""
        with self._afresh.unwrapped(sql, params):
            yield from self.cursor.stream(sql, params, **kwargs)

    def _seen(self, sql: Any, execute: Callable[[], Any]) -> Any:
        with self._afresh.unwrapped(sql):
            return execute()


class FollowedCursor(WatchedCursor):
    """It also tells how far a query was read, where that holds a view of the database (SQLite)."""

    def fetchone(self) -> Any:
        """The next row."""
        row = self._of_former("fetchone")()
        if row is None:
            self._read()
        return row

    def fetchmany(self, *args: Any, **kwargs: Any) -> Any:
        """The next rows."""
        rows = self._of_former("fetchmany")(*args, **kwargs)
        if not rows:
            self._read()
        return rows

    def fetchall(self) -> Any:
        """All rows that are left."""
        rows = self._of_former("fetchall")()
        self._read()
        return rows

    def close(self) -> Any:
        """Give it back."""
        self._read()
        return self._of_former("close")()

    def __iter__(self) -> Iterator[Any]:
        yield from super().__iter__()  # type: ignore[misc]
        self._read()

    def __exit__(self, *error: Any) -> Any:
        self._read()
        return super().__exit__(*error)  # type: ignore[misc]

    def _of_former(self, name: str) -> Callable[..., Any]:
        """The driver's method, with its errors turned into Django's."""
        return super().__getattr__(name)  # type: ignore[misc, no-any-return]

    def _read(self) -> None:
        unfinished = self.db._afresh.unfinished
        if unfinished:
            unfinished.pop(id(self), None)
