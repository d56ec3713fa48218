"""Writes that are not in the file yet; the process's own reads see them first."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import islice
from typing import Final, NamedTuple

FILL: Final = 0
PUT: Final = 1
REPLACE: Final = 2


class Write(NamedTuple):
    """One value on its way into the file.

    Attributes:
        envelope: The bytes.
        stamp: Orders fills.
        expires: Seconds since 1970.
        kind: `FILL` (if the row in the file permits), `PUT` (always; stands against later fills of
            its stamp), or `REPLACE` (a fill that has already won over a put waiting here, so that
            what is in the file no longer matters).
    """

    envelope: bytes
    stamp: int
    expires: float
    kind: int


class Pending:
    """At most one write for each key: a later one takes the place of an earlier one."""

    def __init__(self) -> None:
        # Read without the mutex, by reads: one dictionary lookup is atomic.
        self.writes: dict[str, Write] = {}
        self.bytes = 0
        self._mutex = threading.Lock()

    def after_fork(self) -> None:
        """In the child: what the parent has not committed yet is the parent's to commit."""
        self._mutex = threading.Lock()
        self.writes.clear()
        self.bytes = 0

    def put(self, key: str, write: Write) -> None:
        """A put wins over whatever is there."""
        with self._mutex:
            self._set(key, write)

    def fill(self, key: str, write: Write, now: float) -> bool:
        """A fill, unless what waits here forbids it; the file is asked when it is committed."""
        with self._mutex:
            old = self.writes.get(key)
            if old is not None:
                if old.expires > now and old.stamp + (old.kind & PUT) > write.stamp:
                    return False
                if old.kind:
                    write = write._replace(kind=REPLACE)
            self._set(key, write)
            return True

    def take(self, rows: int, size: int) -> list[tuple[str, Write]]:
        """The oldest writes, at most so many rows and (beyond the first) bytes. They stay readable."""
        batch: list[tuple[str, Write]] = []
        with self._mutex:
            for key, write in islice(self.writes.items(), rows):
                size -= len(write.envelope)
                if size < 0 and batch:
                    break
                batch.append((key, write))
        return batch

    def done(self, batch: Sequence[tuple[str, Write]]) -> None:
        """Forget what is in the file now, unless another write has taken its place here."""
        with self._mutex:
            for key, write in batch:
                if self.writes.get(key) is write:
                    del self.writes[key]
                    self.bytes -= len(write.envelope)

    def of(self, keys: Sequence[str]) -> list[tuple[str, Write]]:
        """What waits for these keys."""
        with self._mutex:
            return [(key, write) for key in keys if (write := self.writes.get(key)) is not None]

    def drop_fills(self) -> int:
        """Forget every fill; says how many there were."""
        with self._mutex:
            fills = [(key, write) for key, write in self.writes.items() if write.kind == FILL]
        self.done(fills)
        return len(fills)

    def drop_prefix(self, prefix: str) -> None:
        """Forget every write to a key that begins with `prefix`."""
        with self._mutex:
            found = [(key, write) for key, write in self.writes.items() if key.startswith(prefix)]
        self.done(found)

    def _set(self, key: str, write: Write) -> None:
        old = self.writes.get(key)
        if old is not None:
            self.bytes -= len(old.envelope)
        self.writes[key] = write
        self.bytes += len(write.envelope)
