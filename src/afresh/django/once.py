"""Identical queries of one request are answered once: a middleware.

    MIDDLEWARE = ["afresh.django.once.answered_once_per_request", *MIDDLEWARE]

Elsewhere (a command, a task) a block does the same: `with afresh.db.answered_once(): …`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.utils.decorators import sync_and_async_middleware

from afresh.db import answered_once


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
