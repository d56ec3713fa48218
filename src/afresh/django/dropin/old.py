"""What the other library has stored, on the same server, under the keys that it makes.

Nothing is written there: it is read, given another expiry, and removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Any, NamedTuple

from afresh.backends.redis.client import Script
from afresh.backends.redis.entries import entry_key, with_head
from afresh.core.entry import NEVER, Facts
from afresh.django.dropin.formats import Format
from afresh.django.dropin.herd import herded
from afresh.django.dropin.scanning import Scan
from afresh.django.dropin.shards import Servers
from afresh.engine.engine import Engine
from afresh.engine.values.cells import ABSENT
from afresh.errors import BackendError

UNREADABLE: Any = object()
"""In place of a value: there is one, and it can't be read, or may not be."""

_MOST = 10_000
_SOURCE = files("afresh.django.dropin").joinpath("adopt.lua").read_text("utf-8")
_ADOPT = Script(_SOURCE, sha1(_SOURCE.encode(), usedforsecurity=False).hexdigest())


class Found(NamedTuple):
    """What is at one of their keys.

    Attributes:
        value: The value, `ABSENT` or `UNREADABLE`.
        stored: As it is stored.
    """

    value: Any
    stored: bytes


_NOTHING = Found(ABSENT, b"")
_SOMETHING = Found(UNREADABLE, b"")


class OldValues:
    """Their values.

    Args:
        engine: The cache that takes their place.
        servers: Where they are.
        form: How they are stored.
        pickles: Whether pickled ones are read.
        everything: The pattern of all keys that they make.
    """

    def __init__(
        self, engine: Engine, servers: Servers, form: Format, *, pickles: bool, everything: str
    ) -> None:
        self._engine = engine
        self.servers = servers
        self._form = form
        self._everything = everything
        self._readable = pickles or not form.pickled
        self._owed: set[str] = set()

    async def find(self, key: str) -> Found:
        """What is there. A server that doesn't answer has nothing."""
        if self._owed:
            await self._pay()
            if key in self._owed:
                return _SOMETHING  # it should not be there
        try:
            return self._found(await self.servers.of(key).run("GET", key))
        except BackendError as error:
            return self._failed(error)

    async def find_many(self, keys: Sequence[str]) -> dict[str, Found]:
        """What is there, of what is there."""
        if self._owed:
            await self._pay()
        found: dict[str, Found] = {}
        for key, reply in await self._replies("GET", keys):
            each = self._failed(reply) if isinstance(reply, BackendError) else self._found(reply)
            if each.value is not ABSENT or key in self._owed:
                found[key] = _SOMETHING if key in self._owed else each
        return found

    async def _replies(self, command: str, keys: Sequence[str]) -> list[tuple[str, Any]]:
        """What each server answers, in one trip to each."""
        found: list[tuple[str, Any]] = []
        for server in self.servers.all():
            own = [key for key in keys if self.servers.of(key) is server]
            replies = await server.run_many([(command, key) for key in own]) if own else []
            found += zip(own, replies, strict=True)
        return found

    async def forget(self, keys: Sequence[str]) -> int:
        """Remove what is at their keys; says how much was there. What can't be removed now is later."""
        replies = await self._replies("UNLINK", keys)
        failed = {key for key, reply in replies if isinstance(reply, BackendError)}
        self._owed.difference_update(set(keys) - failed)
        self._owed.update(failed)
        if len(self._owed) > _MOST:
            raise BackendError(f"{len(self._owed)} values of another library could not be removed")
        return sum(int(reply) for key, reply in replies if key not in failed)

    async def until(self, key: str) -> float | None:
        """When what is there expires; `None` if there is nothing."""
        lasts = int(await self.servers.of(key).run("PTTL", key))
        return None if lasts == -2 else NEVER if lasts == -1 else self._engine.now() + lasts / 1000

    async def expire(self, key: str, until: float) -> bool:
        """Give what is there another expiry; says whether there is something."""
        if until == NEVER:
            await self.servers.of(key).run("PERSIST", key)
            return bool(await self.servers.of(key).run("EXISTS", key))
        lasts = int((until - self._engine.now()) * 1000)
        return bool(await self.servers.of(key).run("PEXPIRE", key, lasts))

    async def rename(self, old: str, new: str) -> bool:
        """Give what is there another key; says whether there is something."""
        try:
            await self.servers.of(old).run("RENAME", old, new)
        except BackendError as error:
            if "no such key" in str(error):
                return False
            raise
        return True

    async def clear(self) -> None:
        """Remove everything under keys that they make."""
        for server in self.servers.all():
            scan = Scan(server, self._everything)
            while (keys := await scan.more()) is not None:
                await server.run_many([("UNLINK", key) for key in keys])
        self._owed.clear()

    async def adopt(self, key: str, pack: Any) -> bool:
        """Take over what is there, with its expiry, so that it can be changed; says whether it can be read."""
        while True:
            found = await self.find(key)
            if found.value is ABSENT or found.value is UNREADABLE:
                return found.value is ABSENT
            until = await self.until(key)
            if until is None:
                continue
            value = with_head(self._sealed(key, pack(found.value), until), self._position(), put=True)
            lasts = 0 if until == NEVER else max(1, int((until - self._engine.now()) * 1000))
            ours = entry_key(self._engine.names.full(key))
            if await self._taken(key, ours, found.stored, value, lasts):
                return True

    async def _taken(self, key: str, ours: bytes, stored: bytes, value: bytes, lasts: int) -> bool:
        """Move a value if it is as it was read; on two servers that is two steps."""
        server, first = self.servers.of(key), self.servers.first
        if server is first:
            return bool(await first.script(_ADOPT, (key, ours), (stored, value, lasts)))
        if await server.run("GET", key) != stored:
            return False
        await first.run("SET", ours, value, *(("PX", lasts) if lasts else ()))
        return bool(await server.run("UNLINK", key))

    async def adopt_all(self, pack: Any) -> int:
        """Take over everything that can be read; says how much that was."""
        count = 0
        for server in self.servers.all():
            scan = Scan(server, self._everything)
            while (keys := await scan.more()) is not None:
                for key in {key.decode("utf-8", "surrogatepass") for key in keys}:
                    value = (await self.find(key)).value
                    there = value is not ABSENT and value is not UNREADABLE
                    count += there and await self.adopt(key, pack)
        return count

    async def fresh(self, key: str, mark: str) -> bool:
        """Whether what their `get_or_set` put has not passed its time."""
        try:
            return bool(await self.servers.of(mark).run("EXISTS", mark)) or not await self.servers.of(
                key
            ).run("EXISTS", key)
        except BackendError:
            return True

    def _position(self) -> int:
        return self._engine.ledger.position()

    def _sealed(self, key: str, packed: Any, until: float) -> bytes:
        assert self._engine.sealer is not None
        now, full = self._engine.now(), self._engine.names.full(key)
        facts = Facts(full, self._position(), frozenset(), (), now, 0.0, until, until, until)
        return self._engine.sealer.seal(packed, facts, self._engine.ledger.epoch, pinned=True)

    def _found(self, stored: Any) -> Found:
        if not isinstance(stored, bytes):
            return _NOTHING
        if not self._readable and not stored.lstrip(b"-").isdigit():
            return _SOMETHING
        try:
            value = self._form.decode(stored)
        except Exception as error:
            self._engine.damaged("", f"{type(error).__name__}: {error}")
            return _SOMETHING
        wrapped = herded(value)
        if wrapped is None:
            return Found(value, stored)
        return Found(wrapped.value, stored) if self._engine.now() < wrapped.until else _NOTHING

    def _failed(self, error: BackendError) -> Found:
        if getattr(error, "code", "") == "WRONGTYPE":
            return _SOMETHING  # a set, a hash …
        self._engine.bypassed("", error)
        return _NOTHING

    async def _pay(self) -> None:
        await self.forget(list(self._owed))
