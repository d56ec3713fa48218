"""Cursors of wrapped connections: what is executed through them is seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self
from weakref import ref

from afresh.engine.asking.tracker import asking

if TYPE_CHECKING:
    from afresh.db.dbapi import WrappedConnection
    from afresh.db.marks import Running


class WrappedCursor:
    """A cursor of any driver; what isn't here is the driver's own."""

    _connection: WrappedConnection
    _raw: Any
    _rows: Iterator[Any] | None

    def __init__(self, connection: WrappedConnection, raw: Any) -> None:
        # Past `__setattr__`, which takes as long as a query: a cursor is made for each.
        own = self.__dict__
        own["_connection"] = connection
        own["_raw"] = raw
        own["_rows"] = None

    def execute(self, sql: Any, parameters: Any = (), *args: Any, **kwargs: Any) -> Self:
        """Execute a statement."""
        # The way of every statement of the program, so it takes as few calls as can be.
        if self._rows is not None:
            self._rows = None
        connection, raw = self._connection, self._raw
        if connection.unfinished:
            connection.looks_back(self)
        text = sql if type(sql) is str else connection.text(sql)
        running = connection.capture(text, parameters or (), many=False)
        if running is not None or args or kwargs:
            given = (sql, parameters, *args) if parameters or args else (sql,)
            self._sent(running, lambda: raw.execute(*given, **kwargs))
            return self
        try:
            raw.execute(sql, parameters) if parameters else raw.execute(sql)
        except BaseException:
            connection.failed(None)
            raise
        if connection.watches_unfinished:
            connection.unfinished[id(self)] = ref(self), asking()
        return self

    def executemany(self, sql: Any, parameters: Iterable[Any], *args: Any, **kwargs: Any) -> Self:
        """Execute a statement for each of the parameters."""
        listed = list(parameters)
        self._seen(sql, listed, True, lambda: self._raw.executemany(sql, listed, *args, **kwargs))
        return self

    def executescript(self, script: str) -> Self:
        """Execute several statements (`sqlite3`): what is open is committed first."""
        self._rows = None
        self._connection.script(script, lambda: self._raw.executescript(script))
        return self

    def callproc(self, name: str, *args: Any) -> Any:
        """Call a procedure, which may do anything."""
        return self._seen(f"CALL {name}()", (), False, lambda: self._raw.callproc(name, *args))

    @contextmanager
    def copy(self, sql: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Copy rows into a table or out of it (psycopg)."""
        running = self._connection.before(sql, (), many=False)
        try:
            with self._raw.copy(sql, *args, **kwargs) as copying:
                yield copying
        except BaseException:
            self._connection.failed(running)
            raise
        self._connection.after(running, self._raw)

    def stream(self, sql: Any, parameters: Any = None, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Give rows as they arrive (psycopg)."""
        running = self._connection.before(sql, parameters or (), many=False)
        try:
            yield from self._raw.stream(sql, parameters, *args, **kwargs)
        except BaseException:
            self._connection.failed(running)
            raise
        self._connection.after(running, self._raw)

    def copy_from(self, file: Any, table: str, *args: Any, **kwargs: Any) -> Any:
        """Copy rows into a table (psycopg2)."""
        return self._seen(
            f"COPY {table} FROM STDIN", (), False, lambda: self._raw.copy_from(file, table, *args, **kwargs)
        )

    def copy_expert(self, sql: Any, file: Any, *args: Any, **kwargs: Any) -> Any:
        """Copy rows into a table or out of it (psycopg2)."""
        return self._seen(sql, (), False, lambda: self._raw.copy_expert(sql, file, *args, **kwargs))

    def _seen(self, sql: Any, parameters: Any, many: bool, execute: Any) -> Any:
        if self._rows is not None:
            self._rows = None
        self._finished()
        return self._sent(self._connection.before(sql, parameters, many=many), execute)

    def _sent(self, running: Running | None, execute: Any) -> Any:
        try:
            result = execute()
            if running is not None and self._connection.must_fetch(running, self._raw):
                self._rows = iter(self._raw.fetchall())
        except BaseException:
            self._connection.failed(running)
            raise
        connection = self._connection
        if running is not None:
            connection.after(running, self._raw)
        elif connection.watches_unfinished:
            connection.unfinished[id(self)] = ref(self), asking()
        return result

    def _finished(self) -> None:
        """It holds no view of the database any more."""
        unfinished = self._connection.unfinished
        if unfinished:
            unfinished.pop(id(self), None)

    # -- rows -----------------------------------------------------------------------------------------

    def fetchone(self) -> Any:
        """The next row, or `None`."""
        row = self._raw.fetchone() if self._rows is None else next(self._rows, None)
        if row is None:
            self._finished()
        return row

    def fetchmany(self, *args: Any, **kwargs: Any) -> Any:
        """The next rows."""
        if self._rows is None:
            rows = self._raw.fetchmany(*args, **kwargs)
        else:
            size = args[0] if args else kwargs.get("size", self._raw.arraysize)
            rows = [row for _, row in zip(range(size), self._rows, strict=False)]
        if not rows:
            self._finished()
        return rows

    def fetchall(self) -> Any:
        """The rest of the rows."""
        rows = self._raw.fetchall() if self._rows is None else list(self._rows)
        unfinished = self._connection.unfinished
        if unfinished:
            unfinished.pop(id(self), None)
        return rows

    def __iter__(self) -> Iterator[Any]:
        yield from self._raw if self._rows is None else self._rows
        self._finished()

    def __next__(self) -> Any:
        row = self.fetchone()
        if row is None:
            raise StopIteration
        return row

    def close(self) -> None:
        """Give it back."""
        self._finished()
        self._raw.close()

    @property
    def connection(self) -> WrappedConnection:
        """The wrapped connection that it belongs to."""
        return self._connection

    def __enter__(self) -> Self:
        self._raw.__enter__()
        return self

    def __exit__(self, *error: object) -> Any:
        self._finished()
        return self._raw.__exit__(*error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            setattr(self._raw, name, value)
