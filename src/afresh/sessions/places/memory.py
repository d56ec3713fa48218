"""Sessions of this process alone, for development and tests."""

from __future__ import annotations

from threading import Lock

from afresh.runtime.clock import Clock

_EVERY = 256  # writes after which those that are over are let go


class MemoryPlace:
    """A dictionary. See `Place`."""

    blocks = False

    def __init__(self, clock: Clock) -> None:
        self._now = clock.now
        self._records: dict[str, tuple[bytes, float]] = {}
        self._lock = Lock()
        self._writes = 0

    async def get(self, name: str) -> bytes | None:
        """The record, or `None`."""
        found = self._records.get(name)
        return None if found is None else found[0]

    async def swap(self, name: str, old: bytes | None, new: bytes, expires: float) -> bool:
        """Compare and set."""
        with self._lock:
            found = self._records.get(name)
            if (None if found is None else found[0]) != old:
                return False
            self._records[name] = (new, expires)
            self._writes += 1
            if self._writes % _EVERY == 0:
                self._forget(self._now())
            return True

    async def delete(self, name: str) -> bool:
        """Delete a record."""
        with self._lock:
            return self._records.pop(name, None) is not None

    async def forget_expired(self, now: float) -> int:
        """Delete what is over."""
        with self._lock:
            return self._forget(now)

    def _forget(self, now: float) -> int:
        over = [name for name, (_, expires) in self._records.items() if expires <= now]
        for name in over:
            del self._records[name]
        return len(over)

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._records.clear()
