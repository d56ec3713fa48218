"""`Sessions`, for threads; `Sessions.aio` is the same for an event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from afresh.core.durations import Duration
from afresh.runtime.clock import SYSTEM_CLOCK, Clock
from afresh.runtime.drive import drive
from afresh.sessions.operations import Operations
from afresh.sessions.places import open_place
from afresh.sessions.records import Names, Secret, Stored

if TYPE_CHECKING:
    from afresh.sessions.aio import AsyncSessions


class Sessions:
    """Sessions in a place of their own. Threads may share it, and processes share what is in it.

    Args:
        place: `None` for a file of this machine, beside the one of `Cache()`; `sqlite:///file`,
            `redis://…` or a client of redis-py; `memory://` for this process alone. Or a cache, to
            use its server or its folder. memcached is refused: it forgets what it needs room for.
        ttl: How long a session lives without being used.
        namespace: Tells apart applications that share a place.
        secret: Key of the digests that stand for ids: the application's secret key, of any length;
            or a list, the one in use first.
        clock: What tells the time.

    Raises:
        ConfigurationError: A setting makes no sense; the message says what to write instead.
    """

    def __init__(
        self,
        place: Any = None,
        *,
        ttl: Duration = "14d",
        namespace: str = "",
        secret: Secret = b"",
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        names = Names(namespace, secret)
        self._operations = Operations(open_place(place, clock), names, ttl, clock)
        self._clock = clock
        self._aio: AsyncSessions | None = None

    def load(self, sid: str) -> Stored | None:
        """The session of an id; `None` if it was deleted, or is over, or never was.

        Raises:
            BackendError: The place doesn't answer, here as in all that follows.
        """
        return drive(self._operations.load(sid))

    def use(self, sid: str, ttl: Duration | None = None) -> Stored | None:
        """`load` and `touch` at once: what a request does with the session that it comes with."""
        return drive(self._operations.use(sid, ttl))

    def create(self, data: bytes, ttl: Duration | None = None) -> str:
        """Begin a session under a new id, which is returned."""
        return drive(self._operations.create(data, ttl))

    def add(self, sid: str, data: bytes, ttl: Duration | None = None) -> bool:
        """Begin a session under an id of your own; `False` if there is one. Atomic."""
        return drive(self._operations.add(sid, data, ttl))

    def save(self, sid: str, data: bytes, ttl: Duration | None = None) -> bool:
        """Replace what a session holds, if it is still there; says whether it is. Atomic.

        A request that began before somebody logged out, and ends after, brings nothing back.
        """
        return drive(self._operations.save(sid, data, ttl))

    def mutate(
        self,
        sid: str,
        change: Callable[[bytes], bytes],
        ttl: Duration | None = None,
    ) -> bytes | None:
        """Replace what a session holds by `change(it)` and return that; `None` if it is not there.

        Atomic: `change` is called again when another request's change came first.
        """
        return drive(self._operations.mutate(sid, change, ttl))

    def touch(self, sid: str, ttl: Duration | None = None) -> bool:
        """Let a session live on from now, as it is used; says whether it is there.

        Written only when a tenth of its life has passed.
        """
        return drive(self._operations.touch(sid, ttl))

    def delete(self, sid: str) -> bool:
        """End a session: when this returns no worker finds it. Says whether it was there."""
        return drive(self._operations.delete(sid))

    def cycle(self, sid: str, data: bytes, ttl: Duration | None = None) -> str:
        """Go on under a new id, which is returned, and end the old one: after who it is has changed."""
        return drive(self._operations.cycle(sid, data, ttl))

    def forget_expired(self) -> int:
        """Give back the room of sessions that are over; says how many. Happens now and then by itself."""
        return drive(self._operations.forget_expired())

    @property
    def aio(self) -> AsyncSessions:
        """The same for an event loop: the methods are coroutines."""
        if self._aio is None:
            from afresh.sessions.aio import AsyncSessions

            self._aio = AsyncSessions(self._operations, self._clock)
        return self._aio

    def close(self) -> None:
        """Give back what is held open. Safe to call twice."""
        self._operations.place.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
