"""The thread that follows the server's log for this machine, while this process holds a seat.

Besides applying what it hears, it does what somebody on the machine has to do: it delivers what waits
in the spool, announces what the dead were about to change, and looks whether the copy is still there.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from afresh.backends.file.ledger.writer_lock import LockTrouble
from afresh.backends.replica.channel import Channel
from afresh.backends.replica.copy import Copy, Superseded
from afresh.backends.replica.header import PENDING
from afresh.backends.replica.owners import ReplicaOwners
from afresh.backends.replica.remote import NOWHERE, RemoteLog, What
from afresh.backends.replica.seats import Seats
from afresh.backends.replica.spool import Spool, Waiting
from afresh.core.words import STANDING, Damaged
from afresh.errors import BackendError
from afresh.runtime.drive import drive

_LONGEST_WAIT = 0.25  # seconds: other processes of the machine may have a smaller `max_stale`
_AT_ONCE = 0.01  # seconds to wait for news where the answer itself is what matters
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.25
_HOLE_PAUSE = 0.005
_TOGETHER = 1_000  # tags in one record of what waited
_REAP_EVERY = 0.25
_LOOK_EVERY = 1.0
_log = logging.getLogger("afresh")


class Follower:
    """One process's follower: working, or ready to take over.

    Attributes:
        behind: Since when nothing comes though the server stands further on; 0: it doesn't.
    """

    def __init__(
        self,
        remote: RemoteLog,
        channel: Channel,
        spool: Spool,
        owners: ReplicaOwners,
        seats: Seats,
        *,
        now: Callable[[], float],
        max_stale: float,
        threads: bool = True,
    ) -> None:
        """Be ready to follow.

        Args:
            remote: The server's log.
            channel: The way from it to this machine's copy.
            spool: What waits to be delivered.
            owners: Whose intents stand.
            seats: Who follows.
            now: The machine's clock.
            max_stale: Within so many seconds it has to be heard.
            threads: `False` where somebody else calls `listen` and `tidy`.
        """
        self._threads = threads
        self._remote = remote
        self._channel = channel
        self._spool = spool
        self._owners = owners
        self._seats = seats
        self._now = now
        self._max_stale = max_stale
        self._wait = min(max_stale / 4, _LONGEST_WAIT)
        self._lost = False
        self._closed = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._steady = False
        self._pause = 0.0
        self._again = {"deliver": 0.0, "reap": 0.0, "look": 0.0}
        self.behind = 0.0

    # -- the thread -----------------------------------------------------------------------------

    @property
    def working(self) -> bool:
        """Whether this process follows."""
        return self._thread is not None

    def ensure(self) -> None:
        """Follow, if nobody does; cheap when called often."""
        if self._thread is not None or not self._lock.acquire(blocking=False):
            return
        try:
            wanted = self._threads and not self._closed and self._thread is None
            if wanted and self._seats.take():
                self._stop = threading.Event()
                self._steady, self._pause = False, 0.0
                arguments = (weakref.ref(self), self._stop)
                thread = threading.Thread(target=_run, args=arguments, name="afresh-follower", daemon=True)
                self._thread = thread
                thread.start()
        except RuntimeError:  # no more threads, or the interpreter is ending
            self._stand_up()
        finally:
            self._lock.release()

    def _stand_up(self) -> None:
        self._thread = None
        self._seats.leave()

    def after_fork(self) -> None:
        """In a child: the thread is the parent's."""
        self._lock = threading.Lock()
        self._thread = None
        self._stop = threading.Event()
        self._seats.after_fork()

    def end(self) -> None:
        """Let the thread end when what it waits for ends."""
        with self._lock:  # one that is being started meanwhile would have an event of its own
            self._closed = True
            self._stop.set()

    def join(self) -> None:
        """Wait for that a little."""
        with self._lock:  # it was started, if it is there
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(2.0)
        if thread is None or not thread.is_alive():
            self._stand_up()

    def finished(self) -> None:
        """The thread ends."""
        with self._lock:
            self._stand_up()

    # -- one round ------------------------------------------------------------------------------

    def round(self) -> float | None:
        """Listen once, and tidy up; the seconds to rest before the next time, or `None` to stop."""
        if not self._seats.work(well=not self._pause):
            return None
        try:
            pause = self.listen()
            self.tidy()
        except BackendError as error:
            return self._failed(error)
        except Exception as error:  # a defect must not end the only thread that follows
            _log.exception("the ledger's follower")
            return self._failed(error)
        self._pause = 0.0
        if self._lost:
            self._lost = False
            self._channel.tell("it is heard again")
        return pause

    def listen(self) -> float:
        """Take in what the server says; the seconds to rest.

        Raises:
            BackendError: It doesn't answer.
        """
        copy = self._usable()
        after = NOWHERE if copy is None else copy.position()
        if copy is None or after == NOWHERE:
            copy = drive(self._channel.catch_up())
            return 0.0
        began = self._now()
        steady, self._steady = self._steady, False
        passage = self._remote.follow(after, self._wait if steady else _AT_ONCE)
        if self._closed:
            return 0.0
        if not self._channel.take_in(copy, after, passage, began):
            drive(self._channel.catch_up())
        self._steady = True
        if copy.last().at >= passage.to.at or not copy.alive():
            self.behind = 0.0
            early = not passage.records and self._now() - began < _AT_ONCE / 2
            return _AT_ONCE if early else 0.0
        if passage.records:  # there is more where these came from
            self.behind = 0.0
            return 0.0
        return self._hole(copy, began)

    def _usable(self) -> Copy | None:
        copy = self._channel.copy()
        trouble = copy.trouble_now() if copy is not None else ""
        if copy is not None and trouble:
            drive(self._channel.load(copy, trouble))
            return self._channel.copy()
        return copy

    def _hole(self, copy: Copy, now: float) -> float:
        """Nothing came, though the server stands further on: somebody is still writing what comes next."""
        self.behind = self.behind or now
        if now - self.behind > self._max_stale:
            self.behind = 0.0
            drive(self._channel.load(copy, "a part of it never came"))
        return _HOLE_PAUSE

    def _failed(self, error: Exception) -> float:
        self._steady = False
        copy = self._channel.copy()
        if not self._lost and (copy is None or self._now() - copy.heard() > self._max_stale):
            self._lost = True
            self._channel.tell(f"not heard of: {error}")
        self._pause = min(max(2 * self._pause, _FIRST_PAUSE), _LONGEST_PAUSE)
        return self._pause

    # -- what somebody has to do ----------------------------------------------------------------

    def tidy(self) -> None:
        """Deliver what waits, announce for the dead, open hits again after a killed writer."""
        copy = self._channel.copy()
        if copy is None:
            return
        try:
            copy.mend()
            if not copy.words[PENDING] and self._due("look", _LOOK_EVERY) and not self._spool.empty():
                self._channel.look_at_spool(copy)  # kept by a process that was killed before it said so
            if copy.words[PENDING] and self._due("deliver", _FIRST_PAUSE):
                self._deliver()
            if copy.words[STANDING] and self._due("reap", _REAP_EVERY):
                self._reap(copy)
        except (Superseded, Damaged, LockTrouble, OSError) as trouble:  # a BackendError is an OSError too
            _log.info("the ledger's follower, which will try again: %s", trouble)

    def _due(self, what: str, pause: float) -> bool:
        now = self._now()
        if now < self._again[what]:
            return False
        self._again[what] = now + pause
        return True

    def _deliver(self) -> None:
        """Announce what waits in the spool. What can't be delivered now is tried again a little later."""
        self._again["deliver"] = self._now() + _LONGEST_PAUSE
        count = 0
        for group in _groups(self._spool.claim()):
            if group[0].tags is None:
                drive(self._channel.write(What.EVERYTHING, ()))
            else:
                marks = tuple(chain.from_iterable(each.tags or () for each in group))
                drive(self._channel.write(What.MARK, marks))
            for each in group:
                self._spool.remove(each.name)
            count += len(group)
        copy = self._channel.copy()
        if copy is not None:
            self._channel.look_at_spool(copy)
        self._again["deliver"] = 0.0
        if count:
            self._channel.tell(f"delivered {count} invalidation(s) that had waited")

    def _reap(self, copy: Copy) -> None:
        """Announce and clear the intents of those who can't any more."""
        with copy.held():
            standing = copy.standing()
        orphans = self._owners.orphans(standing)
        for number, owner in sorted(orphans):
            tags = standing[number, owner]
            if tags is None:
                drive(self._channel.write(What.EVERYTHING, ()))
            drive(self._channel.write(What.SETTLE, tags or (), intent=number, owner=owner))
        if orphans:
            self._owners.bury()
            self._channel.tell(f"announced {len(orphans)} intent(s) of processes that died")


def _run(reference: Callable[[], Follower | None], stop: threading.Event) -> None:
    """The thread. Between its rounds it doesn't keep the follower alive."""
    while True:
        follower = reference()
        if follower is None:
            return
        pause = None if stop.is_set() else follower.round()
        if pause is None:
            follower.finished()
            return
        del follower
        if pause:
            stop.wait(pause)


def _groups(waiting: Sequence[Waiting]) -> Iterator[list[Waiting]]:
    """So many together as make a record of reasonable length; what stands for everything alone."""
    group: list[Waiting] = []
    length = 0
    for each in waiting:
        if each.tags is None:
            yield [each]
            continue
        if group and length + len(each.tags) > _TOGETHER:
            yield group
            group, length = [], 0
        group.append(each)
        length += len(each.tags)
    if group:
        yield group
