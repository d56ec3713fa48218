"""SQLAlchemy's identical reads, answered once within `answered_once()`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import chain
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy

from afresh.db import once
from afresh.db.driving import Driven
from afresh.db.marks import Running
from afresh.db.memo import MOST_ROWS, Question

_QUESTION = "afresh.question"
_NOTICED = "afresh.noticed"


class Answering:
    """What takes part in `answered_once()`; told by whoever sees the statements of an engine.

    It has few listeners of its own: each costs every query, asked for or not.

    Args:
        engine: The engine.
        driven: What follows a connection.
        running: Where a connection's `info` has the statement that it runs, if that does more than read.
    """

    def __init__(self, engine: Engine, driven: Callable[[Connection], Driven], running: str) -> None:
        self._driven = driven
        self._running = running
        event.listen(engine, "do_execute", self.execute)

    def before(
        self, connection: Connection, cursor: Any, sql: str, parameters: Any, context: Any, many: bool
    ) -> None:
        """A statement was told to the capture, and is about to be sent."""
        memo = once.current.get()
        if memo is None:
            return
        info = connection.info
        info.pop(_QUESTION, None)
        running: Running | None = info.get(self._running)
        if running is not None:
            info[_NOTICED] = running
            memo.wrote(running)
        elif not many and not context._is_server_side:
            followed = self._driven(connection).statements.connection
            info[_QUESTION] = memo.question(followed, cursor, sql, parameters)

    def execute(self, cursor: Any, sql: str, parameters: Any, context: Any) -> bool:
        """Says whether nothing has to be sent."""
        if once.current.get() is None:
            return False
        info = context.root_connection.info
        question: Question | None = info.get(_QUESTION)
        answer = None if question is None else question.answer()
        if answer is None:
            return False
        info.pop(_QUESTION)
        _give(context, cursor, answer.columns, deque(answer.given()))
        return True

    def after(
        self, connection: Connection, cursor: Any, sql: str, parameters: Any, context: Any, many: bool
    ) -> None:
        """It was executed."""
        if once.current.get() is None:
            return
        once.notice(connection.info.pop(_NOTICED, None))
        question: Question | None = connection.info.pop(_QUESTION, None)
        if question is None or cursor.description is None:
            return
        rows = [tuple(row) for row in cursor.fetchmany(MOST_ROWS + 1)]
        if len(rows) > MOST_ROWS:
            rows = list(chain(rows, cursor.fetchall()))
        else:
            question.remember(cursor.description, rows)
        _give(context, cursor, cursor.description, deque(rows))

    def failed(self, context: Any) -> None:
        """It raised an exception."""
        if context.connection is not None and once.current.get() is not None:
            once.notice(context.connection.info.pop(_NOTICED, None))
            context.connection.info.pop(_QUESTION, None)


def _give(context: Any, cursor: Any, columns: Any, rows: deque[Any]) -> None:
    """Rows that are there already, in the place of what the cursor would give."""
    context.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(cursor, columns, rows)
