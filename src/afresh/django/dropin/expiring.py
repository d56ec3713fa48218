"""When values expire: the methods of both libraries, for values, sets and hashes alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from afresh.core.entry import NEVER
from afresh.runtime.drive import drive

if TYPE_CHECKING:
    from afresh.django.cache.operations import Operations


class Expiring:
    """Methods of django-redis; `expire` and `touch` of django-redis-cache are the same."""

    if TYPE_CHECKING:
        default_timeout: float | None
        make_key: Callable[..., str]

        @property
        def _operations(self) -> Operations: ...

    def ttl(self, key: Any, version: Any = None, client: Any = None) -> int | None:
        """Seconds that are left: 0 where nothing is, `None` where it doesn't expire."""
        left = self._left(key, version)
        return left if left is None else round(left)

    def pttl(self, key: Any, version: Any = None, client: Any = None) -> int | None:
        """Milliseconds that are left: 0 where nothing is, `None` where it doesn't expire."""
        left = self._left(key, version)
        return left if left is None else round(left * 1000)

    def persist(self, key: Any, version: Any = None, client: Any = None) -> bool:
        """Let a value live on; says whether it would have expired."""
        return self._left(key, version) not in {None, 0} and self._expire(key, NEVER, version)

    def expire(self, key: Any, timeout: Any, version: Any = None, client: Any = None) -> bool:
        """Let a value live for so many seconds from now; says whether it was there."""
        if timeout is DEFAULT_TIMEOUT:
            timeout = self.default_timeout
        return self._expire(key, NEVER if timeout is None else self._in(timeout, 1), version)

    def pexpire(self, key: Any, timeout: Any, version: Any = None, client: Any = None) -> bool:
        """Let a value live for so many milliseconds from now; says whether it was there."""
        if timeout is DEFAULT_TIMEOUT:
            return self.expire(key, timeout, version)
        return self._expire(key, self._in(timeout, 1000), version)

    def expire_at(self, key: Any, when: Any, version: Any = None, client: Any = None) -> bool:
        """Let a value live until a `datetime`, or a second since 1970; says whether it was there."""
        return self._expire(key, _moment(when, 1), version)

    def pexpire_at(self, key: Any, when: Any, version: Any = None, client: Any = None) -> bool:
        """Let a value live until a `datetime`, or a millisecond since 1970; says whether it was there."""
        return self._expire(key, _moment(when, 1000), version)

    def _left(self, key: Any, version: Any) -> float | None:
        operations = self._operations
        until = drive(operations.expiry(self.make_key(key, version=version)))
        if until is None:
            return 0
        return None if until == NEVER else max(0.0, until - operations.engine.now())

    def _in(self, duration: Any, unit: int) -> float:
        seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration / unit
        return self._operations.engine.now() + seconds

    def _expire(self, key: Any, until: float, version: Any) -> bool:
        return drive(self._operations.touch(self.make_key(key, version=version), until))


def _moment(when: Any, unit: int) -> float:
    return when.timestamp() if isinstance(when, datetime) else when / unit
