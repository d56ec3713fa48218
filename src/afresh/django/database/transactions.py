"""One connection of Django's, watched: how its transactions end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from afresh.db import Statements
from afresh.django.database.testcases import TestBlocks, in_test_case


class Transactions:
    """Tells `Statements` what becomes of a connection's transactions.

    What ends one passes no execute wrapper: those methods are replaced on the connection itself.

    Args:
        connection: The connection.
        statements: What is told.
    """

    def __init__(self, connection: Any, statements: Statements) -> None:
        self.connection = connection
        self.statements = statements
        self._test: TestBlocks | None = None
        self._commit = replaced(connection, "_commit", self.commit)
        self._rollback = replaced(connection, "_rollback", self.rollback)
        self._close = replaced(connection, "_close", self.close)
        self._set_autocommit = replaced(connection, "_set_autocommit", self.set_autocommit)
        self._savepoint = replaced(connection, "_savepoint", self.savepoint)
        self._savepoint_commit = replaced(connection, "_savepoint_commit", self.savepoint_commit)
        self._savepoint_rollback = replaced(connection, "_savepoint_rollback", self.savepoint_rollback)

    def _test_blocks(self) -> TestBlocks | None:
        if self._test is None and in_test_case(self.connection):
            self._test = TestBlocks(self.connection, self.statements)
        return self._test

    def commit(self) -> None:
        """COMMIT: what changed is announced as about to change, and after it as changed."""
        self.committed_by(self._commit)

    def set_autocommit(self, autocommit: bool) -> None:
        """To switch autocommit on commits what is open, in some databases."""
        if autocommit:
            self.committed_by(lambda: self._set_autocommit(True))
        else:
            self._set_autocommit(False)

    def committed_by(self, commit: Callable[[], Any]) -> None:
        """Something commits what is open, if anything is."""
        if not self.statements.in_transaction:
            commit()
            return
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
            self._undone()

    def close(self) -> None:
        """The connection is closed: what was not committed is undone."""
        try:
            self._close()
        finally:
            self._undone()

    def _undone(self) -> None:
        self.statements.after_rollback()
        if self._test is not None:
            test, self._test = self._test, None
            test.end()

    # -- savepoints: outside of test cases their statements say enough -----------------------------

    def savepoint(self, name: str) -> None:
        """SAVEPOINT."""
        self._savepoint(name)
        if (test := self._test_blocks()) is not None:
            test.made(name)

    def savepoint_commit(self, name: str) -> None:
        """RELEASE SAVEPOINT."""
        test = self._test_blocks()
        if test is not None:
            test.before_release(name)
        self._savepoint_commit(name)
        if test is not None:
            test.released(name)

    def savepoint_rollback(self, name: str) -> None:
        """ROLLBACK TO SAVEPOINT."""
        self._savepoint_rollback(name)
        if (test := self._test_blocks()) is not None:
            test.undone(name)


def replaced(connection: Any, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """Put a method in the place of another of one object; gives the former one."""
    former: Callable[..., Any] = getattr(connection, name)
    setattr(connection, name, method)
    return former
