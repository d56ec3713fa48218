"""One load at a time for each key, among all processes: memcached's own leases.

`mg` with `N` makes an item of 0 bytes where there is none and tells exactly one asker that it has won
(`W`); the others learn that somebody has (`Z`). The stub lies beside the entry, on the same server and
under a key of its own: an entry that is no longer current needs a lease too, and must not be lost for
it, since it may still be served if the load fails. So the server's marks of staleness aren't needed.

The stub expires after `TTL` seconds, and a thread renews what this process holds: a lease ends with its
holder's process. memcached can't wake who waits; who waits asks again after pauses that grow from
`SHORT` to `LONG` seconds, with jitter, and only while it waits.
"""

from __future__ import annotations

import threading
from typing import Final

from afresh.backends.memcached.client import Client, Request, Response
from afresh.backends.memcached.store.store import MemcachedStore, item
from afresh.core.ports import UNASKED, Runtime, Unasked
from afresh.errors import BackendError
from afresh.runtime.fork import forks, on_fork

TTL: Final = 3
"""Seconds after which a lease ends whose holder is gone. The server counts whole ones: 2 to 3."""
SHORT: Final = 0.001
LONG: Final = 0.025
_RENEW: Final = 0.8  # seconds
_ANSWER: Final = 0.5
_TAKE: Final = (f"N{TTL}", "c")
_TOUCH: Final = (f"T{TTL}", "c")


class MemcachedLease:
    """A lease that was taken; release it once.

    Attributes:
        found: The envelope that lay beside it when it was taken, if that can be told.
        name: The stub's key, and
        server: where it is.
        cas: What tells this stub from a later one.
    """

    __slots__ = ("_forks", "_leases", "cas", "found", "name", "server")

    found: bytes | Unasked | None

    def __init__(
        self, leases: MemcachedLeases, name: bytes, server: int, cas: str, found: bytes | Unasked | None
    ) -> None:
        self._leases: MemcachedLeases | None = leases
        self._forks = forks()
        self.name = name
        self.server = server
        self.cas = cas
        self.found = found

    def release(self) -> None:
        """Let the next one in. Safe to call twice; in a child it does nothing to the parent's."""
        leases, self._leases = self._leases, None
        if leases is not None and self._forks == forks():
            leases.release(self)


class MemcachedLeases:
    """The leases on a client's servers. See `afresh.core.ports.Leases`."""

    def __init__(self, client: Client, store: MemcachedStore) -> None:
        """Keep leases beside the entries of `store`; the client is closed by somebody else."""
        self._client = client
        self._store = store
        self._closed = False
        self.after_fork()
        on_fork(self)

    def after_fork(self) -> None:
        """The thread, and what it held, stayed with the parent."""
        self._lock = threading.Lock()
        self._held: dict[int, MemcachedLease] = {}
        self._stop = threading.Event()
        self._renewing = False

    async def take(self, key: str, patience: float, runtime: Runtime) -> MemcachedLease | None:
        """Take the lease of `key`; `None` when its holder took longer than `patience` seconds.

        Raises:
            BackendError: The key's server can't be reached.
        """
        entry = item(key)
        name, server = _stub(entry), self._client.server_of(entry)
        ask = Request("mg", name, _TAKE, server=server)
        got, there = await self._client.run(ask, Request("mg", entry, ("v",), server=server))
        if _won(got):
            return self._hold(name, server, got, self._found(there))
        until, pause = runtime.now() + patience, SHORT
        while (left := until - runtime.now()) > 0:
            await runtime.wait(runtime.waiter(), min(left, pause * (0.5 + runtime.random())))
            got = await self._client.one(ask)
            if _won(got):
                return self._hold(name, server, got, UNASKED)
            pause = min(pause * 1.5, LONG)
        return None

    def release(self, lease: MemcachedLease) -> None:
        """Give one back. For `MemcachedLease`."""
        with self._lock:
            if self._held.pop(id(lease), None) is None:
                return
        self._client.submit(_give_back(lease))

    def close(self) -> None:
        """Give back every lease. Safe to call twice."""
        with self._lock:
            self._closed = True
            held, self._held = list(self._held.values()), {}
        self._stop.set()
        if held:
            self._client.call(*map(_give_back, held), timeout=_ANSWER)

    def _found(self, there: Response) -> bytes | Unasked | None:
        if there.error:
            return UNASKED
        try:
            return self._store.found(there)
        except LookupError:
            return UNASKED

    def _hold(self, name: bytes, server: int, got: Response, found: bytes | Unasked | None) -> MemcachedLease:
        lease = MemcachedLease(self, name, server, got.flag("c") or "0", found)
        with self._lock:
            if not self._closed:
                self._held[id(lease)] = lease
                self._renew()
        return lease

    def _renew(self) -> None:
        """See to it that there is a thread that renews. Called with the lock held."""
        if self._renewing:
            return
        thread = threading.Thread(target=self._keep, args=(self._stop,), name="afresh-leases", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads: a load of more than `TTL` seconds may be loaded twice
            return
        self._renewing = True

    def _keep(self, stop: threading.Event) -> None:
        """The thread: renew what is held, until nothing is."""
        while not stop.wait(_RENEW):
            with self._lock:
                held = list(self._held.values())
                if not held:
                    self._renewing = False
                    return
            try:
                self._touch(held)
            except BackendError:
                continue  # closed, or away: then the leases end by themselves

    def _touch(self, held: list[MemcachedLease]) -> None:
        asks = [Request("mg", lease.name, _TOUCH, server=lease.server) for lease in held]
        replies = self._client.call(*asks, timeout=_ANSWER)
        lost = [
            id(lease)
            for lease, reply in zip(held, replies, strict=True)
            if not reply.error and reply.flag("c") != lease.cas
        ]
        with self._lock:
            for each in lost:
                self._held.pop(each, None)


def _stub(entry: bytes) -> bytes:
    return b"l" + entry[1:]


def _won(got: Response) -> bool:
    if got.error:
        raise BackendError(got.error)
    return got.flag("W") is not None


def _give_back(lease: MemcachedLease) -> Request:
    return Request("md", lease.name, (f"C{lease.cas}",), server=lease.server)
