"""The store that the processes of one machine share: a SQLite file, read directly, written in batches.

Reads take no lock. `put` and `fill` wait in memory, where the process's own reads see them, and a
thread commits them a few milliseconds later, or `flush` does at once. `delete`, `swap` and `clear`
are done when they return. No read raises: trouble is a miss and an event.
"""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final

from afresh.backends.file.store import statements
from afresh.backends.file.store.pending import FILL, PUT, Write
from afresh.backends.file.store.shared import Report, SharedDatabase
from afresh.backends.file.store.sqlite import READ, key_bytes
from afresh.backends.file.store.sweep import LOWEST, count_entries, window
from afresh.backends.file.store.writer import Writer
from afresh.core.events import Event, Events, Kind
from afresh.errors import BackendError
from afresh.runtime.clock import SYSTEM_CLOCK, Clock

DEFAULT_LIMIT: Final = 256 * 2**20
_CLEAR_ROWS: Final = 2048
_from_bytes = int.from_bytes


class FileStore:
    """Envelopes in one file on this machine. `afresh.core.ports.Store` is the contract.

    The methods are coroutines because the port has them so; none ever suspends. `fill` answers
    before the file is asked: `True` means that nothing known in this process forbids it, and a row
    that another process wrote may still do so when it is committed.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        limit_bytes: int = DEFAULT_LIMIT,
        events: Events | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Use the database at `path`; it is opened, and made, when first needed.

        Args:
            path: Where it is. Its folder must exist, on a local file system.
            limit_bytes: How much of the file entries may take; the log beside it comes on top. A
                value larger than a quarter of this isn't stored.
            events: Who is told of evictions and trouble.
            clock: What entries expire by.
        """
        self._path = Path(path)
        self._events = events if events is not None else Events()
        self._largest = limit_bytes // 4
        self._now = clock.now
        report = _reporter(self._events)
        self._database = SharedDatabase(self._path, report)
        self._writer = Writer(self._database, limit_bytes, clock.now, report)
        # Looked up at each read, so not through the writer.
        self._pending = self._writer.pending.writes
        self._reads = self._writer.sweeper.reads
        weakref.finalize(self, self._writer.close).atexit = False

    def read(self, key: str) -> bytes | None:
        """`get` as a plain function: the way of every hit."""
        now = self._now()
        write = self._pending.get(key)
        if write is not None:
            return write.envelope if write.expires > now else None
        database = self._database
        if now >= database.look_at:
            database.look(now)
        bound: str | bytes = key
        try:
            raw = key.encode()
        except UnicodeEncodeError:
            bound = raw = key_bytes(key)
        idle = database.idle
        try:
            cursor = idle.pop()
        except IndexError:
            opened = database.another_reader()
            if opened is None:
                return None
            idle, cursor = opened
        try:
            # `row_of`, written out: its calls are a fifth of what isn't SQLite's here.
            row_id = _from_bytes(blake2b(raw, digest_size=8).digest(), "little", signed=True)
            row = cursor.execute(READ, (row_id, bound)).fetchone()
        except sqlite3.Error as error:
            database.read_failed(idle, cursor, error)
            return None
        idle.append(cursor)
        if row is None or row[1] <= now:
            return None
        self._reads.append(key)
        envelope: bytes = row[0]
        return envelope

    async def get(self, key: str) -> bytes | None:
        """The envelope, or `None`."""
        return self.read(key)

    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The envelopes that are there."""
        found = ((key, self.read(key)) for key in keys)
        return {key: envelope for key, envelope in found if envelope is not None}

    async def fill(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> bool:
        """Store the result of a load; dropped, with an event, where that fails (see the class)."""
        if len(envelope) > self._largest:
            if self._events:
                self._events.emit(Event(Kind.FILL_REFUSED, "store", key, "too large"))
            return False
        return self._writer.fill(key, Write(envelope, stamp, expires, FILL))

    async def put(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> None:
        """Store a value that a caller set.

        Raises:
            BackendError: It can't be stored. Where the file fails between two commits, the first to
                notice is `flush`, or the next `put`; until then the values are kept and tried again.
        """
        self._writer.put(key, self._to_put(envelope, stamp, expires))

    async def put_many(self, envelopes: Mapping[str, bytes], *, stamp: int, expires: float) -> None:
        """`put` for several keys."""
        for key, envelope in envelopes.items():
            self._writer.put(key, self._to_put(envelope, stamp, expires))

    async def swap(
        self, key: str, old: bytes | None, new: bytes | None, *, stamp: int, expires: float
    ) -> bool:
        """Compare and set, exact among all processes.

        Raises:
            BackendError: It could not be done.
        """
        write = None if new is None else self._to_put(new, stamp, expires)

        def action(connection: sqlite3.Connection) -> bool:
            return statements.swap(connection, key, old, write, self._now())

        return self._writer.at_once([key], action, 0 if new is None else len(new))

    async def delete(self, key: str) -> bool:
        """Delete a key: it is gone for every process when this returns.

        Raises:
            BackendError: It could not be done.
        """
        return await self.delete_many([key]) == 1

    async def delete_many(self, keys: Sequence[str]) -> int:
        """Delete keys; says how many were there.

        Raises:
            BackendError: It could not be done; some may be deleted.
        """
        distinct = list(dict.fromkeys(keys))
        deleted = 0
        for start in range(0, len(distinct), statements.BATCH_ROWS):
            some = distinct[start : start + statements.BATCH_ROWS]

            def action(connection: sqlite3.Connection, some: Sequence[str] = some) -> int:
                return statements.delete(connection, some, self._now())

            deleted += self._writer.at_once(some, action, 0)
        return deleted

    async def clear(self, prefix: str) -> None:
        """Delete every key that begins with `prefix`, in steps; one written meanwhile may survive.

        Raises:
            BackendError: It could not be done; some may be deleted.
        """
        self._writer.pending.drop_prefix(prefix)
        raw = key_bytes(prefix)
        low, more = LOWEST, True
        while more:

            def action(connection: sqlite3.Connection, low: int = low) -> tuple[int, bool]:
                high, more = window(connection, low, _CLEAR_ROWS)
                statements.delete_prefix(connection, raw, low, high)
                return high, more

            low, more = self._writer.at_once([], action, 0)

    async def flush(self) -> None:
        """Commit what was stored before this call.

        Raises:
            BackendError: Something that was `put` could not be committed.
        """
        self._writer.commit()

    def usage(self) -> Mapping[str, int]:
        """`entries` (an estimate from 4,096 on), `bytes` of the file in use, and what was removed."""

        def action(connection: sqlite3.Connection) -> tuple[int, int]:
            return count_entries(connection), statements.used_bytes(connection)

        entries = size = 0
        try:
            self._writer.commit()
            entries, size = self._writer.at_once([], action, 0)
        except BackendError as error:
            if self._events:
                self._events.emit(Event(Kind.BYPASS, "store", reason=str(error)))
        removed = self._writer.removed
        return {
            "entries": entries,
            "bytes": size,
            "limit": self._writer.sweeper.limit,
            "expired": removed.expired,
            "evicted": removed.evicted,
        }

    def close(self) -> None:
        """Commit what is pending and close the file. Then nothing is found and nothing can be set."""
        self._writer.close()

    def _to_put(self, envelope: bytes, stamp: int, expires: float) -> Write:
        if len(envelope) > self._largest:
            raise BackendError(
                f"{self._path}: {len(envelope):,} bytes are more than a quarter of the store's limit"
            )
        return Write(envelope, stamp, expires, PUT)


def _reporter(events: Events) -> Report:
    """What tells `events`, without holding on to the store."""

    def report(kind: Kind, why: str, detail: dict[str, object]) -> None:
        if events:
            events.emit(Event(kind, "store", reason=why, detail=detail))

    return report
