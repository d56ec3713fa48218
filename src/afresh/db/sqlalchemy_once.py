"""SQLAlchemy's identical reads, answered once within `answered_once()`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import chain
from typing import Any

from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy

from afresh.db.memo import MOST_ROWS, Question


def answered_once(question: Question | None, cursor: Any, context: Any, send: Callable[[], None]) -> None:
    """Send a query whose answer isn't there yet, and remember that.

    Args:
        question: What it asks, if its answer may be remembered.
        cursor: The driver's cursor.
        context: SQLAlchemy's of this execution.
        send: Sends it.
    """
    answer = None if question is None else question.answer()
    if answer is not None:
        _give(context, cursor, answer.columns, deque(answer.given()))
        return
    send()
    if question is None or cursor.description is None:
        return
    rows = [tuple(row) for row in cursor.fetchmany(MOST_ROWS + 1)]
    if len(rows) > MOST_ROWS:
        rows = list(chain(rows, cursor.fetchall()))
    else:
        question.remember(cursor.description, rows)
    _give(context, cursor, cursor.description, deque(rows))


def _give(context: Any, cursor: Any, columns: Any, rows: deque[Any]) -> None:
    """Rows that are there already, in the place of what the cursor would give."""
    context.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(cursor, columns, rows)
