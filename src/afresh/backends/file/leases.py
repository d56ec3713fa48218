"""One load at a time for each key, among the processes of a machine: `flock` on bucket files.

The kernel ends a lock with its holder's process, however that dies. A lease that isn't free is
waited for without polling: a thread blocks in `flock` and wakes whoever waits. That thread can't be
stopped, so when it gets a lock that nobody wants any more it gives it back at once.
"""

from __future__ import annotations

import fcntl
import os
import threading
from hashlib import blake2b
from pathlib import Path
from typing import Final

from afresh.backends.file.forks import on_fork
from afresh.core.ports import UNASKED, Runtime, Unasked, Waiter

BUCKETS: Final = 4096
_MOST_THREADS: Final = 64
_OPEN: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class _Bucket:
    """A bucket that this process holds or waits for.

    Attributes:
        descriptor: The open file; -1 once it is given back.
        users: Leases of this process that it stands for. While there are any, the lock is held.
        blocked: A thread waits for the lock.
        tickets: Callers that wait for that thread.
    """

    __slots__ = ("blocked", "descriptor", "number", "tickets", "users")

    def __init__(self, number: int, descriptor: int) -> None:
        self.number = number
        self.descriptor = descriptor
        self.users = 0
        self.blocked = False
        self.tickets: set[_Ticket] = set()


class _Ticket:
    """One caller that waits.

    Attributes:
        waiter: How it is woken.
        is_alive: Whether it can still come: its event loop may be closed meanwhile.
        granted: It has the lease, if it comes.
    """

    __slots__ = ("granted", "is_alive", "waiter")

    def __init__(self, runtime: Runtime) -> None:
        self.waiter: Waiter = runtime.waiter()
        self.is_alive = runtime.lifeline()
        self.granted = False


class FileLease:
    """A lease that was taken; release it once."""

    __slots__ = ("_bucket", "_leases")

    def __init__(self, leases: FileLeases, bucket: _Bucket) -> None:
        self._leases = leases
        self._bucket: _Bucket | None = bucket

    @property
    def found(self) -> Unasked:
        """A file lock knows nothing of values."""
        return UNASKED

    def release(self) -> None:
        """Let the next one in. Safe to call twice, and after a fork in the child."""
        bucket, self._bucket = self._bucket, None
        if bucket is not None:
            self._leases.release(bucket)


class FileLeases:
    """The leases of one folder. See `afresh.core.ports.Leases`.

    Keys share `BUCKETS` files. Two keys of one bucket wait for each other among processes; within a
    process they don't, since whoever holds one may need the other to go on. Callers of one key are
    joined before they come here.
    """

    def __init__(self, folder: str | Path) -> None:
        """Keep the bucket files in `folder`, which is made when first needed."""
        self._folder = Path(folder)
        self._mutex = threading.Lock()
        self._buckets: dict[int, _Bucket] = {}
        self._threads = 0
        self._closed = False
        self._quiet = False
        on_fork(self)

    async def take(self, key: str, patience: float, runtime: Runtime) -> FileLease | None:
        """Take the lease of `key`; `None` when its holder took longer than `patience` seconds.

        `None` also where no file can be locked, or too many waits are under way: the caller then
        does what it would do without leases.
        """
        with self._mutex:
            bucket = self._bucket(bucket_of(key))
            if bucket is None:
                return None
            if bucket.users or self._is_free(bucket):
                bucket.users += 1
                return FileLease(self, bucket)
            if patience <= 0 or not (bucket.blocked or self._start(bucket)):
                self._give_back_unused(bucket)
                return None
            ticket = _Ticket(runtime)
            bucket.tickets.add(ticket)
        return await self._wait(bucket, ticket, patience, runtime)

    def release(self, bucket: _Bucket) -> None:
        """One lease on `bucket` less. For `FileLease`."""
        with self._mutex:
            if bucket.users:
                bucket.users -= 1
                self._give_back_unused(bucket)

    def close(self) -> None:
        """Give back every lease. Safe to call twice."""
        with self._mutex:
            self._closed = True
            for bucket in list(self._buckets.values()):
                bucket.users = 0
                self._give_back_unused(bucket)

    def before_fork(self) -> None:
        """Let no descriptor be opened unseen while the process is copied."""
        self._quiet = self._mutex.acquire(timeout=1.0)

    def after_fork_in_parent(self) -> None:
        """Go on."""
        if self._quiet:
            self._mutex.release()

    def after_fork_in_child(self) -> None:
        """Let go of the parent's leases.

        An inherited descriptor shares its lock with the parent's. Unlocking would end the parent's
        lease; closing doesn't, and without closing the lease would outlive the parent.
        """
        for bucket in self._buckets.values():
            os.close(bucket.descriptor)
            bucket.descriptor = -1
            bucket.users = 0
        self._buckets = {}
        self._threads = 0
        self._mutex = threading.Lock()

    async def _wait(
        self, bucket: _Bucket, ticket: _Ticket, patience: float, runtime: Runtime
    ) -> FileLease | None:
        try:
            await runtime.wait(ticket.waiter, patience)
        except BaseException:  # cancelled: what was granted meanwhile must not stay taken
            if self._leave(bucket, ticket):
                self.release(bucket)
            raise
        return FileLease(self, bucket) if self._leave(bucket, ticket) else None

    def _leave(self, bucket: _Bucket, ticket: _Ticket) -> bool:
        """Wait no longer; says whether the lease was granted."""
        with self._mutex:
            bucket.tickets.discard(ticket)
            return ticket.granted

    # Called with the mutex held: `_bucket`, `_is_free`, `_start`, `_give_back_unused`.

    def _bucket(self, number: int) -> _Bucket | None:
        """The bucket that this process has open, or has opened now; `None` where it can't."""
        bucket = self._buckets.get(number)
        if bucket is not None or self._closed:
            return bucket
        path = self._folder / f"{number:03x}"
        try:
            try:
                descriptor = os.open(path, _OPEN, 0o600)
            except FileNotFoundError:
                self._folder.mkdir(mode=0o700, exist_ok=True)
                descriptor = os.open(path, _OPEN, 0o600)
        except OSError:
            return None
        bucket = self._buckets[number] = _Bucket(number, descriptor)
        return bucket

    def _is_free(self, bucket: _Bucket) -> bool:
        """Try to lock a bucket, unless a thread is about to: both would be the same owner."""
        if bucket.blocked:
            return False
        try:
            fcntl.flock(bucket.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _start(self, bucket: _Bucket) -> bool:
        """Let a thread wait for a bucket; says `False` when there are too many already."""
        if self._threads >= _MOST_THREADS:
            return False
        thread = threading.Thread(target=self._block, args=(bucket,), name="afresh-lease", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads, or the interpreter is ending
            return False
        self._threads += 1
        bucket.blocked = True
        return True

    def _block(self, bucket: _Bucket) -> None:
        """The thread: get the lock, hand it to all who wait for it, or give it back at once."""
        try:
            fcntl.flock(bucket.descriptor, fcntl.LOCK_EX)
            locked = True
        except OSError:
            locked = False
        with self._mutex:
            self._threads -= 1
            bucket.blocked = False
            granted, bucket.tickets = bucket.tickets, set()
            for ticket in granted:
                ticket.granted = locked and not self._closed and ticket.is_alive()
            bucket.users += sum(ticket.granted for ticket in granted)
            self._give_back_unused(bucket)
        for ticket in granted:
            ticket.waiter.wake()

    def _give_back_unused(self, bucket: _Bucket) -> None:
        if bucket.users or bucket.blocked or self._buckets.get(bucket.number) is not bucket:
            return
        del self._buckets[bucket.number]
        # Not by closing alone: a child that was just forked may still have the descriptor.
        fcntl.flock(bucket.descriptor, fcntl.LOCK_UN)
        os.close(bucket.descriptor)


def bucket_of(key: str) -> int:
    """The bucket of a key, the same in every process."""
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=2).digest()
    return int.from_bytes(digest, "little") % BUCKETS
