"""Entries on a Redis server, or spread over a cluster. See `afresh.core.ports.Store`.

Reading is a plain `GET`. What must compare first (`fill`, `swap`) is a script, so it is one round trip
and nothing comes between. A value at one of our keys that isn't ours is a miss, and is replaced.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar

from afresh.backends.redis.client import Argument, Client, ErrorReply
from afresh.backends.redis.entries import HEAD, MARK, entry_key, envelope_of, pattern, with_head
from afresh.backends.redis.nodes import representatives
from afresh.backends.redis.scripts import FILL, SWAP
from afresh.backends.redis.wire.resp import checked, pack
from afresh.errors import BackendError
from afresh.runtime.clock import SYSTEM_CLOCK, Clock
from afresh.runtime.drive import drive

T = TypeVar("T")

_TOGETHER: Final = 512  # keys in one command
_SCANNED: Final = 512  # keys that one step of a search looks at


@lru_cache(maxsize=4096)
def _plain_get(key: str) -> bytes:
    """The command that reads an entry, as it is sent: made once for a hot key."""
    return pack(("GET", entry_key(key)))


class RedisStore:
    """See the module. All methods may raise `BackendError`.

    Attributes:
        client: The servers.
    """

    def __init__(self, client: Client, *, cluster: bool = False, clock: Clock = SYSTEM_CLOCK) -> None:
        """Keep entries on the servers of `client`, which is closed by whoever opened it.

        Args:
            client: The servers.
            cluster: They are several, and a command takes keys of one slot only.
            clock: What entries expire by, until they are there; then the server's clock counts.
        """
        self.client = self._client = client
        self._get = client.getter()
        self._begin = client.beginner()
        self._cluster = cluster
        self._now = clock.now

    async def get(self, key: str) -> bytes | None:
        """The envelope, or `None`."""
        try:
            return envelope_of(await self._client.run("GET", entry_key(key)))
        except ErrorReply as error:
            if error.code == "WRONGTYPE":
                return None
            raise

    def read(self, key: str) -> bytes | None:
        """`get` as a plain function, which blocks: the way of every hit."""
        if self._get is not None:
            reply = self._get(_plain_get(key))
            if type(reply) is not ErrorReply:
                return self.told(reply)
        return drive(self.get(key))

    def begin(self, key: str) -> Awaitable[Any] | None:
        """`get` without a coroutine: `told` makes the envelope of what is awaited.

        `None` where `get` has to be asked, as it has to be after a `BackendError` from either.
        """
        return None if self._begin is None else self._begin(_plain_get(key))

    @staticmethod
    def told(reply: Any) -> bytes | None:
        """The envelope in an answer.

        Raises:
            ErrorReply: It is none.
        """
        if type(reply) is bytes and reply.startswith(MARK) and len(reply) >= HEAD:
            return reply[HEAD:]
        checked(reply)
        return None

    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The envelopes that are there."""
        found = zip(keys, await self._values([entry_key(key) for key in keys]), strict=True)
        envelopes = ((key, envelope_of(value)) for key, value in found)
        return {key: envelope for key, envelope in envelopes if envelope is not None}

    async def fill(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> bool:
        """Store the result of a load, unless there is something newer; says whether it did."""
        lasts = self._lasts(expires)
        if lasts < 0:
            return False
        value = with_head(envelope, stamp, put=False)
        return bool(await self._client.script(FILL, (entry_key(key),), (value, lasts)))

    async def put(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> None:
        """Store a value that a caller set."""
        await self._client.run(*self._put(key, envelope, stamp, self._lasts(expires)))

    async def put_many(self, envelopes: Mapping[str, bytes], *, stamp: int, expires: float) -> None:
        """`put` for several keys."""
        lasts = self._lasts(expires)
        await self._all([self._put(key, envelope, stamp, lasts) for key, envelope in envelopes.items()])

    async def swap(
        self, key: str, old: bytes | None, new: bytes | None, *, stamp: int, expires: float
    ) -> bool:
        """Compare and set, exact among all clients.

        An answer that was lost is an error: whether it was done isn't known.
        """
        lasts = self._lasts(expires)
        stays = new is not None and lasts >= 0
        value = with_head(new, stamp, put=True) if new is not None and stays else b""
        arguments = ("-" if old is None else "+", old or b"", "+" if stays else "-", value, lasts, MARK)
        return bool(await self._client.script(SWAP, (entry_key(key),), arguments))

    async def delete(self, key: str) -> bool:
        """Delete a key; says whether it was there."""
        return bool(await self._client.run("UNLINK", entry_key(key)))

    async def delete_many(self, keys: Sequence[str]) -> int:
        """Delete keys; says how many were there."""
        return await self._unlink([entry_key(key) for key in keys])

    async def clear(self, prefix: str) -> None:
        """Delete every key that begins with `prefix`, in small steps that keep nobody waiting."""
        nodes = await representatives(self._client) if self._cluster else [b"afresh"]
        match = pattern(prefix)
        for node in nodes:
            cursor: Argument = 0
            while True:
                step = ("SCAN", cursor, "MATCH", match, "COUNT", _SCANNED)
                cursor, keys = await self._client.run(*step, key=node)
                await self._unlink(keys)
                if int(cursor) == 0:
                    break

    async def flush(self) -> None:
        """Nothing waits here."""

    def usage(self) -> Mapping[str, int]:
        """The server's memory isn't ours alone: `afresh doctor` tells of it."""
        return {}

    def close(self) -> None:
        """Nothing is held open here."""

    def _lasts(self, expires: float) -> int:
        """Milliseconds to live: 0 for no limit, -1 for none at all."""
        if expires == float("inf"):
            return 0
        lasts = int((expires - self._now()) * 1000)
        return min(lasts, 2**53) if lasts > 0 else -1

    @staticmethod
    def _put(key: str, envelope: bytes, stamp: int, lasts: int) -> tuple[Argument, ...]:
        if lasts < 0:
            return ("UNLINK", entry_key(key))
        command = ("SET", entry_key(key), with_head(envelope, stamp, put=True))
        return (*command, "PX", lasts) if lasts else command

    async def _values(self, keys: Sequence[bytes]) -> Sequence[Any]:
        if self._cluster:
            replies = await self._client.run_many([("GET", key) for key in keys])
            return [_or_nothing(reply) for reply in replies]
        answers = await self._all([("MGET", *some) for some in _parts(keys)])
        return [value for answer in answers for value in answer]

    async def _unlink(self, keys: Sequence[bytes]) -> int:
        size = 1 if self._cluster else _TOGETHER
        return sum(await self._all([("UNLINK", *some) for some in _parts(keys, size)]))

    async def _all(self, commands: Sequence[Sequence[Argument]]) -> list[Any]:
        """The answers to all of them; the first that is an error is raised, when all have been tried."""
        replies = await self._client.run_many(commands) if commands else []
        for reply in replies:
            if isinstance(reply, BackendError):
                raise reply
        return replies


def _parts(keys: Sequence[T], size: int = _TOGETHER) -> Iterator[Sequence[T]]:
    return (keys[index : index + size] for index in range(0, len(keys), size))


def _or_nothing(reply: Any) -> Any:
    if isinstance(reply, ErrorReply) and reply.code == "WRONGTYPE":
        return None
    if isinstance(reply, BackendError):
        raise reply
    return reply
