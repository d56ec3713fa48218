"""What can be done with a session, written once, as coroutines; `face` and `aio` run them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from afresh.core.durations import Duration, seconds
from afresh.errors import BackendError, ConfigurationError
from afresh.runtime.clock import Clock
from afresh.sessions.places import Place
from afresh.sessions.records import Names, Stored, new_id, packed, unpacked

LARGEST: Final = 2**20
_TRIES: Final = 64
_UNUSED: Final = 0.1  # so much of its life may have passed before using it makes it longer


class Operations:
    """The sessions of one place.

    Attributes:
        place: Where they are.
    """

    def __init__(self, place: Place, names: Names, ttl: Duration, clock: Clock) -> None:
        self.place = place
        self._names = names
        self._now = clock.now
        self._ttl = _life(ttl)

    async def load(self, sid: str) -> Stored | None:
        """The session, or `None`."""
        for name in self._names.of(sid):
            found = unpacked(await self.place.get(name), self._now())
            if found is not None:
                return found
        return None

    async def use(self, sid: str, ttl: Duration | None) -> Stored | None:
        """The session, which lives on from now; usually one question."""
        lasts = self._ttl if ttl is None else _life(ttl)
        for name in self._names.of(sid):
            record = await self.place.get(name)
            found = unpacked(record, self._now())
            if found is None:
                continue
            longer = self._longer(found, lasts)
            if longer is not found:
                # Whoever changes it at the same time gives it a new life, too, or ends it.
                await self.place.swap(name, record, packed(longer), longer.expires)
            return longer
        return None

    def _longer(self, session: Stored, lasts: float) -> Stored:
        """A session with a new life; the same one while little of its life has passed."""
        now = self._now()
        used = abs(session.expires - now - lasts) > _UNUSED * lasts
        return session._replace(expires=now + lasts) if used else session

    async def create(self, data: bytes, ttl: Duration | None) -> str:
        """A new session; its id."""
        while True:
            sid = new_id()
            if await self.add(sid, data, ttl):
                return sid

    async def add(self, sid: str, data: bytes, ttl: Duration | None) -> bool:
        """A new session of a given id, unless there is one."""
        session = self._made(data, ttl)
        first, *others = self._names.of(sid)
        for name in others:
            if unpacked(await self.place.get(name), self._now()) is not None:
                return False
        for _ in range(_TRIES):
            record = await self.place.get(first)
            if unpacked(record, self._now()) is not None:
                return False
            if await self.place.swap(first, record, packed(session), session.expires):
                return True
        raise _contended()

    async def change(self, sid: str, change: Callable[[Stored], Stored]) -> Stored | None:
        """Replace a session that is there; `None` where there is none. Atomic."""
        for name in self._names.of(sid):
            for _ in range(_TRIES):
                record = await self.place.get(name)
                found = unpacked(record, self._now())
                if found is None:
                    break
                made = change(found)
                if made == found or await self.place.swap(name, record, packed(made), made.expires):
                    return made
            else:
                raise _contended()
        return None

    async def save(self, sid: str, data: bytes, ttl: Duration | None) -> bool:
        """New content for a session that is there."""
        session = self._made(data, ttl)
        return await self.change(sid, lambda old: session) is not None

    async def mutate(
        self,
        sid: str,
        change: Callable[[bytes], bytes],
        ttl: Duration | None,
    ) -> bytes | None:
        """New content made from the old."""
        made = await self.change(sid, lambda old: self._made(change(old.data), ttl))
        return None if made is None else made.data

    async def touch(self, sid: str, ttl: Duration | None) -> bool:
        """A new life for a session that is there."""
        lasts = self._ttl if ttl is None else _life(ttl)

        return await self.change(sid, lambda old: self._longer(old, lasts)) is not None

    async def delete(self, sid: str) -> bool:
        """End a session, under whichever secret it was made."""
        ended = False
        for name in self._names.of(sid):
            ended = await self.place.delete(name) or ended
        return ended

    async def cycle(self, sid: str, data: bytes, ttl: Duration | None) -> str:
        """The same session under a new id; the old one ends."""
        new = await self.create(data, ttl)
        await self.delete(sid)
        return new

    async def forget_expired(self) -> int:
        """Give back the room of sessions that are over."""
        return await self.place.forget_expired(self._now())

    def _made(self, data: bytes, ttl: Duration | None) -> Stored:
        if not isinstance(data, bytes):
            raise TypeError(f"a session is bytes, not {type(data).__name__}: serialise it first")
        if len(data) > LARGEST:
            raise BackendError(f"a session of {len(data):,} bytes: at most {LARGEST:,} are kept")
        return Stored(data, self._now() + (self._ttl if ttl is None else _life(ttl)))


def _life(ttl: Duration) -> float:
    if ttl is None:
        raise ConfigurationError('ttl=None: a session ends some time: write ttl="14d".')
    lasts = seconds(ttl, "ttl")
    if not 0 < lasts < float("inf"):
        raise ConfigurationError(f"ttl={ttl!r}: give more than 0 seconds, and an end.")
    return lasts


def _contended() -> BackendError:
    return BackendError("a session was changed by so many at once that this change found no turn")
