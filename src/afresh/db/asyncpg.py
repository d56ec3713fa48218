"""Connections of asyncpg.

::

    connection = afresh.db.asyncpg.wrap(await asyncpg.connect(…), database)
    async with connection.transaction():
        await connection.execute("UPDATE product SET name = $1 WHERE id = $2", "net", 7)

A pool gives wrapped connections by `async with acquire(pool, database) as connection`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from afresh.db import steps
from afresh.db.database import Database
from afresh.db.statements import AsyncStatements


def postgres(**settings: Any) -> Database:
    """A database of asyncpg's: statements have `$1` in them."""
    return Database("postgres", paramstyle="dollar", **settings)


def wrap(raw: Any, database: Database) -> WrappedConnection:
    """A connection whose statements are seen. Give all connections of one database the same `database`."""
    return WrappedConnection(raw, database)


@asynccontextmanager
async def acquire(pool: Any, database: Database) -> AsyncIterator[WrappedConnection]:
    """A wrapped connection of a pool."""
    async with pool.acquire() as raw:
        connection = WrappedConnection(raw, database)
        try:
            yield connection
        finally:
            await connection.end()


class WrappedConnection:
    """A connection of asyncpg; what isn't here is its own."""

    def __init__(self, raw: Any, database: Database) -> None:
        self._raw = raw
        self._statements = AsyncStatements(database, self._rows)

    async def _rows(self, sql: str, parameters: Any) -> Sequence[Sequence[Any]]:
        return [tuple(row) for row in await self._raw.fetch(sql, *parameters)]

    # -- statements -----------------------------------------------------------------------------------

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        """Execute a statement, or several without parameters; gives its status."""
        done: str = await self._seen(query, args, lambda: self._raw.execute(query, *args, **options))
        return done

    async def executemany(self, command: str, args: Any, **options: Any) -> Any:
        """Execute a statement for each of the parameters."""
        listed = [tuple(each) for each in args]
        return await self._seen(
            command, listed, lambda: self._raw.executemany(command, listed, **options), many=True
        )

    async def fetch(self, query: str, *args: Any, **options: Any) -> list[Any]:
        """All rows."""
        rows: list[Any] = await self._seen(query, args, lambda: self._raw.fetch(query, *args, **options))
        return rows

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        """The first row, or `None`."""
        return await self._seen(query, args, lambda: self._raw.fetchrow(query, *args, **options))

    async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
        """One value of the first row."""
        return await self._seen(query, args, lambda: self._raw.fetchval(query, *args, **options))

    async def copy_records_to_table(self, table_name: str, **options: Any) -> str:
        """Copy records into a table."""
        schema = options.get("schema_name")
        name = f'"{schema}"."{table_name}"' if schema else f'"{table_name}"'
        done: str = await self._seen(
            f"COPY {name} FROM STDIN", (), lambda: self._raw.copy_records_to_table(table_name, **options)
        )
        return done

    async def copy_to_table(self, table_name: str, **options: Any) -> str:
        """Copy a file into a table."""
        schema = options.get("schema_name")
        name = f'"{schema}"."{table_name}"' if schema else f'"{table_name}"'
        done: str = await self._seen(
            f"COPY {name} FROM STDIN", (), lambda: self._raw.copy_to_table(table_name, **options)
        )
        return done

    async def prepare(self, query: str, **options: Any) -> _Prepared:
        """A prepared statement."""
        return _Prepared(self, query, await self._raw.prepare(query, **options))

    async def _seen(
        self, sql: str, args: Any, execute: Callable[[], Awaitable[Any]], *, many: bool = False
    ) -> Any:
        running = await self._statements.before(sql, args, many=many)
        try:
            result = await execute()
        except BaseException:
            await self._statements.failed(running)
            raise
        rows = None
        if isinstance(result, list) and steps.returned(sql):
            rows = [tuple(row) for row in result]
        await self._statements.after(running, _count(result), None, rows)
        return result

    # -- transactions ---------------------------------------------------------------------------------

    def transaction(self, **options: Any) -> _Transaction:
        """A transaction, or a savepoint within one."""
        return _Transaction(self._statements, self._raw.transaction(**options))

    async def close(self, **options: Any) -> None:
        """Close the connection; what was not committed is undone."""
        await self._raw.close(**options)
        await self.end()

    async def end(self) -> None:
        """The connection goes back to its pool."""
        await self._statements.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


class _Prepared:
    """A prepared statement; what isn't here is its own."""

    def __init__(self, connection: WrappedConnection, sql: str, raw: Any) -> None:
        self._connection = connection
        self._sql = sql
        self._raw = raw

    async def fetch(self, *args: Any, **options: Any) -> Any:
        """All rows."""
        return await self._connection._seen(self._sql, args, lambda: self._raw.fetch(*args, **options))

    async def fetchrow(self, *args: Any, **options: Any) -> Any:
        """The first row, or `None`."""
        return await self._connection._seen(self._sql, args, lambda: self._raw.fetchrow(*args, **options))

    async def fetchval(self, *args: Any, **options: Any) -> Any:
        """One value of the first row."""
        return await self._connection._seen(self._sql, args, lambda: self._raw.fetchval(*args, **options))

    async def executemany(self, args: Any, **options: Any) -> Any:
        """Execute it for each of the parameters."""
        listed = [tuple(each) for each in args]
        return await self._connection._seen(
            self._sql, listed, lambda: self._raw.executemany(listed, **options), many=True
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


class _Transaction:
    """A transaction of asyncpg, or a savepoint: begun and ended by hand, or by a block."""

    def __init__(self, statements: AsyncStatements, raw: Any) -> None:
        self._statements = statements
        self._raw = raw
        self._name = ""

    async def start(self) -> None:
        """Begin."""
        self._name = f"afresh.{id(self)}" if self._statements.in_transaction else ""
        if self._name:
            self._statements.savepoint(self._name)
        else:
            self._statements.begin()
        await self._raw.start()

    async def commit(self) -> None:
        """Commit, and announce what was changed; a savepoint waits for its transaction."""
        if self._name:
            await self._raw.commit()
            self._statements.release(self._name)
            return
        await self._statements.before_commit()
        try:
            await self._raw.commit()
        except BaseException:
            await self._statements.commit_failed()
            raise
        await self._statements.after_commit()

    async def rollback(self) -> None:
        """Roll back; nothing is announced."""
        await self._raw.rollback()
        if self._name:
            self._statements.rollback_to(self._name)
        else:
            await self._statements.after_rollback()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            await self.commit()
        else:
            await self.rollback()


def _count(result: Any) -> int:
    """How many rows a status speaks of: `UPDATE 3`, `INSERT 0 1`."""
    last = result.rpartition(" ")[2] if isinstance(result, str) else ""
    return int(last) if last.isdecimal() else -1
