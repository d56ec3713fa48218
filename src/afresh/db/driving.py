"""One connection of a DB-API driver, and what its driver does between statements without saying so."""

from __future__ import annotations

import re
import sys
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

_END = re.compile(r"\b(?:commit|end|rollback|abort)\b", re.IGNORECASE)


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
        self._began_at: int | None = None  # changes at our BEGIN, while the statement that it is for is sent

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
            self._began_at = self._driver.changes(self._raw)

    def after(self, running: Running | None, cursor: Any) -> None:
        """It was executed by this cursor."""
        if running is None:
            return
        self._began_at = None
        if self._has_ended(running):
            self.statements.apart(running)
        wanted = running.plan.numbered and not running.many and steps.returned(running.sql)
        rows = self._driver.returned(cursor) if wanted else None
        lastrowid = None if wanted else self._driver.lastrowid(cursor)
        self.statements.after(running, cursor.rowcount, lastrowid, rows)
        if self.follow() and running.alone is not None:
            # It wasn't one by itself, as it has begun a transaction: what it changes is made at the end of that.
            running.alone = None
            self.statements.after(running, cursor.rowcount, lastrowid, rows)
        elif _may_end(running):
            self._unseen()

    def _has_ended(self, running: Running) -> bool:
        """Whether a statement of which nobody expects it has ended the transaction."""
        if running.plan.step or not self.statements.in_transaction:
            return False
        return self._driver.in_transaction(self._raw) is False

    def failed(self, running: Running | None) -> None:
        """It raised an exception."""
        self.statements.failed(running)
        self._unbegin()
        undone = running is None or not running.plan.effects_unknown
        if self.follow(undone=undone) and running is not None and running.alone is not None:
            running.alone = None
            self.statements.failed(running)
        elif running is not None and _may_end(running):
            self._unseen()

    def _unbegin(self) -> None:
        """Take back our BEGIN, and its lock, if the driver wouldn't have sent one for what has failed."""
        began_at, self._began_at = self._began_at, None
        if began_at is None or not self._driver.refused(sys.exception()):
            return
        if self._driver.in_transaction(self._raw) and self._driver.changes(self._raw) == began_at:
            self._rows("ROLLBACK", ())

    def follow(self, *, undone: bool = False) -> bool:
        """Some statements, and some that fail, end the transaction or begin one without saying so.

        Args:
            undone: One that has ended was rolled back. Otherwise nobody knows, and it is announced.

        Returns:
            Whether one was begun.
        """
        there = self._driver.in_transaction(self._raw)
        if there is False and self.statements.in_transaction:
            self.statements.after_rollback() if undone else self.statements.after_commit()
        elif there and not self.statements.in_transaction:
            self.statements.begin()
            return True
        return False

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
        if self._driver.has_ended(self._raw):
            self.statements.after_commit()
        return result

    def rolled_back(self) -> None:
        """The driver's method for it was called."""
        if self._driver.has_ended(self._raw):
            self.statements.after_rollback()

    def setting(self, change: Callable[[], None]) -> None:
        """Change how the driver begins transactions, which may commit an open one."""
        if self.statements.in_transaction:
            self.statements.before_commit()
        change()
        self._unseen()

    def script(self, script: str, execute: Callable[[], Any]) -> None:
        """Execute several statements at once; they may end a transaction, and leave one open."""
        as_often_as_once: list[tuple[()]] = [()]  # so that nobody looks at rows before it
        running = self.statements.before(script, as_often_as_once, many=True)
        try:
            execute()
        finally:
            self.statements.after(running)
            self._unseen()
            if self.statements.in_transaction:
                # What it has begun is changed at the end of that.
                self.statements.after(self.statements.before(script, as_often_as_once, many=True))

    def _unseen(self) -> None:
        """What is open may have been committed, and another begun: it is announced now, and at the end again."""
        if self.statements.in_transaction:
            self.statements.commit_failed()
        self.follow()


def _may_end(running: Running) -> bool:
    """Whether several statements in one text may have ended a transaction, and begun the next."""
    return bool(running.plan.effects_unknown) and _END.search(running.sql) is not None
