"""Sessions on a Redis server, on connections of their own where a URL was given.

They are entries as a cache's are, under names that no `clear` finds. What they can't be protected
from is the server: with `maxmemory` and a policy that evicts, it deletes what it likes. So the policy
is looked at when the first session is written, and told of in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from afresh.backends.redis.client import Client
from afresh.backends.redis.doctor import parsed
from afresh.backends.redis.store import RedisStore
from afresh.errors import BackendError
from afresh.runtime.ticker import TICKER

logger = logging.getLogger("afresh")


class RedisPlace:
    """See `Place`."""

    blocks = False

    def __init__(self, client: Client, store: RedisStore, close: Callable[[], object] | None) -> None:
        self._client = client
        self._store = store
        self._close = close
        self._looked = False
        if close is not None:
            TICKER.add(self)

    async def get(self, name: str) -> bytes | None:
        """The record, or `None`."""
        with _finding_out():
            return await self._store.get(name)

    async def swap(self, name: str, old: bytes | None, new: bytes, expires: float) -> bool:
        """Compare and set, by a script of the server's."""
        if not self._looked:
            self._looked = True
            await self._look(name)
        with _finding_out():
            return await self._store.swap(name, old, new, stamp=0, expires=expires)

    async def delete(self, name: str) -> bool:
        """Delete a record."""
        with _finding_out():
            return await self._store.delete(name)

    async def forget_expired(self, now: float) -> int:
        """The server does that by itself."""
        return 0

    async def _look(self, name: str) -> None:
        """See whether the server keeps what it is given."""
        try:
            told = parsed(await self._client.run("INFO", "memory", key=name))
        except BackendError:  # a server that doesn't let us ask, or doesn't answer
            return
        policy = told.get("maxmemory_policy", "noeviction")
        if told.get("maxmemory", "0") != "0" and policy != "noeviction":
            logger.warning(
                "afresh: sessions are on a Redis that evicts (maxmemory-policy %s): when it is full, visitors "
                "are logged out. Give them a server with noeviction: Sessions('redis://…').",
                policy,
            )

    def close(self) -> None:
        """Hang up, where the connections are our own."""
        if self._close is not None:
            TICKER.discard(self)
            self._close()

    # -- housekeeping, for connections of our own -----------------------------------------------

    def tick(self) -> None:
        """Nothing here goes by the time."""

    def look_after(self) -> None:
        """Find out whether a server that did not answer does again."""
        self._client.look_after()

    def park(self) -> None:
        """Nothing here goes by the time."""


@contextmanager
def _finding_out() -> Iterator[None]:
    """Whoever is in trouble has it found out, in the background, when that is over."""
    try:
        yield
    except BackendError:
        TICKER.nudge()
        raise
