"""Edges follow the ledger: what is marked there, by whatever process, is dropped at every edge.

One process of a machine does it (`afresh edge follow`, or a thread of a worker: a file lock elects
it). It reads the ledger's new marks, notes on disk what each edge is to be told, and each edge is
told by a thread of its own. Where it can't be known what was marked (a new epoch, a follower that was
away for longer than the ring remembers) each edge drops everything.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from afresh.backends.file.folder import ledger_folder
from afresh.cache import Cache
from afresh.edge.delivery import Delivery
from afresh.edge.keys import Keys
from afresh.edge.port import EVERYTHING, Edge, Purge
from afresh.edge.spool import Spool
from afresh.errors import ConfigurationError

_LOOK = 0.002  # seconds; looking costs half a microsecond, waking 20
_LOOK_FOR_LOCK = 1.0
_MANY = 20_000  # names that are marked at once: all is dropped
_log = logging.getLogger("afresh")


@runtime_checkable
class Told(Protocol):
    """A ledger that tells what was marked."""

    @property
    def epoch(self) -> int:
        """See `core.ports.Ledger`."""

    def position(self) -> int:
        """See `core.ports.Ledger`."""

    def marks(self, since: int) -> tuple[int, frozenset[int] | None]:
        """See `core.log.Log.marks`."""


class EdgeStatus(NamedTuple):
    """How an edge is.

    Attributes:
        name: Its name.
        delivered: Purges that it took from this process.
        waiting: Purges that it has not taken yet, and repeats that are not due yet.
        trouble: Why it doesn't take any; empty: it does.
    """

    name: str
    delivered: int
    waiting: int
    trouble: str


class Follower:
    """Tells edges what is marked in a cache's ledger, until `close`. A context manager.

    Args:
        cache: Whose ledger is followed.
        edges: Who is told.
        secret: Of outward names; the same as that of `Outward`.
        folder: Where it is kept what edges are still to be told; by default a folder of this user for this
            cache. One follower works there at a time; others stand by.
        tell: Called with a line about trouble.
    """

    def __init__(
        self,
        cache: Cache,
        edges: Sequence[Edge],
        *,
        secret: bytes = b"",
        folder: Path | None = None,
        tell: Callable[[str], object] = _log.warning,
    ) -> None:
        if len({edge.name for edge in edges}) != len(edges):
            raise ConfigurationError("two edges have one name: give each a name=… of its own.")
        ledger = cache._engine.ledger
        if not isinstance(ledger, Told):
            raise ConfigurationError(f"{ledger!r} doesn't tell what was marked: edges can't follow it.")
        self._ledger: Told = ledger
        self._keys = Keys(secret)
        self._edges = list(edges)
        self._tell = tell
        self._folder = folder or ledger_folder(f"edge {cache._engine.backend.url}")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._spool: Spool | None = None
        self._deliveries: list[Delivery] = []
        self._stopped = threading.Event()
        self._reached: tuple[int, int] | None = None
        self._thread = threading.Thread(target=self._run, name="afresh edges", daemon=True)

    @property
    def working(self) -> bool:
        """Whether this is the process that tells the edges."""
        return self._spool is not None

    def start(self) -> None:
        """Follow in a thread of its own, as soon as no other process does."""
        self._thread.start()

    def status(self) -> list[EdgeStatus]:
        """How the edges are; empty where another process follows."""
        spool = self._spool
        if spool is None:
            return []
        return [
            EdgeStatus(each.edge.name, each.delivered, spool.waiting(each.edge.name), each.trouble)
            for each in self._deliveries
        ]

    def settled(self, timeout: float) -> bool:
        """Wait until the edges know of everything that is marked by now, repeats included."""
        to, end = self._ledger.position(), time.monotonic() + timeout
        while time.monotonic() < end:
            reached, spool = self._reached, self._spool
            if (
                reached is not None
                and spool is not None
                and reached[1] >= to
                and not any(spool.waiting(edge.name) for edge in self._edges)
            ):
                return True
            time.sleep(_LOOK)
        return False

    def drop(self, *urls: str) -> None:
        """Drop pages by their URLs at every edge, whatever the ledger says.

        Raises:
            ConfigurationError: Another process tells the edges.
        """
        if self._spool is None or self._reached is None:
            raise ConfigurationError("another process tells the edges: ask there, or announce a tag instead.")
        self._note([Purge("url", url) for url in urls], *self._reached)

    def close(self) -> None:
        """End. What was not delivered is told by the next process. Safe to call twice."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(20.0)

    def __enter__(self) -> Follower:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        with (self._folder / "edges.lock").open("w") as lock:
            while not _taken(lock.fileno()):
                if self._stopped.wait(_LOOK_FOR_LOCK):
                    return
            self._spool = spool = self._opened()
            try:
                self._follow(spool)
            finally:
                for each in self._deliveries:
                    each.stop()
                self._spool = None
                spool.close()

    def _opened(self) -> Spool:
        """The spool; a new one in place of one that is damaged: then all edges drop everything."""
        path = self._folder / "edges.sqlite"
        try:
            return Spool(path)
        except sqlite3.DatabaseError as damage:
            self._tell(f"{path} is damaged ({damage}) and begun anew")
            for file in self._folder.glob("edges.sqlite*"):
                file.unlink(missing_ok=True)
            return Spool(path)

    def _follow(self, spool: Spool) -> None:
        self._reached = spool.reached()
        self._deliveries = [Delivery(edge, spool, self._tell) for edge in self._edges]
        for each in self._deliveries:
            each.start()
        while not self._stopped.is_set():
            try:
                self.step()
            except Exception as error:
                # A full disk, say. The position stands still, so nothing is lost.
                self._tell(f"edges are not told: {error!r}")
                self._stopped.wait(1.0)
            self._stopped.wait(_LOOK)

    def step(self) -> None:
        """Look once, and note what is new."""
        epoch = self._ledger.epoch
        known = self._reached
        since = known[1] if known is not None else 0
        if known is not None and known[0] == epoch and self._ledger.position() == since:
            return
        at, tags = self._ledger.marks(since)
        if not at or self._ledger.epoch != epoch:
            return  # there is no ledger now, or another one by now
        if known is None or known[0] != epoch or tags is None:
            if known is not None:
                self._tell("it can't be known what was marked: the edges drop everything")
            self._note([EVERYTHING._replace(position=at)], epoch, at)
        else:
            names = sorted(self._keys.purged(tags))
            purges = [Purge("key", name, at) for name in names]
            self._note(purges if len(names) <= _MANY else [EVERYTHING._replace(position=at)], epoch, at)

    def _note(self, purges: Iterable[Purge], epoch: int, at: int) -> None:
        assert self._spool is not None
        edges = [(edge.name, edge.repeats) for edge in self._edges]
        self._spool.note(epoch, at, purges, edges, time.time())
        self._reached = (epoch, at)
        for each in self._deliveries:
            each.wake()


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    os.ftruncate(descriptor, 0)
    return True
