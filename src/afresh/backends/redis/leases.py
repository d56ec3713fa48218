"""One load at a time for each key, among all who share a Redis.

A lease is a key with a random value that expires after `LASTS` seconds; its holder's process makes it
last for as long as it lives. Taking it also brings the entry, in the same round trip. Whoever is told
that it is another's waits for the message of its release, and looks at the latest when it expires.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any, Final, NamedTuple

from afresh.backends.redis.client import Client
from afresh.backends.redis.entries import entry_key, envelope_of, lease_key
from afresh.backends.redis.scripts import RELEASE, RENEW, TAKE
from afresh.backends.redis.waking import Wakers
from afresh.core.ports import Runtime, Waiter
from afresh.runtime.fork import on_fork

LASTS: Final = 3.0
"""Seconds after which a lease ends whose holder doesn't make it last."""

_MILLISECONDS: Final = int(LASTS * 1000)
_RENEW: Final = LASTS / 3
_SLACK: Final = 0.005  # what expires is gone a little later
_UNHEARD: Final = 0.05  # seconds between two looks, where no message can be had
_FIRST: Final = b"-"  # the caller has seen no entry yet
_OURS, _UNNEEDED = 1, 2


class RedisLease:
    """A lease that was taken, or that nobody needs any more since its entry is there.

    Attributes:
        found: The envelope that was there.
    """

    __slots__ = ("_key", "_leases", "_token", "found")

    def __init__(self, leases: RedisLeases | None, key: bytes, token: bytes, found: bytes | None) -> None:
        self._leases = leases
        self._key = key
        self._token = token
        self.found = found

    def release(self) -> None:
        """Let the next one in. Safe to call twice, and after a fork in the child."""
        leases, self._leases = self._leases, None
        if leases is not None:
            leases.release(self._key, self._token)


class _Wanted(NamedTuple):
    """What somebody tries to take."""

    entry: bytes
    lease: bytes
    token: bytes


class RedisLeases:
    """See the module, and `afresh.core.ports.Leases`."""

    def __init__(self, client: Client) -> None:
        """Keep leases beside the entries on the servers of `client`, which its opener closes."""
        self._client = client
        self._wakers = Wakers(client)
        self._keeper = _Keeper(client)

    async def take(self, key: str, patience: float, runtime: Runtime) -> RedisLease | None:
        """Take the lease of `key`; `None` when its holder took longer than `patience` seconds.

        Raises:
            BackendError: The server doesn't answer.
        """
        entry = entry_key(key)
        wanted = _Wanted(entry, lease_key(entry), os.urandom(16))
        answer = await self._ask(wanted, _FIRST)
        if answer[0] or patience <= 0:
            return self._given(wanted, answer)
        return await self._wait(wanted, answer, runtime.now() + patience, runtime)

    def release(self, lease: bytes, token: bytes) -> None:
        """Give back what this process holds. For `RedisLease`."""
        if self._keeper.drop(token):
            self._client.submit_script(RELEASE, (lease,), (token, lease))

    def close(self) -> None:
        """Give back every lease. Safe to call twice."""
        for token, lease in self._keeper.held():
            self.release(lease, token)
        self._wakers.close()

    async def _wait(
        self, wanted: _Wanted, answer: list[Any], until: float, runtime: Runtime
    ) -> RedisLease | None:
        waiter: Waiter | None = None
        try:
            while not answer[0] and (left := until - runtime.now()) > 0:
                last, waiter = waiter, runtime.waiter()
                heard = self._wakers.enter(wanted.lease, waiter)
                if last is not None:
                    self._wakers.leave(wanted.lease, last)
                if heard:
                    answer = await self._ask(wanted, answer[2])
                    if answer[0]:
                        break
                longest = _lasts(answer[1]) if self._wakers.listening else _UNHEARD
                await runtime.wait(waiter, min(left, longest))
        finally:
            if waiter is not None:
                self._wakers.leave(wanted.lease, waiter)
        return self._given(wanted, answer)

    async def _ask(self, wanted: _Wanted, seen: bytes) -> list[Any]:
        """What `scripts/take.lua` answers."""
        keys, arguments = (wanted.lease, wanted.entry), (wanted.token, _MILLISECONDS, seen)
        try:
            answer: list[Any] = await self._client.script(TAKE, keys, arguments)
        except BaseException:  # cancelled, or no answer in time: it may have become ours all the same
            self._client.submit_script(RELEASE, (wanted.lease,), (wanted.token, wanted.lease))
            raise
        return answer

    def _given(self, wanted: _Wanted, answer: list[Any]) -> RedisLease | None:
        if not answer[0]:
            return None
        found = envelope_of(answer[1])
        if answer[0] == _UNNEEDED:
            return RedisLease(None, wanted.lease, wanted.token, found)
        self._keeper.keep(wanted.token, wanted.lease)
        return RedisLease(self, wanted.lease, wanted.token, found)


def _lasts(milliseconds: int) -> float:
    """Seconds until another's lease would end by itself."""
    return (milliseconds / 1000 if milliseconds > 0 else 0.0 if milliseconds == -2 else LASTS) + _SLACK


class _Keeper:
    """Makes the leases of this process last, by a thread that runs while there are any."""

    def __init__(self, client: Client) -> None:
        self._client = weakref.ref(client)
        self._make()
        on_fork(self)

    def _make(self) -> None:
        self._lock = threading.RLock()
        self._held: dict[bytes, bytes] = {}
        self._running = False

    def keep(self, token: bytes, lease: bytes) -> None:
        """Make it last."""
        with self._lock:
            self._held[token] = lease
            if self._running:
                return
            self._running = True
        thread = threading.Thread(target=self._run, name="afresh-leases", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads, or the interpreter is ending: it lasts as long as it does
            self._running = False

    def drop(self, token: bytes) -> bool:
        """Let it end; says whether it was kept."""
        return self._held.pop(token, None) is not None

    def held(self) -> list[tuple[bytes, bytes]]:
        """Token and key of all."""
        return list(self._held.items())

    def after_fork(self) -> None:
        """The leases are the parent's."""
        self._make()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(_RENEW)
            with self._lock:
                client = self._client()
                if not self._held or client is None:
                    self._running = False
                    return
            for token, lease in self.held():
                client.submit_script(RENEW, (lease,), (token, _MILLISECONDS))
            del client
