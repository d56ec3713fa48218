"""How writes get into the file: collected, committed together, followed by a little sweeping."""

from __future__ import annotations

import atexit
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from afresh.backends.file.forks import on_fork
from afresh.backends.file.store import statements
from afresh.backends.file.store.flusher import Flusher
from afresh.backends.file.store.pending import Pending, Write
from afresh.backends.file.store.shared import Report, SharedDatabase
from afresh.backends.file.store.sweep import Removed, Sweeper
from afresh.core.events import Kind
from afresh.errors import BackendError

T = TypeVar("T")

_BATCH_BYTES: Final = 4 * 2**20
_FULL_ROWS: Final = 2 * statements.BATCH_ROWS
_FULL_BYTES: Final = 2 * _BATCH_BYTES
_LOG_BYTES: Final = 4 * 2**20
_PAGE: Final = 4096

logger = logging.getLogger("afresh")


class Writer:
    """Everything of a store but its reads.

    Attributes:
        pending: Writes on their way.
        sweeper: What makes room.
        removed: What it has deleted in this process.
    """

    def __init__(
        self, database: SharedDatabase, limit: int, now: Callable[[], float], report: Report
    ) -> None:
        self.pending = Pending()
        self.sweeper = Sweeper(limit)
        self.removed = Removed()
        self._database = database
        self._now = now
        self._report = report
        self._logged = 0
        self._closed = False
        # Until the first commit nobody knows whether anything can be written: the first `put` tries.
        self._doubtful = True
        self._flusher = Flusher(self._commit_in_background, started=self._finish_at_exit)
        on_fork(self)

    def put(self, key: str, write: Write) -> None:
        """Take a write that nothing may refuse.

        Raises:
            BackendError: It, or an earlier one that is still waiting, can't be committed.
        """
        self.pending.put(key, write)
        try:
            if self._doubtful or self._closed:
                self.commit()
            else:
                self._soon()
        except BackendError:
            self.pending.done([(key, write)])
            raise

    def fill(self, key: str, write: Write) -> bool:
        """Take a write that may be refused; says whether it was taken."""
        if self._closed or not self.pending.fill(key, write, self._now()):
            return False
        try:
            self._soon()
        except BackendError:
            return False
        return True

    def commit(self) -> None:
        """Commit what waits here at the moment. Fills that can't be are dropped, with an event.

        Raises:
            BackendError: Something that was `put` waits still.
        """
        left = len(self.pending.writes)
        try:
            while left > 0:
                count = self._database.write(self._write_batch)
                left = left - count if count else 0
        except BackendError as error:
            fills = self.pending.drop_fills()
            if fills:
                self._report(Kind.FILL_REFUSED, str(error), {"fills": fills})
            self._doubtful = True
            if self.pending.writes:
                raise
        else:
            self._doubtful = False

    def at_once(self, keys: Sequence[str], action: Callable[[sqlite3.Connection], T], grown: int) -> T:
        """Run `action` on the file under the lock, after what waits here for `keys`.

        Raises:
            BackendError: It could not be done.
        """

        def run(connection: sqlite3.Connection) -> T:
            waiting = self.pending.of(keys)
            for start in range(0, len(waiting), statements.BATCH_ROWS):
                statements.write(connection, waiting[start : start + statements.BATCH_ROWS], self._now())
            result = action(connection)
            self.pending.done(waiting)
            self._tidy(connection, len(keys), grown)
            return result

        return self._database.write(run)

    def close(self) -> None:
        """Commit what can be committed and close the file. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        self._flusher.stop()
        self._commit_in_background()
        if self.pending.writes:
            logger.error("afresh: %d values that were set are lost with the store", len(self.pending.writes))
        self._database.close()

    def before_fork(self) -> None:
        """Close the file while the process is copied."""
        self._database.before_fork()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._database.after_fork_in_parent()

    def after_fork_in_child(self) -> None:
        """Start with nothing pending and nothing open."""
        self._database.after_fork_in_child()
        self.pending.after_fork()
        self._flusher.after_fork()
        self._doubtful = True

    def _soon(self) -> None:
        """See to it that what was taken is committed in a few milliseconds, at once if it is much."""
        pending = self.pending
        full = len(pending.writes) >= _FULL_ROWS or pending.bytes >= _FULL_BYTES
        if full or not (self._flusher.awake or self._flusher.nudge()):
            self.commit()

    def _commit_in_background(self) -> bool:
        try:
            self.commit()
        except BackendError as error:
            self._report(Kind.BYPASS, str(error), {"waiting": len(self.pending.writes)})
        return bool(self._doubtful and self.pending.writes)

    def _write_batch(self, connection: sqlite3.Connection) -> int:
        batch = self.pending.take(statements.BATCH_ROWS, _BATCH_BYTES)
        if not batch:
            return 0
        statements.write(connection, batch, self._now())
        self.pending.done(batch)
        self._tidy(connection, len(batch), sum(len(write.envelope) for _, write in batch))
        return len(batch)

    def _tidy(self, connection: sqlite3.Connection, rows: int, grown: int) -> None:
        """Make room after `rows` rows were written, and empty the log when it has grown enough."""
        removed = self.sweeper.after_write(connection, rows, self._now())
        if removed.evicted or removed.expired:
            self.removed.evicted += removed.evicted
            self.removed.expired += removed.expired
            self._report(Kind.EVICT, "room", {"evicted": removed.evicted, "expired": removed.expired})
        # An upper bound on what this process has logged: looking at the file costs a system call.
        self._logged += _PAGE * (rows + removed.evicted + removed.expired) + grown
        if self._logged > _LOG_BYTES:
            self._logged = 0
            if os.stat(self._database.log_path).st_size > _LOG_BYTES:  # noqa: PTH116
                statements.checkpoint(connection)

    def _finish_at_exit(self) -> None:
        # Registered when the thread starts, and so in each process: multiprocessing's children forget
        # what their parent had registered.
        atexit.register(self.close)
