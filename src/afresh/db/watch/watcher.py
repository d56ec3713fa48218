"""`Watcher`: what other programs change in a PostgreSQL database is announced to caches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Self

from afresh.cache import Cache
from afresh.db.watch.asking import Asker, Connect, connector, state_of
from afresh.db.watch.barrier import Unseen
from afresh.db.watch.poll import Poll
from afresh.db.watch.session import Session
from afresh.db.watch.slot import Slot, Taken
from afresh.db.watch.source import Source
from afresh.db.watch.status import Status
from afresh.db.watch.stream import Stream
from afresh.db.watch.targets import Targets
from afresh.db.watch.transactions import Transactions
from afresh.errors import ConfigurationError
from afresh.sql.tags.changes import Changes

_FIRST, _LONGEST = 0.1, 5.0  # seconds until a server that is away is tried again
_IN_USE = "55006"
_UNDEFINED = "42704"  # the log is from before the publication


class Watcher:
    """Follows the log of one database and announces what changed, whoever changed it.

    ::

        with Watcher("postgresql://localhost/shop", cache):
            ...

    Args:
        url: The database; a role with REPLICATION.
        caches: Who is told.
        slot: Name of its slot, unique in the cluster. A second watcher of the same slot waits, and
            takes over when the first one ends.
        publication: Name of its publication.
        database: The database's name in tags, as `Database(name=…)` and `Row(…, db=…)` have it.
        volatile: Volatile columns, as `Database` has them: `{"product": ["views"]}`.
        full: Which tables log their whole old rows from now on: `keyless`, or `all` (see `Slot.create`).
        poll: Look every so many seconds by SQL, instead of streaming.
        connect: Opens ordinary connections, for another driver; they are used to poll, too.
        tell: Called with each line that is worth saying; the logger `afresh` gets it in any case.

    Raises:
        ConfigurationError: A setting makes no sense, or a driver is missing.
    """

    def __init__(
        self,
        url: str,
        *caches: Cache,
        slot: str = "afresh",
        publication: str = "afresh",
        database: str = "",
        volatile: Mapping[str, Collection[str]] | None = None,
        full: str = "",
        poll: float | None = None,
        connect: Connect | None = None,
        tell: Callable[[str], object] | None = None,
    ) -> None:
        if full not in {"", "keyless", "all"}:
            raise ConfigurationError(f"full={full!r}: write 'keyless' or 'all'.")
        if not caches:
            raise ConfigurationError("a watcher needs a cache to tell: Watcher(url, cache).")
        self.slot = Slot(slot, publication)
        self.status = Status(tell=tell)
        self._url = url
        self._targets = Targets(caches, slot)
        self._database = database
        self._volatile = volatile
        self._full = full
        self._poll = poll
        self._connect = connect or connector(url)
        self._changes: Changes | None = None
        self._stop = threading.Event()
        self._following = threading.Event()
        self._thread: threading.Thread | None = None
        self._failed: BaseException | None = None

    def run(self) -> None:
        """Follow until `stop` is called: what is lost is opened again, and said.

        Raises:
            ConfigurationError: It can never work; the message says what to do.
        """
        pause = _FIRST
        while not self._stop.is_set():
            try:
                self._session()
            except (Unseen, ConfigurationError) as error:
                if isinstance(error, ConfigurationError):
                    raise
            except Exception as error:
                if self._following.is_set():
                    pause = _FIRST
                self._away(error)
                self._stop.wait(pause)
                pause = min(2 * pause, _LONGEST)
        self.status.state = "stopped"

    def _session(self) -> None:
        asker = Asker(self._connect)
        try:
            self.slot.take(asker)
            session = Session(
                asker,
                self.slot,
                self._targets,
                self.status,
                self._stop.is_set,
                database=self._database,
                volatile=self._volatile,
            )
            new = self.slot.create(asker, full=self._full)
            self._changes = session.changes(self._changes)
            source = self._open(asker)
            try:
                session.begin(self._changes, new=new)
                self._follow(session, source)
            except Exception as error:
                if state_of(error) == _UNDEFINED or self._unpublished(error):
                    source.close()
                    self.slot.renew(asker)
                raise
            finally:
                source.close()
        finally:
            self._following.clear()
            asker.close()

    def _follow(self, session: Session, source: Source) -> None:
        assert self._changes is not None
        transactions = Transactions(self._renewed(session), self._changes, self._database)
        self.status.state, self.status.reason = "following", ""
        self._following.set()
        session.follow(source, transactions)

    def _renewed(self, session: Session) -> Callable[[], Changes]:
        def renew() -> Changes:
            self._changes = session.changes(self._changes)
            return self._changes

        return renew

    def _open(self, asker: Asker) -> Source:
        try:
            if self._poll is None:
                return Stream(self._url, self.slot)
            return Poll(Asker(self._connect), self.slot, self._poll)
        except Exception as error:
            if state_of(error) == _IN_USE or "is active for PID" in str(error):
                raise Taken(f"the slot {self.slot.name} is read by another watcher") from error
            raise

    def _unpublished(self, error: Exception) -> bool:
        return f'publication "{self.slot.publication}" does not exist' in str(error)

    def _away(self, error: Exception) -> None:
        reason = str(error).strip() or type(error).__name__
        self.status.state = "waiting" if isinstance(error, Taken) else "away"
        if reason != self.status.reason:
            self.status.say(f"{self.status.state}: {reason}")
        self.status.reason = reason

    # -- in a thread of its own -----------------------------------------------------------------

    def start(self, patience: float = 30.0) -> Self:
        """Run in a thread, and come back once it follows.

        Raises:
            ConfigurationError: See `run`.
            TimeoutError: It doesn't follow yet; it goes on trying.
        """
        self._stop.clear()
        self._failed = None
        self._thread = threading.Thread(target=self._runs, name="afresh-watch", daemon=True)
        self._thread.start()
        if not self._following.wait(patience) and self._failed is None:
            raise TimeoutError(f"the watcher is {self.status.state}: {self.status.reason or 'no answer'}")
        if self._failed is not None:
            raise self._failed
        return self

    def _runs(self) -> None:
        try:
            self.run()
        except BaseException as error:  # `start` raises it
            self._failed = error
            self.status.state, self.status.reason = "stopped", str(error)
            self._following.set()

    def stop(self) -> None:
        """End it, once what it has read is announced. Safe to call twice."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
