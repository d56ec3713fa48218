"""Entries on memcached servers.

Whatever has to be compared is compared by the server (compare-and-set). A read is one round trip, and
one command while nobody puts values by hand here; after that it is two, with the list of what was
cleared. Nothing is written later, so there is nothing to flush.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from afresh.backends.memcached.client import Client, Request, Response
from afresh.backends.memcached.store.cleared import READ, Cleared, Clearings
from afresh.backends.memcached.store.form import FILL, FILLED, HEAD, PUT, Stored, life, put_since, unpacked
from afresh.backends.memcached.store.owed import Owed
from afresh.backends.memcached.wire.codec import plain_get
from afresh.errors import BackendError
from afresh.runtime.clock import SYSTEM_CLOCK, Clock
from afresh.runtime.drive import drive

_TRIES: Final = 16
_VALUE: Final = ("v",)
_VALUE_AND_CAS: Final = ("v", "c")
_NO_LISTS: Final[Mapping[int, Clearings]] = {}
_UNASKED: Final = Clearings((), last=2**64)  # above every number: what was put can't be judged


def item(key: str) -> bytes:
    """The item of a key."""
    return b"a:" + key.encode("utf-8", "surrogatepass")


@lru_cache(maxsize=4096)
def _plain_get(key: str) -> tuple[bytes, bytes, bytes]:
    """Where an entry is, and what reads it, alone and with the list; as it is sent, made once for a hot key."""
    name = item(key)
    packed = plain_get(name)
    return name, packed, packed + READ


class MemcachedStore:
    """Envelopes on one server or several. `afresh.core.ports.Store` is the contract.

    A server that can't be reached is a `BackendError` for its keys; of several keys the others are read
    all the same.
    """

    def __init__(self, client: Client, *, clock: Clock = SYSTEM_CLOCK) -> None:
        """Keep entries on the servers of `client`, which is closed by somebody else."""
        self._client = client
        self._readers = client.readers()
        self._only = len(self._readers) == 1
        self._now = clock.now
        self._cleared = Cleared(client, clock.now)
        self._lists: dict[int, Clearings] = {}
        self._owed = Owed()
        self._puts = False  # values set by hand were seen here: their lists are read with them

    # -- reading --------------------------------------------------------------------------------

    async def get(self, key: str) -> bytes | None:
        """The envelope, or `None`."""
        name = item(key)
        if self._owed:
            await self._deliver(self._client.server_of(name))
        if not self._puts:
            stored = self._alive(await self._client.one(Request("mg", name, _VALUE)))
            if stored is None or stored.kind == FILL:
                return None if stored is None else stored.envelope
            self._puts = True
        reply, lists = await self._with_list(Request("mg", name, _VALUE))
        return self._seen(name, reply, lists)

    def read(self, key: str) -> bytes | None:
        """`get` as a plain function, which blocks: the way of every hit."""
        if self._owed.any:
            return drive(self.get(key))
        name, alone, beside = _plain_get(key)
        server = 0 if self._only else self._client.server_of(name)
        clearings = self._lists.get(server) if self._puts else _UNASKED
        if clearings is None:  # nobody knows yet what to expect
            return drive(self.get(key))
        answer = self._readers[server](beside if clearings.all else alone, clearings.sent)
        if type(answer) is bytes:
            # Its expiry is not looked at: the envelope has its own, which whoever opens it judges by.
            # Nothing hides what was put after the last clearing; the rest is for the long way to judge.
            if len(answer) > HEAD and (answer.startswith(FILLED) or put_since(answer, clearings.last)):
                return answer[HEAD:]
        elif type(answer) is list and answer[0].status == "EN":
            return None
        return drive(self.get(key))

    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The envelopes that are there, and can be reached."""
        names = {item(key): key for key in keys}
        if self._owed:
            names = {name: key for name, key in names.items() if await self._paid(name)}
        values = await self._client.get_many(list(names))
        found = {name: stored for name, value in values.items() if (stored := self._live(value))}
        servers = {self._client.server_of(name) for name, stored in found.items() if stored.kind == PUT}
        lists = await self._read_lists(servers)
        return {
            names[name]: stored.envelope
            for name, stored in found.items()
            if stored.kind == FILL or not self._hidden(name, stored, lists)
        }

    def found(self, reply: Response) -> bytes | None:
        """The envelope of a loaded value in an answer to `mg … v`; `None` where there is none.

        Raises:
            LookupError: A caller put what is there: it can't be judged by the item alone.
        """
        stored = self._alive(reply)
        if stored is not None and stored.kind == PUT:
            raise LookupError
        return None if stored is None else stored.envelope

    # -- writing --------------------------------------------------------------------------------

    async def fill(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> bool:
        """Store the result of a load, unless a value with a higher stamp is there, or a later `put`."""
        name = item(key)
        value = Stored(FILL, 0, stamp, expires, envelope).packed()
        write = Request("ms", name, ("ME", life(expires, self._now())), value)
        if (await self._client.one(write)).status == "HD":
            return True
        for _ in range(_TRIES):
            there, lists = await self._with_list(Request("mg", name, _VALUE_AND_CAS))
            stored = self._alive(there)
            if stored is not None and not self._gives_way(name, stored, stamp, lists):
                return False
            if (await self._client.one(write._replace(flags=_guarded(there, write)))).status == "HD":
                return True
        return False

    async def put(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> None:
        """Store a value that a caller set.

        Raises:
            BackendError: It could not be stored. What was there may still be; see `store_owed`.
        """
        await self.put_many({key: envelope}, stamp=stamp, expires=expires)

    async def put_many(self, envelopes: Mapping[str, bytes], *, stamp: int, expires: float) -> None:
        """`put` for several keys.

        Raises:
            BackendError: Some could not be stored.
        """
        self._puts = True
        left = {item(key): envelope for key, envelope in envelopes.items()}
        trouble = ""
        while left:
            failed, outdated = await self._put(left, stamp, expires)
            for name, error in failed.items():
                trouble = error
                self._owed.key(self._client.server_of(name), name)
            left = {name: left[name] for name in outdated}
        if trouble:
            raise BackendError(trouble)

    async def swap(
        self, key: str, old: bytes | None, new: bytes | None, *, stamp: int, expires: float
    ) -> bool:
        """Compare and set: put `new` (`None`: delete) if the envelope is exactly `old`."""
        name = item(key)
        server = self._client.server_of(name)
        self._puts = True
        await self._deliver(server)
        there, lists = await self._with_list(Request("mg", name, _VALUE_AND_CAS))
        if self._seen(name, there, lists) != old:
            return False
        if new is None:
            if there.status == "EN":
                return True
            write = Request("md", name, (f"C{there.flag('c')}",))
        else:
            last = (await self._list(server)).last if server not in lists else lists[server].last
            value = Stored(PUT, last, stamp, expires, new).packed()
            write = Request("ms", name, ("ME", life(expires, self._now())), value)
            write = write._replace(flags=_guarded(there, write))
        try:
            return (await self._client.one(write)).status == "HD"
        except BackendError:
            self._owed.key(server, name)  # it may have been done
            raise

    async def delete(self, key: str) -> bool:
        """Delete a key; says whether it was there."""
        return await self.delete_many([key]) == 1

    async def delete_many(self, keys: Sequence[str]) -> int:
        """Delete keys; says how many were there.

        Raises:
            BackendError: Some could not be deleted, and may still be there; see `store_owed`.
        """
        names = list({item(key): None for key in keys})
        servers = sorted({self._client.server_of(name) for name in names})
        reads = [Request("mg", name, _VALUE) for name in names]
        deletes = [Request("md", name) for name in names]
        replies = await self._client.run(*map(self._cleared.request, servers), *reads, *deletes)
        lists = self._take_lists(servers, replies)
        values, done = replies[len(servers) : -len(names) or None], replies[len(replies) - len(names) :]
        trouble = ""
        for name, reply in zip(names, done, strict=True):
            if reply.error:
                trouble = reply.error
                self._owed.key(self._client.server_of(name), name)
        if trouble:
            raise BackendError(trouble)
        return sum(
            self._seen(name, value, lists) is not None for name, value in zip(names, values, strict=True)
        )

    async def clear(self, prefix: str) -> None:
        """Hide every value that a caller put and whose key begins with `prefix` (see `store_cleared`).

        Raises:
            BackendError: A server could not be reached. The others have done it.
        """
        trouble: BackendError | None = None
        for server in range(len(self._client.servers)):
            try:
                await self._cleared.clear(server, item(prefix))
            except BackendError as error:
                trouble = error
                self._owed.prefix(server, item(prefix))
            self._lists.pop(server, None)
        if trouble is not None:
            raise trouble

    async def flush(self) -> None:
        """Nothing waits here."""

    def usage(self) -> Mapping[str, int]:
        """What is known without asking: how many keys a server that was away still has to forget."""
        return {"undelivered": len(self._owed)}

    def look_after(self) -> None:
        """Let servers that are back forget what they missed. May block a little."""
        for server in self._owed.servers():
            try:
                drive(self._deliver(server))
            except BackendError:
                continue  # still away

    def close(self) -> None:
        """Nothing is held open here."""

    # -- the parts ------------------------------------------------------------------------------

    async def _put(
        self, envelopes: Mapping[bytes, bytes], stamp: int, expires: float
    ) -> tuple[dict[bytes, str], list[bytes]]:
        """Put each where its list is known; says which failed, and which were cleared meanwhile."""
        servers = {name: self._client.server_of(name) for name in envelopes}
        failed: dict[bytes, str] = {}
        used: dict[int, int] = {}
        for server in sorted(set(servers.values())):
            try:
                used[server] = (await self._list(server)).last
            except BackendError as error:
                failed |= {name: str(error) for name in envelopes if servers[name] == server}
        names = [name for name in envelopes if name not in failed]
        flag = life(expires, self._now())
        writes = [
            Request(
                "ms",
                name,
                (flag,),
                Stored(PUT, used[servers[name]], stamp, expires, envelopes[name]).packed(),
            )
            for name in names
        ]
        replies = await self._client.run(*writes, *map(self._cleared.request, used))
        now = self._take_lists(list(used), replies[len(writes) :])
        outdated = []
        for name, reply in zip(names, replies, strict=False):
            server = servers[name]
            if reply.error or reply.status != "HD":
                failed[name] = reply.error or f"a value was not stored: {reply.status}"
            elif server in now and now[server].last != used[server]:
                outdated.append(name)
        return failed, outdated

    def _alive(self, reply: Response) -> Stored | None:
        return self._live(reply.value)

    def _live(self, value: bytes | None) -> Stored | None:
        stored = unpacked(value)
        return stored if stored is not None and stored.expires > self._now() else None

    def _seen(self, name: bytes, reply: Response, lists: Mapping[int, Clearings]) -> bytes | None:
        """The envelope in an answer, if it is alive and was not cleared."""
        stored = self._alive(reply)
        if stored is None or (stored.kind == PUT and self._hidden(name, stored, lists)):
            return None
        return stored.envelope

    def _hidden(self, name: bytes, stored: Stored, lists: Mapping[int, Clearings]) -> bool:
        clearings = lists.get(self._client.server_of(name))
        return clearings is None or clearings.hide(stored, name)

    def _gives_way(self, name: bytes, stored: Stored, stamp: int, lists: Mapping[int, Clearings]) -> bool:
        """Whether a fill may replace what is there."""
        if stored.kind == PUT:
            return stored.stamp < stamp or self._hidden(name, stored, lists)
        return stored.stamp <= stamp

    async def _with_list(self, request: Request) -> tuple[Response, Mapping[int, Clearings]]:
        """Ask for an item, and for its server's list in the same round trip."""
        server = self._client.server_of(request.key)
        reply, listed = await self._client.run(request, self._cleared.request(server))
        if reply.error or listed.error:
            raise BackendError(reply.error or listed.error)
        return reply, self._take_lists([server], [listed])

    async def _read_lists(self, servers: Iterable[int]) -> Mapping[int, Clearings]:
        asked = list(servers)
        if not asked:
            return _NO_LISTS
        self._puts = True
        return self._take_lists(asked, await self._client.run(*map(self._cleared.request, asked)))

    def _take_lists(self, servers: Sequence[int], replies: Sequence[Response]) -> dict[int, Clearings]:
        """The lists in some answers, which are remembered. One that was lost is none."""
        lists: dict[int, Clearings] = {}
        for server, reply in zip(servers, replies, strict=False):
            clearings = self._cleared.of(reply)
            if not reply.error and clearings.all:
                lists[server] = self._lists[server] = clearings
            else:
                self._lists.pop(server, None)
        return lists

    async def _list(self, server: int) -> Clearings:
        """The list of a server as it is remembered, or as it is read or begun now."""
        known = self._lists.get(server)
        if known is None:
            self._lists[server] = known = await self._cleared.learn(server)
        return known

    async def _paid(self, name: bytes) -> bool:
        """Whether what lies at a name may be read."""
        try:
            await self._deliver(self._client.server_of(name))
        except BackendError:
            return False
        return True

    async def _deliver(self, server: int) -> None:
        """Let a server forget what it missed, before anything of it is read."""
        keys, prefixes = self._owed.of(server)
        if not keys and not prefixes:
            return
        for reply in await self._client.run(*[Request("md", key) for key in keys]):
            if reply.error:
                raise BackendError(reply.error)
        for prefix in prefixes:
            await self._cleared.clear(server, prefix)
        self._lists.pop(server, None)
        self._owed.paid(server, keys, prefixes)


def _guarded(there: Response, write: Request) -> tuple[str, ...]:
    """The flags of a write that counts only if an item is still as it was read."""
    cas = there.flag("c")
    return ("ME" if there.status == "EN" or cas is None else f"C{cas}", *write.flags[1:])
