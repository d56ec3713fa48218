"""`LOCATION`: where the values are, in this package's words, or as Django's own backends are told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from afresh.errors import ConfigurationError

_REDIS = re.compile(r"(redis|rediss|valkey|valkeys|unix)(\+[a-z]+)?://")
_NEXT_REDIS = re.compile(r"[;,](?=(?:redis|rediss|valkey|valkeys|unix)(?:\+[a-z]+)?://)")
_SOCKET = re.compile(r"(unix:)?(/(?!/).+)")
_HOST = re.compile(r"\[[0-9a-fA-F:.]+\](:\d+)?|[\w.-]+(:\d+)?")
_FORMS = (
    "write memory:// (or memory://name), sqlite:////absolute/file, redis://host:6379/0, memcached://host:11211, "
    "host:11211 for memcached, or leave it out for this machine"
)


class Location(NamedTuple):
    """Where values are.

    Attributes:
        kind: `machine`, `memory`, `file`, `redis`, `memcached`, `null` or `client`.
        url: What `Cache` is opened with; `None` for this machine's shared folder.
        name: Tells two caches in one process's memory apart.
    """

    kind: str
    url: Any
    name: str = ""


def location(given: Any) -> Location:
    """Read a `LOCATION`.

    Raises:
        ConfigurationError: It names no place; the message says what to write.
    """
    if given is None or given == "":
        return Location("machine", None)
    if not isinstance(given, (str, list, tuple)):
        return _client(given)
    written = _NEXT_REDIS.split(given) if isinstance(given, str) else [str(each) for each in given]
    if not written:
        return Location("machine", None)
    if _REDIS.match(written[0]):
        # Of several, Django reads from all and writes to the first. What replicas have is older.
        return Location("redis", written[0])
    if len(written) == 1:
        found = _one(written[0])
        if found is not None:
            return found
    return _memcached(given, [part for each in written for part in re.split("[;,]", each) if part])


def _one(written: str) -> Location | None:
    scheme, _, rest = written.partition("://")
    if scheme == "memory":
        return Location("memory", "memory://", rest)
    if written.startswith("sqlite:"):
        return Location("file", written)
    if scheme in {"memcached", "memcacheds"} and rest != written:
        return Location("memcached", written)
    if written == "null://":
        return Location("null", written)
    return None


def _client(given: Any) -> Location:
    """An object: a client of redis-py, which the cache itself looks at."""
    modules = {each.__module__.partition(".")[0] for each in type(given).__mro__}
    if modules.isdisjoint({"redis", "valkey"}):
        raise ConfigurationError(f"LOCATION = {given!r}: {_FORMS}.")
    return Location("client", given)


def _memcached(given: Any, servers: Sequence[str]) -> Location:
    """Servers as Django's memcached backends are told: `host:port`, or the path of a socket."""
    sockets = [found[2] for each in servers if (found := _SOCKET.fullmatch(each))]
    hosts = [each for each in servers if _HOST.fullmatch(each) and (":" in each or "." in each)]
    if len(sockets) == len(servers) == 1 and (servers[0].startswith("unix:") or "sock" in servers[0]):
        return Location("memcached", f"memcached://{sockets[0]}")
    if servers and len(hosts) == len(servers):
        return Location("memcached", f"memcached://{','.join(hosts)}")
    hint = ""
    if isinstance(given, str) and given.startswith("/"):
        hint = f" (for a folder: sqlite:///{given.rstrip('/')}/cache; for memcached's socket: unix:{given})"
    elif isinstance(given, str) and re.fullmatch(r"[\w-]+", given):
        hint = f" (for what LocMemCache has under that name: memory://{given}; for memcached: {given}:11211)"
    raise ConfigurationError(f"LOCATION = {given!r}: {_FORMS}{hint}.")
