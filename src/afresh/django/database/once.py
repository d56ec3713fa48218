"""Identical queries of one request are answered once: what it makes of cursors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from afresh.db.connection import Connection
from afresh.db.memo import MOST_ROWS, Memo
from afresh.django.database.fetched import Fetched


def executed_once(
    memo: Memo, connection: Connection, cursor: Any, sql: str, parameters: Any, execute: Callable[[], Any]
) -> tuple[Any, bool]:
    """Execute a query, or answer it from before; says whether all its rows are here.

    Args:
        memo: That of the request.
        connection: Whose query it is.
        cursor: Django's cursor.
        sql: Its text.
        parameters: Its parameters.
        execute: Sends it.
    """
    raw = cursor.cursor
    server_side = getattr(raw, "name", None)
    question = None if server_side else memo.question(connection, raw, sql, parameters)
    if question is None:
        return execute(), False
    answer = question.answer()
    if answer is not None:
        cursor.cursor = Fetched(raw, answer.given(), description=answer.columns)
        return cursor.cursor, True
    result = execute()
    if raw.description is None:
        return result, False
    with cursor.db.wrap_database_errors:
        rows = raw.fetchmany(MOST_ROWS + 1)
    if len(rows) > MOST_ROWS:
        cursor.cursor = Fetched(raw, rows, rest=True)
        return result, False
    question.remember(raw.description, rows)
    cursor.cursor = Fetched(raw, rows)
    return (cursor.cursor if result is not None else None), True
