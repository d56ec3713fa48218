"""What glue tells of one connection: each statement before and after it, and each step of a transaction.

::

    statements = Statements(database, run)         # one for each connection
    running = statements.before(sql, parameters)
    try:
        cursor.execute(sql, parameters)
    except BaseException:
        statements.failed(running)
        raise
    statements.after(running, cursor.rowcount, cursor.lastrowid)

Outside of a transaction each statement is one by itself. When `after` returns, its change is announced.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeAlias

from afresh.db import once
from afresh.db.connection import Connection
from afresh.db.database import AsyncRun, Database, Run
from afresh.db.marks import Running
from afresh.runtime.drive import drive

Wait: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Any]


class Statements:
    """The statements of one connection, for a driver that blocks.

    `BEGIN`, `COMMIT`, `SAVEPOINT` … that are executed as statements are understood; the methods for
    them are for what a driver does without a statement. Either is enough, and both do no harm.

    Args:
        database: What the connection is connected to.
        run: Runs a statement on this connection, unseen by the capture, and gives its rows.
        wait: Runs a coroutine to its end from a plain function, where that isn't done by blocking.
        run_async: `run`, as a coroutine that `wait` can run.
    """

    def __init__(
        self, database: Database, run: Run, *, wait: Wait = drive, run_async: AsyncRun | None = None
    ) -> None:
        self.database = database
        self.connection = Connection(database, run, run_async)
        self._wait = wait

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, as far as was told."""
        return self.connection.transaction is not None

    def before(self, sql: str, parameters: Any = (), *, many: bool = False) -> Running | None:
        """Call this before a statement is sent; give what it returns to `after` or `failed`.

        Args:
            sql: Its text.
            parameters: Its parameters, or with `many` a list of them.
            many: It is executed once for each of the parameters.

        Raises:
            BackendError: Where `strict` caches can't be told of a change, it must not be made.
        """
        running = self.connection.reads(sql, parameters, many)
        if running is not None:
            self.tell(running)
        return running

    def tell(self, running: Running) -> None:
        """A statement is about to be sent that may do more than read: the rest of `before`."""
        self._wait(self.connection.before(running))
        once.notice(running)

    def must_fetch(self, running: Running | None) -> bool:
        """Whether rows that the statement returns have to be fetched before `after`.

        Outside of a transaction SQLite makes a change with RETURNING when its last row was read.
        """
        return running is not None and running.alone is not None and self.database.dialect == "sqlite"

    def after(
        self,
        running: Running | None,
        rowcount: int | None = -1,
        lastrowid: Any = None,
        rows: Sequence[Sequence[Any]] | None = None,
    ) -> None:
        """The statement was executed.

        Args:
            running: What `before` returned.
            rowcount: As the cursor tells it: rows that were changed, or -1.
            lastrowid: As the cursor tells it.
            rows: All rows that it returned, where glue can look at them; they make an INSERT exact.

        Raises:
            NotInvalidated: The change was made, and could not be announced.
        """
        if running is not None:
            once.notice(running)
            self._wait(self.connection.after(running, rowcount, lastrowid, rows))

    def failed(self, running: Running | None) -> None:
        """The statement raised an exception."""
        if running is not None:
            once.notice(running)
            self._wait(self.connection.failed(running))

    def apart(self, running: Running) -> None:
        """The transaction was committed within a statement, before `after` is called: that is one by itself."""
        self._wait(self.connection.apart(running))

    def begin(self) -> None:
        """A transaction begins, before anything of it is sent. Within one, it does nothing."""
        self.connection.begin()

    def savepoint(self, name: str) -> None:
        """A savepoint is made."""
        self.connection.savepoint(name)

    def release(self, name: str) -> None:
        """A savepoint is released: what was done since is part of what was done before."""
        self.connection.release(name)

    def rollback_to(self, name: str) -> None:
        """What was done since a savepoint is undone."""
        self.connection.rollback_to(name)

    def before_commit(self) -> None:
        """The transaction is about to be committed: intents are written.

        Raises:
            BackendError: See `before`: don't commit.
        """
        self._wait(self.connection.before_commit())

    def after_commit(self) -> None:
        """It was committed. When this returns, its changes are announced.

        Raises:
            NotInvalidated: See `after`.
        """
        self._wait(self.connection.after_commit())

    def commit_failed(self) -> None:
        """COMMIT raised an exception. It may have been done: what it changes is announced.

        If the transaction turns out to be open still, call `begin` again: what it has written so far
        is announced once more when it is committed.
        """
        self._wait(self.connection.commit_failed())

    def after_rollback(self) -> None:
        """It was rolled back: nothing is announced."""
        self._wait(self.connection.after_rollback())

    def close(self) -> None:
        """The connection is closed or goes back to a pool; what was not committed is undone."""
        self._wait(self.connection.after_rollback())


class AsyncStatements:
    """The same for a driver of coroutines. `run` is a coroutine function."""

    def __init__(self, database: Database, run: AsyncRun) -> None:
        self.database = database
        self.connection = Connection(database, None, run)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, as far as was told."""
        return self.connection.transaction is not None

    async def before(self, sql: str, parameters: Any = (), *, many: bool = False) -> Running | None:
        """See `Statements.before`."""
        if self.database.planner is None:
            await self.connection.plan_anew()
        running = self.connection.reads(sql, parameters, many)
        if running is not None:
            await self.connection.before(running)
            once.notice(running)
        return running

    async def after(
        self,
        running: Running | None,
        rowcount: int | None = -1,
        lastrowid: Any = None,
        rows: Sequence[Sequence[Any]] | None = None,
    ) -> None:
        """See `Statements.after`."""
        if running is not None:
            once.notice(running)
            await self.connection.after(running, rowcount, lastrowid, rows)

    async def failed(self, running: Running | None) -> None:
        """See `Statements.failed`."""
        if running is not None:
            once.notice(running)
            await self.connection.failed(running)

    def begin(self) -> None:
        """See `Statements.begin`."""
        self.connection.begin()

    def savepoint(self, name: str) -> None:
        """See `Statements.savepoint`."""
        self.connection.savepoint(name)

    def release(self, name: str) -> None:
        """See `Statements.release`."""
        self.connection.release(name)

    def rollback_to(self, name: str) -> None:
        """See `Statements.rollback_to`."""
        self.connection.rollback_to(name)

    async def before_commit(self) -> None:
        """See `Statements.before_commit`."""
        await self.connection.before_commit()

    async def after_commit(self) -> None:
        """See `Statements.after_commit`."""
        await self.connection.after_commit()

    async def commit_failed(self) -> None:
        """See `Statements.commit_failed`."""
        await self.connection.commit_failed()

    async def after_rollback(self) -> None:
        """See `Statements.after_rollback`."""
        await self.connection.after_rollback()

    async def close(self) -> None:
        """See `Statements.close`."""
        await self.connection.after_rollback()
