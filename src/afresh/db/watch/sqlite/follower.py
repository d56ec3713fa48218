"""One process's look at a database: what was changed since the last one is announced.

Whether anything was changed at all SQLite tells by a number, without reading a thing: `data_version`.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path

from afresh.db.watch.sqlite import install
from afresh.db.watch.sqlite.file import DatabaseFile, number, reading, rows
from afresh.db.watch.sqlite.log import Log, Position
from afresh.db.watch.sqlite.news import Found, News
from afresh.db.watch.sqlite.positions import Positions, Told
from afresh.db.watch.sqlite.schema import Seen, look_at
from afresh.db.watch.sqlite.targets import Target, Targets
from afresh.db.watch.status import Status
from afresh.errors import BackendError

_GLANCE = 0.001
"""Seconds that a glance waits for another's look. That one as a rule needs nothing but the interpreter
to end, and gets it from who waits; without waiting, one thread's look fails the glances of 5 ms."""


class Follower:
    """Follows one database file.

    Args:
        path: The file.
        targets: Who is told.
        status: Where it is shown.
        database: The database's name in tags.
        volatile: Volatile columns, by table.
        keep: Rows that the log keeps.

    Attributes:
        looked: When all was announced for the last time, by `time.monotonic`.
        due: The triggers are not what they shall be, as far as is known.
    """

    def __init__(
        self,
        path: Path,
        targets: Targets,
        status: Status,
        *,
        database: str = "",
        volatile: Mapping[str, Collection[str]] | None = None,
        keep: int = install.KEEP,
    ) -> None:
        self.looked = float("-inf")
        self.due = True
        self._file = DatabaseFile(path)
        self._targets = targets
        self._status = status
        self._database = database
        self._look_at_schema = partial(look_at, database=database, volatile=volatile)
        self._keep = keep
        self._lock = threading.Lock()
        self._positions: Positions | None = None
        self._log = Log()
        self._seen: Seen | None = None
        self._end: Position | None = None
        self._version = (0, 0, 0)  # of the connection, of the data, of the schema
        self._refused: tuple[str, list[str]] = ("", [])  # by this schema, these tables have no triggers
        self._why = ""

    # -- looking --------------------------------------------------------------------------------

    def look(self, *, wait: bool = True) -> bool:
        """Announce what was committed before this call.

        Args:
            wait: Else only see whether there is anything; says whether there was nothing.

        Raises:
            BackendError: The database can't be read, or a ledger can't be told.
        """
        if not self._lock.acquire(timeout=-1 if wait else _GLANCE):
            return False
        try:
            began = time.monotonic()
            connection = self._file.connection
            if (self._file.openings, number(connection, "data_version")) != self._version[:2]:
                if not wait:
                    return False
                self._read(connection)
            self.looked = began
        except BackendError:
            raise
        except Exception as error:  # whatever it is, nothing stored can be relied on, and readers shall go on
            self._file.close()
            raise BackendError(f"{self._file.path.name} can't be read: {error}") from error
        finally:
            self._lock.release()
        return True

    def look_again(self) -> None:
        """Have the next look announce whatever was not announced to whoever is told: somebody new is."""
        with self._lock:
            self._version = (0, 0, 0)

    def _read(self, connection: sqlite3.Connection) -> None:
        if self._positions is None:
            self._positions = Positions(self._file.path)
        with self._positions.held() as told, reading(connection):
            before, opening = self._seen, self._file.openings
            schema = number(connection, "schema_version")
            seen = before
            if seen is None or (opening, schema) != (self._version[0], self._version[2]):
                seen = self._schema(connection)
            end = self._log.end(connection)
            # By this process's own count: that another one has announced it explains nothing here.
            explained = end != self._end or seen is not before
            found = Found(before, seen, end, explained, self._database)
            for target in self._targets.all():
                self._tell(target, found.news_for(told.get(target.key), self._log, connection))
                told.pop(target.key, None)  # the last one is the last to be forgotten
                if end is not None:
                    told[target.key] = Told(end, seen.digest)
            self._version = opening, number(connection, "data_version"), schema
            self._seen, self._end, self.due = seen, end, bool(seen.missing())

    def _schema(self, connection: sqlite3.Connection) -> Seen:
        before, refused = self._seen, self._refused[1]
        seen = self._look_at_schema(partial(rows, connection), before=before, refused=refused)
        if refused and seen.digest != self._refused[0]:
            seen = self._look_at_schema(partial(rows, connection), before=before)
        return seen

    def _tell(self, target: Target, news: News) -> None:
        status = self._status
        if news.names:
            target.announce(news.names)
        if news.why:
            status.everything += 1
            if news.why != self._why:
                status.say(f"everything is announced: {news.why}")
        self._why = news.why
        if news.oldest:
            status.lags.append(max(0.0, time.time() - news.oldest))
        status.transactions += 1
        status.rows += news.rows
        status.tags += len(news.names)

    # -- triggers -------------------------------------------------------------------------------

    def renew(self) -> None:
        """Make the triggers what they shall be; until then, those tables are announced at every change.

        Raises:
            BackendError: Somebody else writes, or the database can't be written to.
        """
        with self._lock:
            try:
                connection = self._file.connection
                looks = partial(self._look_at_schema, partial(rows, connection), before=self._seen)
                refused = install.renew(connection, lambda names: looks(refused=names), self._keep)
                self._refused = (looks().digest, refused)
                self._version = (0, 0, 0)  # what was done here is no change that SQLite tells us
                self.due = False
            except Exception as error:
                raise BackendError(f"triggers can't be made in {self._file.path.name}: {error}") from error

    # -- ends -----------------------------------------------------------------------------------

    def close(self) -> None:
        """Give back what is held open; looking opens it again."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        self._file.close()
        if self._positions is not None:
            self._positions.close()
            self._positions = None

    def before_fork(self) -> None:
        """SQLite's locks don't survive a fork: nothing may be open."""
        self._lock.acquire()
        self._close()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """Go on, by a connection of the child's own."""
        self._lock = threading.Lock()
