"""Where sessions are: what is asked of such a place, and from a setting to an open one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from afresh import config
from afresh.backends import Backend
from afresh.cache import Cache
from afresh.errors import ConfigurationError
from afresh.runtime.clock import Clock

FORMS = "redis://host:6379/0, sqlite:////absolute/file, memory://, or none at all for a file of this machine"
_FILE = "sessions.sqlite3"


class Place(Protocol):
    """Keeps records by name. What it returned as written, every process finds; it never forgets by itself.

    All methods may raise `BackendError`.

    Attributes:
        blocks: It blocks its thread: event loops ask it in another.
    """

    @property
    def blocks(self) -> bool:
        """See above."""

    async def get(self, name: str) -> bytes | None:
        """The record, or `None`. One that has expired may still be found."""

    async def swap(self, name: str, old: bytes | None, new: bytes, expires: float) -> bool:
        """Write `new` if the record is exactly `old` (`None`: if there is none); says whether it did."""

    async def delete(self, name: str) -> bool:
        """Delete a record; says whether it was there."""

    async def forget_expired(self, now: float) -> int:
        """Delete records that expired before `now`; says how many, where that is known."""

    def close(self) -> None:
        """Give back what is held open. Safe to call twice."""


def open_place(given: Any, clock: Clock) -> Place:
    """Open the place that a setting names.

    Raises:
        ConfigurationError: It names none that could keep sessions.
    """
    if isinstance(given, Cache):
        return _beside(given._engine.backend, clock)
    if given is None:
        from afresh.backends.file.folder import machine_folder

        return _file(machine_folder(config.application_root()) / _FILE, clock)
    if given == "memory://":
        from afresh.sessions.places.memory import MemoryPlace

        return MemoryPlace(clock)
    if isinstance(given, str) and given.startswith("sqlite:"):
        from afresh.backends.opening import sqlite_path

        return _file(sqlite_path(given).absolute(), clock)
    if isinstance(given, str) and given.partition("://")[0] in ("memcached", "memcacheds", "null"):
        raise _forgetful(given.partition("://")[0])
    if isinstance(given, (bytes, int, float, list, tuple, dict)) or given == "":
        raise ConfigurationError(f"Sessions({given!r}): give {FORMS}; or a cache.")
    return _redis(given, clock)


def _redis(given: Any, clock: Clock) -> Place:
    from afresh.backends.redis.connect import open_client
    from afresh.backends.redis.store import RedisStore
    from afresh.sessions.places.redis import RedisPlace

    client = open_client(given)
    cluster = client.address.kind == "cluster"
    return RedisPlace(client, RedisStore(client, cluster=cluster, clock=clock), client.close)


def _beside(backend: Backend, clock: Clock) -> Place:
    """On the server, or in the folder, of a cache: apart from its entries."""
    if backend.url == "memory://":
        return open_place("memory://", clock)
    if backend.url.startswith("machine:"):
        return _file(Path(backend.url.removeprefix("machine:")) / _FILE, clock)
    if backend.url.startswith("sqlite:///"):
        return _file(Path(f"{backend.url.removeprefix('sqlite:///')}.afresh") / _FILE, clock)
    store: Any = getattr(backend.store, "first", backend.store)
    if type(store).__module__ == "afresh.backends.redis.store":
        from afresh.sessions.places.redis import RedisPlace

        return RedisPlace(store.client, store, None)
    raise _forgetful(backend.url)


def _file(path: Path, clock: Clock) -> Place:
    from afresh.sessions.places.sqlite import FilePlace

    if not path.parent.is_dir():
        raise ConfigurationError(f"{path.parent} is not a folder: make it, or choose another place.")
    return FilePlace(path, clock)


def _forgetful(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{what} forgets what it needs room for, and with it who is logged in: give sessions a place of "
        f"their own: {FORMS}."
    )
