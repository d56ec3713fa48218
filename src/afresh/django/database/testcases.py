"""Test cases in which nothing commits: what a test sees as committed is treated as if it were.

Django's `TestCase` runs each test in a transaction that is rolled back. Taken for a transaction, it would
have every cached value read through. So its blocks are looked through: what is within them begins,
commits and rolls back like outside of a test, and when a test itself is rolled back, all tables changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from afresh.db import Statements


def in_test_case(connection: Any) -> bool:
    """Whether a connection's transaction is one of a test case."""
    blocks = connection.atomic_blocks
    return bool(blocks) and getattr(blocks[0], "_from_testcase", False)  # each query comes here


def _of_test(block: object) -> bool:
    return bool(getattr(block, "_from_testcase", False))


class TestBlocks:
    """The savepoints of one connection during a test case.

    A savepoint is made before its block is known: what it is, is asked when something follows.

    Args:
        connection: The connection.
        statements: What is told.
    """

    def __init__(self, connection: Any, statements: Statements) -> None:
        self._connection = connection
        self._statements = statements
        self._undecided: list[str] = []
        self._tests: set[str] = set()
        self._outermost = ""
        statements.after_rollback()  # the test's own BEGIN was taken for one

    @contextmanager
    def statement(self) -> Iterator[None]:
        """Around each statement: outside of the test's blocks it is a transaction by itself."""
        self._decide()
        if self._statements.in_transaction:
            yield
            return
        self._statements.begin()
        try:
            yield
        finally:
            self._statements.before_commit()
            self._statements.after_commit()

    def made(self, name: str) -> None:
        """A savepoint was made."""
        self._decide()
        self._undecided.append(name)

    def before_release(self, name: str) -> None:
        """A savepoint is about to be released: within a test, the outermost one is what COMMIT is elsewhere."""
        if name == self._outermost:
            self._statements.before_commit()

    def released(self, name: str) -> None:
        """A savepoint was released."""
        if name in self._undecided:
            self._undecided.remove(name)
        elif name == self._outermost:
            self._outermost = ""
            self._statements.after_commit()
        elif name in self._tests:
            self._tests.remove(name)
        else:
            self._statements.release(name)

    def undone(self, name: str) -> None:
        """What was done since a savepoint was undone."""
        if name in self._tests:
            self.end()
        elif name == self._outermost:
            self._statements.after_rollback()
            self._statements.begin()
        elif name not in self._undecided:
            self._statements.rollback_to(name)

    def end(self) -> None:
        """What a test did was undone, and nobody else has heard of it."""
        self._outermost = ""
        self._undecided.clear()
        self._statements.after_rollback()
        everything_changed(self._statements, "a test was rolled back")

    def _decide(self) -> None:
        for name in self._undecided:
            if self._is_test(name):
                self._tests.add(name)
            elif self._outermost:
                self._statements.savepoint(name)
            else:
                self._outermost = name
                self._statements.begin()
        self._undecided.clear()

    def _is_test(self, name: str) -> bool:
        names, blocks = self._connection.savepoint_ids, self._connection.atomic_blocks
        index = names.index(name) + 1 if name in names else len(blocks)
        return index < len(blocks) and _of_test(blocks[index])


def everything_changed(statements: Statements, why: str) -> None:
    """Announce that any table may have changed."""
    statements.after(statements.before(f"CALL something() -- {why}"))
