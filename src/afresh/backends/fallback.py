"""A second place for loaded values while the first one doesn't answer.

It may be as old as it likes: each value is judged by the ledger's numbers when it is read, wherever it
was kept. Values that a caller put carry no such number. They have one place, the first, and are an error
while that is away; kept in two they would come back from the dead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from afresh.core.ports import Lease, Leases, Runtime, Store
from afresh.errors import BackendError
from afresh.runtime.drive import drive


class FallbackStore:
    """Loaded values in the first store, or else in the second. `afresh.core.ports.Store` is the contract."""

    def __init__(self, first: Store, second: Store) -> None:
        self.first = first
        self.second = second

    def read(self, key: str) -> bytes | None:
        """`get` as a plain function, which blocks."""
        return drive(self.get(key))

    async def get(self, key: str) -> bytes | None:
        """The envelope, or `None`."""
        try:
            return await self.first.get(key)
        except BackendError:
            return await self.second.get(key)

    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The envelopes that are there."""
        try:
            return await self.first.get_many(keys)
        except BackendError:
            return await self.second.get_many(keys)

    async def fill(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> bool:
        """Store the result of a load."""
        try:
            return await self.first.fill(key, envelope, stamp=stamp, expires=expires)
        except BackendError:
            return await self.second.fill(key, envelope, stamp=stamp, expires=expires)

    async def put(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> None:
        """Store a value that a caller set, in its one place."""
        await self.first.put(key, envelope, stamp=stamp, expires=expires)

    async def put_many(self, envelopes: Mapping[str, bytes], *, stamp: int, expires: float) -> None:
        """`put` for several keys."""
        await self.first.put_many(envelopes, stamp=stamp, expires=expires)

    async def swap(
        self, key: str, old: bytes | None, new: bytes | None, *, stamp: int, expires: float
    ) -> bool:
        """Compare and set, in the first."""
        return await self.first.swap(key, old, new, stamp=stamp, expires=expires)

    async def delete(self, key: str) -> bool:
        """Delete a key."""
        return await self.first.delete(key)

    async def delete_many(self, keys: Sequence[str]) -> int:
        """Delete keys."""
        return await self.first.delete_many(keys)

    async def clear(self, prefix: str) -> None:
        """Delete every key that begins with `prefix`, in both."""
        with suppress(BackendError):  # what stays there is no longer current
            await self.second.clear(prefix)
        await self.first.clear(prefix)

    async def flush(self) -> None:
        """What was stored is visible to other processes."""
        await self.second.flush()
        await self.first.flush()

    def usage(self) -> Mapping[str, int]:
        """The first one's counters."""
        return self.first.usage()

    def close(self) -> None:
        """Both are closed by whoever opened them."""


class FallbackLeases:
    """The right to load, from the first server, or else from the second."""

    def __init__(self, first: Leases, second: Leases) -> None:
        self._first = first
        self._second = second

    async def take(self, key: str, patience: float, runtime: Runtime) -> Lease | None:
        """Take the lease of a key (see `afresh.core.ports.Leases`)."""
        try:
            return await self._first.take(key, patience, runtime)
        except BackendError:
            return await self._second.take(key, patience, runtime)

    def close(self) -> None:
        """Both are closed by whoever opened them."""
