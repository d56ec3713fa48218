"""Celery: each task is a scope, and reads nothing older than what its sender had written.

::

    app = Celery("shop", broker="redis://localhost/1")
    afresh.celery.install(cache)                  # or a function that returns it

The sender's position in the ledger travels in a header of the message, so that `session` holds across
the queue: a task that was sent after a change doesn't read from before it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Final

from celery import signals

from afresh.tasks import GivenCache, cache_of, position_of, task, token_in

HEADER: Final = "afresh"


class Installed:
    """What runs before and after each task of this process.

    Attributes:
        cache: The cache, or what gives it.
    """

    def __init__(self, cache: GivenCache) -> None:
        self.cache = cache
        self._open: dict[str, AbstractContextManager[Any]] = {}

    def connect(self) -> None:
        """Begin."""
        signals.before_task_publish.connect(self._publish, weak=False)
        signals.task_prerun.connect(self._begin, weak=False)
        signals.task_postrun.connect(self._end, weak=False)

    def remove(self) -> None:
        """End."""
        signals.before_task_publish.disconnect(self._publish)
        signals.task_prerun.disconnect(self._begin)
        signals.task_postrun.disconnect(self._end)

    def _publish(self, headers: Any = None, **_: Any) -> None:
        if isinstance(headers, dict):
            headers.setdefault(HEADER, position_of(cache_of(self.cache)))

    def _begin(self, task_id: str = "", task: Any = None, **_: Any) -> None:
        request = task.request
        sent = request.get(HEADER) or (request.headers or {}).get(HEADER)
        scope = _scope(self.cache, sent)
        scope.__enter__()
        self._open[task_id] = scope

    def _end(self, task_id: str = "", **_: Any) -> None:
        scope = self._open.pop(task_id, None)
        if scope is not None:
            scope.__exit__(None, None, None)


def _scope(cache: GivenCache, sent: object) -> AbstractContextManager[Any]:
    return task(cache, token_in(sent))


def install(cache: GivenCache) -> Installed:
    """Give each task of this process a scope, and each message that it sends its position.

    Args:
        cache: The cache, or a function that returns it: called when a task is sent or begins.

    Returns:
        What ends it by `remove()`.
    """
    installed = Installed(cache)
    installed.connect()
    return installed
