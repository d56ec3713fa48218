"""Work that blocks, done beside an event loop: connecting, looking up names, asking sentinels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from afresh.errors import BackendError
from afresh.runtime.threads import start

T = TypeVar("T")


def beside(
    loop: asyncio.AbstractEventLoop, work: Callable[[], T], unwanted: Callable[[T], object]
) -> asyncio.Future[T]:
    """Work in a thread of its own: the loop's pool of threads may be full of the application's work.

    Args:
        loop: The loop that runs here.
        work: Blocks.
        unwanted: Given the result when the loop has ended meanwhile.
    """
    future: asyncio.Future[T] = loop.create_future()
    future.add_done_callback(_seen)

    def run() -> None:
        result: Any = None
        error: BaseException | None = None
        try:
            result = work()
        except BaseException as caught:
            error = caught
        try:
            loop.call_soon_threadsafe(_tell, future, result, error, unwanted)
        except RuntimeError:  # the loop is closed
            if error is None:
                unwanted(result)

    if not start(run):
        future.set_exception(BackendError("no thread could be started to connect"))
    return future


def _tell(
    future: asyncio.Future[T], result: T, error: BaseException | None, unwanted: Callable[[T], object]
) -> None:
    if future.done():
        if error is None:
            with suppress(Exception):
                unwanted(result)
    elif error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


def _seen(future: asyncio.Future[Any]) -> None:
    """Whoever wanted it may have been cancelled: an error is then nobody's."""
    if not future.cancelled():
        future.exception()
