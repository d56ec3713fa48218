"""Identical reads within one request are answered once, where that was asked for.

::

    with answered_once():
        Product.objects.get(pk=7)      # asked of the database
        Product.objects.get(pk=7)      # answered from before: rows are remembered, not objects

What is remembered belongs to one connection, and to one transaction of it. It is dropped by whatever
is written within the block, by what the ledgers of this process's caches announce, and after
`max_age`. A table that a transaction has written is asked for each time from there on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from afresh.core.durations import Duration, seconds
from afresh.db.marks import Running
from afresh.db.memo import Memo
from afresh.engine.asking.contexts import leave

current: ContextVar[Memo | None] = ContextVar("afresh.once", default=None)
"""That of the innermost block of this thread or task, and of the tasks that it starts."""


def notice(running: Running | None) -> None:
    """Tell the block, if there is one, of a statement that does more than read: before it and after it."""
    if running is not None:
        memo = current.get()
        if memo is not None:
            memo.wrote(running)


@contextmanager
def answered_once(on: bool = True, *, max_age: Duration = "1s") -> Iterator[Memo | None]:
    """Within the block, identical reads of the same connection are answered once.

    Args:
        on: `False` has each read asked again within a part of such a block.
        max_age: How long what is remembered may be used. It bounds how late a change is seen that nobody
            announces to a cache of this process.
    """
    memo = Memo(seconds(max_age, "max_age")) if on else None
    token = current.set(memo)
    try:
        yield memo
    finally:
        leave(current, token)
        if memo is not None:
            memo.closed = True
            memo.answers.clear()
