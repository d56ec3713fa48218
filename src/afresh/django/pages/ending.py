"""What hits have left to do is done before an ASGI server ends.

Uvicorn ends a process by the signal that it got, so `atexit` is never reached, and Django's handler
knows no lifespan, by which servers tell that they are about to end. So it gets one.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

from django.core.handlers.asgi import ASGIHandler

from afresh.http.effects import Effects
from afresh.http.gateways.lifespan import lifespan

_PLAIN: Any = ASGIHandler.__call__
_effects: weakref.WeakSet[Effects] = weakref.WeakSet()


def flushed_at_the_end(effects: Effects) -> None:
    """Have a queue emptied before the server ends."""
    _effects.add(effects)
    handler: Any = ASGIHandler
    handler.__call__ = _call


async def _call(handler: ASGIHandler, scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "lifespan":
        await _PLAIN(handler, scope, receive, send)
    else:
        await lifespan(_nothing, scope, receive, send, _flush)


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    """What Django does of a lifespan."""


async def _flush() -> None:
    for effects in list(_effects):
        await asyncio.to_thread(effects.end)
