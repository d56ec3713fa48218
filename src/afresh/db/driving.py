"""One connection of a DB-API driver, and what its driver does between statements without saying so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from afresh.db import steps
from afresh.db.database import AsyncRun, Database, Positions, positions
from afresh.db.drivers import Driver
from afresh.db.marks import Running
from afresh.db.statements import Statements, Wait
from afresh.engine.asking.tracker import asking
from afresh.runtime.drive import drive

T = TypeVar("T")


class Driven:
    """A driver's connection whose statements are told to the capture.

    Args:
        raw: The driver's connection.
        database: What it is connected to.
        driver: What is known of the driver.
        wait: Runs a coroutine to its end from a plain function.
        run: Runs a statement from a coroutine, where that isn't done as from a plain function.
    """

    def __init__(
        self, raw: Any, database: Database, driver: Driver, wait: Wait = drive, run: AsyncRun | None = None
    ) -> None:
        self._raw = raw
        self._driver = driver
        self._rows: Callable[[str, Any], Any] = lambda sql, parameters: driver.rows(raw, sql, parameters)
        self._begins = driver.beginning(raw)
        self.statements = Statements(database, self._rows, wait=wait, run_async=run)
        self._connection = self.statements.connection
        self._since: Positions | None = None

    def may_look_back(self) -> None:
        """What is read from here on, until the next end of a transaction, may be as old as this moment.

        SQLite has no transaction where it only reads, but a query that isn't read to its end holds
        its view of the database, and those that are sent meanwhile share it.
        """
        self._since = positions()

    def before(self, sql: str, parameters: Any, *, many: bool) -> Running | None:
        """A statement is about to be sent."""
        if self._since is not None:
            tracker = asking()
            if tracker is not None:
                tracker.stamp = min(tracker.stamp, self._since.get(tracker.ledger.epoch, tracker.stamp))
        connection = self._connection
        if connection.transaction is None:
            begins = self._begins(sql)
            if begins is not None:
                self._begin(begins)
        running = connection.reads(sql, parameters, many)
        if running is not None:
            self.statements.tell(running)
        return running

    def _begin(self, sql: str) -> None:
        self.statements.begin()
        if sql:
            try:
                self._rows(sql, ())
            except BaseException:
                self.statements.after_rollback()
                raise

    def after(self, running: Running | None, cursor: Any) -> None:
        """It was executed by this cursor."""
        if running is None:
            return
        wanted = running.plan.numbered and not running.many and steps.returned(running.sql)
        rows = self._driver.returned(cursor) if wanted else None
        lastrowid = None if wanted else self._driver.lastrowid(cursor)
        self.statements.after(running, cursor.rowcount, lastrowid, rows)
        self.follow()

    def failed(self, running: Running | None) -> None:
        """It raised an exception."""
        self.statements.failed(running)
        self.follow()

    def follow(self) -> None:
        """Some statements, and some that fail, end the transaction or begin one without saying so."""
        there = self._driver.in_transaction(self._raw)
        if there is False and self.statements.in_transaction:
            self.statements.after_rollback()
        elif there and not self.statements.in_transaction:
            self.statements.begin()

    def committing(self, commit: Callable[[], T]) -> T:
        """Commit, and announce what was changed."""
        if self._driver.in_transaction(self._raw) is False and not self.statements.in_transaction:
            return commit()
        self.statements.before_commit()
        try:
            result = commit()
        except BaseException:
            self.statements.commit_failed()
            self.follow()
            raise
        self.statements.after_commit()
        return result
