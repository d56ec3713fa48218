"""A circuit breaker: a server that doesn't answer costs one deadline, once.

*Closed*, everything passes. The first timeout or broken connection *opens* it, and from then on
nobody waits: `check` raises at once. After a pause that doubles with each failure, one caller at a
time is let through as a probe (*half-open*); its success closes the breaker. Requests never probe:
housekeeping does, so no request pays for finding out.
"""

from __future__ import annotations

import random
import threading
import time
import weakref
from collections.abc import Callable
from typing import Literal

from afresh.errors import BackendError
from afresh.runtime.fork import on_fork

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 1.0


_open: weakref.WeakSet[Breaker] = weakref.WeakSet()


def any_open() -> bool:
    """Whether some server of this process is not asked for now: housekeeping has to go on."""
    return len(_open) > 0


class Breaker:
    """Decides whether a server may be asked.

    Attributes:
        name: The server, for messages; without secrets.
        is_open: It may not.
        opened: How often it opened.
    """

    def __init__(
        self,
        name: str,
        *,
        now: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.opened = 0
        self._now = now
        self._draw = draw
        self._pause = 0.0
        self._probe_at = 0.0
        self._reason = ""
        self.is_open = False
        self._probing = False
        self._lock = threading.Lock()
        on_fork(self)

    @property
    def state(self) -> Literal["closed", "open", "half-open"]:
        """For people and counters."""
        if not self.is_open:
            return "closed"
        return "half-open" if self._probing else "open"

    def check(self) -> None:
        """Refuse at once while it is open.

        Raises:
            BackendError: The server doesn't answer; says why it was given up.
        """
        if self.is_open:
            raise BackendError(f"{self.name} is not asked for now: {self._reason}")

    def failed(self, error: BaseException | str) -> None:
        """A deadline passed, or the connection broke. An error that the server *answers* is no failure."""
        with self._lock:
            if not self.is_open:
                self.opened += 1
            _open.add(self)
            self.is_open, self._probing, self._reason = True, False, str(error) or type(error).__name__
            self._pause = min(max(2 * self._pause, FIRST_PAUSE), LONGEST_PAUSE)
            # Full jitter on the upper half: many processes must not come back in one moment.
            self._probe_at = self._now() + self._pause * (0.5 + self._draw() / 2)

    def worked(self) -> None:
        """The server answered."""
        if self.is_open or self._pause:
            with self._lock:
                self.is_open = self._probing = False
                self._pause = 0.0
                _open.discard(self)

    def may_probe(self) -> bool:
        """Whether the caller should ask the server now, to find out. `True` for one caller at a time."""
        with self._lock:
            if not self.is_open or self._probing or self._now() < self._probe_at:
                return False
            self._probing = True
            return True

    def after_fork(self) -> None:
        """The lock may have been held, and who probed is in the parent."""
        self._lock = threading.Lock()
        self._probing = False
