"""A future whose task goes on at once.

Whoever awaits an ordinary future is woken in the loop's next turn. That turn, with its system call,
is a fifth of what a hit takes that comes from a server on loopback. But where an answer is read, in a
callback of the loop, no task runs, and nothing is held that a task could disturb: so the one that awaits
the answer may as well go on right there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any


class Answer(asyncio.Future[Any]):
    """For one task, which awaits it. Its result is set by a callback of the loop, never by a task.

    An error, or being cancelled, wakes the task in the loop's next turn, as usual.
    """

    _go_on: Callable[[asyncio.Future[Any]], object] | None = None
    _context: Context | None = None

    def set_result(self, reply: Any, /) -> None:
        """Let whoever awaits it go on, until it awaits something else."""
        super().set_result(reply)
        go_on, context = self._go_on, self._context
        if go_on is not None and context is not None:
            self._go_on = None
            try:
                context.run(go_on, self)
            except RuntimeError:  # a task runs after all: somebody nests event loops
                self.get_loop().call_soon(go_on, self, context=context)

    def set_exception(self, error: type | BaseException, /) -> None:
        """There is no result."""
        super().set_exception(error)
        self._wake()

    def cancel(self, msg: Any | None = None) -> bool:
        """Nobody wants the result any more."""
        cancelled = super().cancel(msg)
        if cancelled:
            self._wake()
        return cancelled

    def add_done_callback(  # type: ignore[override]  # the supertype's own type is that of `Self`
        self, callback: Callable[[asyncio.Future[Any]], object], /, *, context: Context | None = None
    ) -> None:
        """A task brings here what wakes it, once, and with its context; for others this is as usual."""
        if context is None or self._go_on is not None or self.done():
            super().add_done_callback(callback, context=context)
        else:
            self._go_on, self._context = callback, context

    def _wake(self) -> None:
        if self._go_on is not None:
            self.get_loop().call_soon(self._go_on, self, context=self._context)
            self._go_on = None
