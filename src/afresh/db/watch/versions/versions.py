"""`Versions`: what is committed by whomever is announced before a `strict` reader looks at what is cached."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from contextvars import Context
from typing import Self

from afresh.cache import Cache
from afresh.db.watch.asking import Asker, Connect, connector
from afresh.db.watch.status import Status
from afresh.db.watch.versions.following import Following
from afresh.db.watch.versions.reading import News
from afresh.db.watch.versions.snapshot import Snapshot
from afresh.db.watch.versions.table import VersionTable
from afresh.db.watch.versions.told import ToldCache
from afresh.errors import AfreshError, BackendError, CacheClosed, ConfigurationError
from afresh.runtime.fork import on_fork
from afresh.runtime.world import suspending_loop

_EVERY = 0.05


class _Here(threading.local):
    confirming = False


_here = _Here()


class Versions:
    """Follows the table of versions of one database, for caches of this process.

    ::

        Versions("postgresql://localhost/shop", cache).create()       # once, as the owner of the tables
        with Versions("postgresql://localhost/shop", cache):
            ...

    Each process whose caches serve what is read from the database runs one. A `strict` cache has it ask
    at the start of each scope, and of each read outside of one: one indexed question. What other programs,
    cascades and triggers have committed is announced before the answer. Any other cache is no older than
    `max_stale`, and as a rule no older than `every`.

    Args:
        url: The database, its primary, and not through a pooler that shares connections.
        caches: Who is told.
        database: The database's name in tags, as `Database(name=…)` and `Row(…, db=…)` have it.
        volatile: Volatile columns, as `Database` has them.
        every: Seconds between two looks of a thread; None: there is none, so that readers have to look.
        max_stale: If that thread hasn't looked for so many seconds, whoever reads does it.
        kept: Seconds for which changes are kept. Whoever hasn't looked for longer announces everything.
        connect: Opens connections, for another driver.
        tell: Called with each line that is worth saying; the logger `afresh` gets it in any case.

    Attributes:
        status: How it is.

    Raises:
        ConfigurationError: A driver is missing, or there is no cache.
    """

    def __init__(
        self,
        url: str,
        *caches: Cache,
        database: str = "",
        volatile: Mapping[str, Collection[str]] | None = None,
        every: float | None = _EVERY,
        max_stale: float = 1.0,
        kept: float = 600.0,
        connect: Connect | None = None,
        tell: Callable[[str], object] | None = None,
    ) -> None:
        if not caches:
            raise ConfigurationError("a table of versions needs a cache to tell: Versions(url, cache).")
        self.status = Status(tell=tell)
        self._caches = [ToldCache(cache, database) for cache in caches]
        self._engines = [place.engine for cache in caches for place in cache._opened.places()]
        self._every = every
        self._max_stale = max_stale
        self._looked = float("-inf")
        self._connect = connect or connector(url)
        self._following = Following(self._connect, database, volatile, kept)
        self._lock = threading.Lock()
        self._asked = self._answered = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        on_fork(self)

    def create(self) -> Self:
        """Make the table and its triggers, as far as they are missing; see `VersionTable.create`."""
        with closing(Asker(self._connect)) as asker:
            VersionTable(asker).create()
        return self

    # -- asking -------------------------------------------------------------------------------------

    def late(self) -> bool:
        """Whether nobody has asked for longer than `max_stale`."""
        return time.monotonic() - self._looked > self._max_stale

    def unchanged(self) -> bool:
        """Only the database can tell."""
        return False

    async def look(self) -> None:
        """`confirm`, for whoever may be on an event loop, which isn't blocked."""
        loop = suspending_loop()
        if loop is None:
            self.confirm()
        else:
            await loop.run_in_executor(None, self.confirm)

    def confirm(self) -> None:
        """When this returns, whatever was committed before it was called is announced.

        Raises:
            BackendError: The database doesn't answer, or a cache can't be told.
        """
        if _here.confirming:
            return  # a cache that is told asks whether all is told; nor does one database wait for another
        before = self._asked
        with self._lock:
            if self._answered > before:
                return  # somebody has asked since we came
            self._asked = asking = self._asked + 1
            began = time.monotonic()
            _here.confirming = True
            try:
                # In a context of its own: this is no part of what the caller reads or writes.
                Context().run(self._confirmed)
            finally:
                _here.confirming = False
            self._answered, self._looked = asking, began

    def _confirmed(self) -> None:
        try:
            self._following.open()
            if self._following.seen is None:
                self._recall()
            found = self._following.look()
            self._announce(found)
            self._following.done(found)
        except (ConfigurationError, CacheClosed):
            raise
        except Exception as error:
            if not isinstance(error, AfreshError):
                self._following.close()
            self.status.state, self.status.reason = "away", str(error).strip()
            raise BackendError(f"nobody knows what has changed in the database: {error}") from error
        self.status.state, self.status.reason = "following", ""

    def _recall(self) -> None:
        """Go on where any process has got to, if every cache was told of that."""
        known = [told.seen(self._following.server) for told in self._caches]
        if None not in known:
            self._following.seen = min((each for each in known if each is not None), key=Snapshot.age)

    def _announce(self, found: News) -> None:
        following = self._following
        uncovered = following.uncovered()
        for told in self._caches:
            before = told.seen(following.server) if found.changes or not found.complete else None
            if found.complete:
                names, everything = following.marks(found.untold(told.epochs(), before))
            else:
                names, everything = [], "what changed since the last look is not known"
            if everything:
                self.status.everything += 1
                self.status.say(f"everything is announced: {everything}")
                names = [*names, *following.everything()]
            if names or uncovered:
                told.tell([*names, *uncovered])
            if names:
                told.remember(following.server, found.snapshot)
            self.status.tags += len(names)
        following.is_odd(found.changes)
        self.status.transactions += len({each.xid for each in found.changes})
        self.status.known += len(found.announced)
        self.status.rows += sum(max(len(each.old or ()), len(each.new or ())) for each in found.changes)

    # -- beginning and ending -----------------------------------------------------------------------

    def start(self) -> Self:
        """Begin: announce what isn't known to be announced, and have the caches ask from now on.

        If the database, or a cache's server, doesn't answer, that is said, and done as soon as it does: until
        then a `strict` cache is read through.

        Raises:
            ConfigurationError: There is no table of versions.
        """
        self._stop.clear()
        try:
            self.confirm()
        except BackendError as error:
            self.status.say(f"away: {error}")
        for engine in self._engines:
            engine.look_at(self)
        self._begin()
        return self

    def _begin(self) -> None:
        if self._every is not None:
            self._thread = threading.Thread(target=self.run, name="afresh-versions", daemon=True)
            self._thread.start()

    def run(self) -> None:
        """Ask again and again, until `end` or `stop` is called."""
        while not self._stop.is_set():
            reason = self.status.reason
            try:
                self.confirm()
            except BackendError as error:
                if self.status.reason != reason:
                    self.status.say(f"away: {error}")
            except (ConfigurationError, CacheClosed) as error:
                self.status.say(f"stopped: {error}")
                break
            self._stop.wait(self._every or _EVERY)
        self.status.state = "stopped"

    def end(self) -> None:
        """Have `run` return; a signal handler may call this."""
        self._stop.set()

    def stop(self) -> None:
        """End it: caches don't ask any more, and the connection is closed. Safe to call twice."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
        for engine in self._engines:
            engine.look_away(self)
        with self._lock:
            self._following.close()
        self.status.state = "stopped"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def after_fork(self) -> None:
        """The lock may have been held by a thread that doesn't exist here."""
        self._lock = threading.Lock()
        _here.confirming = False
        self._following.after_fork()
        if self._thread is not None:
            self._stop = threading.Event()
            self._begin()
