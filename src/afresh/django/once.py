"""Identical queries of one request are answered once: a middleware, and what it makes of cursors.

    MIDDLEWARE = ["afresh.django.once.answered_once_per_request", *MIDDLEWARE]

Elsewhere (a command, a task) a block does the same: `with afresh.db.answered_once(): …`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.utils.decorators import sync_and_async_middleware

from afresh.db import answered_once
from afresh.db.connection import Connection
from afresh.db.memo import MOST_ROWS, Memo
from afresh.django.fetched import Fetched


@sync_and_async_middleware  # type: ignore[untyped-decorator]
def answered_once_per_request(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The middleware; put it first."""
    if iscoroutinefunction(get_response):

        async def middleware_async(request: Any) -> Any:
            with answered_once():
                return await get_response(request)

        return middleware_async

    def middleware(request: Any) -> Any:
        with answered_once():
            return get_response(request)

    return middleware


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
