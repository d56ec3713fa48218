"""How many loads run at once: an emptied cache must not crush the database behind it.

No lock: tokens and those who wait are in deques, whose ends are taken and given atomically. Who waits
looks for a token again *after* it has said so, so no token that is given back is missed.
"""

from __future__ import annotations

from collections import deque

from afresh.core.ports import Runtime, Waiter

_PATIENCE = 30.0
"""Seconds after which a load begins all the same: those that run may hang for ever."""


class LoadLimit:
    """At most so many loads at a time in this process; `None`: any number.

    Attributes:
        waited: How many loads had to wait.
    """

    __slots__ = ("_most", "_tokens", "_waiting", "waited")

    def __init__(self, most: int | None) -> None:
        self._most = most
        self.waited = 0
        self.clear()

    def clear(self) -> None:
        """Forget who loads: after a fork they are in the parent."""
        self._tokens: deque[None] = deque([None] * (self._most or 0))
        self._waiting: deque[Waiter] = deque()

    async def begin(self, runtime: Runtime) -> bool:
        """Wait until a load may begin; says whether `end` has to be called after it."""
        if self._most is None:
            return False
        if self._take():
            return True
        self.waited += 1
        give_up = runtime.now() + _PATIENCE
        while (left := give_up - runtime.now()) > 0:
            waiter = runtime.waiter()
            self._waiting.append(waiter)
            try:
                if self._take() or (await runtime.wait(waiter, left) and self._take()):
                    return True
            except BaseException:  # cancelled, perhaps just when it was woken: the next one has its turn
                self._wake()
                raise
            finally:
                self._forget(waiter)
        return False

    def end(self) -> None:
        """A load that had begun is over."""
        self._tokens.append(None)
        self._wake()

    def _take(self) -> bool:
        try:
            self._tokens.pop()
        except IndexError:
            return False
        return True

    def _wake(self) -> None:
        try:
            self._waiting.popleft().wake()
        except IndexError:
            return

    def _forget(self, waiter: Waiter) -> None:
        try:
            self._waiting.remove(waiter)
        except ValueError:
            return
