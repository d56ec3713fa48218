"""`SQLiteWatcher`: what other programs change in an SQLite database is announced to caches."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Self
from urllib.parse import unquote

from afresh.backends.file.forks import on_fork
from afresh.cache import Cache
from afresh.core.durations import Duration, seconds
from afresh.db.watch.sqlite.follower import Follower
from afresh.db.watch.sqlite.install import KEEP
from afresh.db.watch.sqlite.targets import Targets
from afresh.db.watch.status import Status
from afresh.engine.engine import Engine
from afresh.errors import BackendError, ConfigurationError
from afresh.runtime.world import suspending_loop

_AGAIN = 0.5  # seconds until triggers are tried again that could not be made


class SQLiteWatcher:
    """Follows one database file and announces what changed, whoever changed it.

    ::

        with SQLiteWatcher("shop.db", cache):
            ...

    Each process whose caches serve what is read from the database runs one. Then a `strict` cache
    is never stale, whoever writes; any other one is no older than `max_stale`, and as a rule no older than
    `every`.

    Args:
        database: The file, by its path or as `sqlite:///relative` or `sqlite:////absolute`.
        caches: Who is told; none: every cache of this process that takes captured writes.
        name: The database's name in tags, as `Database(name=…)` and `Row(…, db=…)` have it.
        volatile: Volatile columns, as `Database` has them.
        every: How often to look, in seconds.
        max_stale: If the thread that looks has not for so long, whoever reads does it.
        install: Make the triggers, and renew them. Without them every change is one of everything.
        keep: Rows that the log in the database keeps. Who is further behind announces everything.
        tell: Called with each line that is worth saying; the logger `afresh` gets it in any case.

    Raises:
        ConfigurationError: A setting makes no sense, or there is no such file.
    """

    def __init__(
        self,
        database: str | Path,
        *caches: Cache,
        name: str = "",
        volatile: Mapping[str, Collection[str]] | None = None,
        every: Duration = 0.01,
        max_stale: Duration = 1.0,
        install: bool = True,
        keep: int = KEEP,
        tell: Callable[[str], object] | None = None,
    ) -> None:
        path = path_of(database)
        if not path.is_file():
            raise ConfigurationError(f"there is no database {path}: make it first, it is only watched.")
        self.status = Status(tell=tell)
        self._targets = Targets(caches)
        self._follower = Follower(
            path, self._targets, self.status, database=name, volatile=volatile, keep=keep
        )
        self._every = seconds(every, "every")
        self._max_stale = seconds(max_stale, "max_stale")
        self._install = install
        self._refused = float("-inf")
        self._why_not = ""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        on_fork(self)

    # -- as readers see it ----------------------------------------------------------------------

    def late(self) -> bool:
        """Whether nobody has looked for longer than `max_stale`."""
        return time.monotonic() - self._follower.looked > self._max_stale

    def unchanged(self) -> bool:
        """Whether all that was committed before the call is announced, if that can be seen at once."""
        try:
            return self._follower.look(wait=False)
        except BackendError:
            return False

    async def look(self) -> None:
        """When this returns, all that was committed before the call is announced.

        Raises:
            BackendError: The database can't be read, or a cache can't be told.
        """
        if self._follower.look(wait=False):
            return
        if suspending_loop() is not None:
            await asyncio.to_thread(self._follower.look)
        else:
            self._follower.look()

    # -- following ------------------------------------------------------------------------------

    def run(self) -> None:
        """Follow until `stop` is called; what was committed by then is announced."""
        try:
            while not self._stop.is_set():
                if self._has_to_look():
                    self.follow_once()
                self._stop.wait(self._every)
            self.follow_once()
        finally:
            for engine in self._targets.engines():
                engine.look_away(self)
            self._follower.close()
            self.status.state = "stopped"

    def _has_to_look(self) -> bool:
        """Not where readers do so all the time: they would find the follower busy."""
        nobody = time.monotonic() - self._follower.looked >= self._every
        return nobody or self._follower.due or self.status.state != "following" or bool(self._new())

    def follow_once(self) -> None:
        """Look, and renew the triggers where they are not what they shall be; trouble is told in `status`."""
        try:
            if self._install and self._follower.due:
                self._renew()
            self._look_for_all()
            self.status.state, self.status.reason = "following", ""
        except BackendError as error:
            reason = str(error)
            if reason != self.status.reason:
                self.status.say(f"away: {reason}")
            self.status.state, self.status.reason = "away", reason

    def _look_for_all(self) -> None:
        """Look, and have the caches ask for looks: those that were here, and those that were opened since."""
        new = self._new()
        if new:
            self._follower.look_again()
        self._follower.look()
        for engine in new:
            engine.look_at(self)

    def _new(self) -> list[Engine]:
        """Those who don't ask for looks yet."""
        return [engine for engine in self._targets.engines() if self not in engine.elsewhere]

    def _renew(self) -> None:
        """Make the triggers. Where that can't be done now, changes are still seen, and told less exactly."""
        if time.monotonic() - self._refused < _AGAIN:
            return
        try:
            self._follower.renew()
        except BackendError as error:
            self._refused = time.monotonic()
            if str(error) != self._why_not:
                self.status.say(str(error))
            self._why_not = str(error)

    def start(self) -> Self:
        """Follow in a thread. When this returns, everything up to here is announced.

        Raises:
            BackendError: The database can't be read, or a cache can't be told.
        """
        self._stop.clear()
        self.follow_once()
        if self.status.state != "following":
            raise BackendError(self.status.reason)
        self._begin()
        return self

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self.run, name="afresh-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it. Safe to call twice, and by a signal."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- forks ----------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Nothing may be open."""
        self._follower.before_fork()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._follower.after_fork_in_parent()

    def after_fork_in_child(self) -> None:
        """The thread that looked is the parent's."""
        self._follower.after_fork_in_child()
        if self._thread is not None:
            self._stop = threading.Event()
            self._begin()


def path_of(database: str | Path) -> Path:
    """The file that a URL or a path names."""
    text = str(database)
    return Path(unquote(text.removeprefix("sqlite:///"))) if text.startswith("sqlite:///") else Path(text)
