"""From a URL to an open backend. Each room is imported only when it is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from afresh.backends import Backend, in_turn
from afresh.core.events import Events
from afresh.errors import ConfigurationError
from afresh.runtime.clock import Clock

if TYPE_CHECKING:
    from pathlib import Path

FORMS = (
    "memory://, null://, sqlite:///relative/file, sqlite:////absolute/file, redis://host:6379/0, "
    "memcached://host:11211, or none at all for this machine"
)
MAX_STALE = 1.0
"""Seconds without a word of the ledger's server after which nothing in memory is served."""

_REDIS = ("redis", "rediss", "valkey", "valkeys", "unix")
_MEMCACHED = ("memcached", "memcacheds")


@dataclass(frozen=True, slots=True)
class Asked:
    """What every backend is opened with.

    Attributes:
        root: Gives the application's folder, which names the machine's shared one.
        moved: Called with each new position of a ledger in this process's memory.
        events: Who listens.
        clock: What tells the time.
        strict: A change that could not be announced is an error.
        max_stale: See `MAX_STALE`.
    """

    root: Callable[[], Path]
    moved: Callable[[int], None]
    events: Events
    clock: Clock
    strict: bool = False
    max_stale: float = MAX_STALE


def open_backend(url: Any, asked: Asked) -> Backend:
    """Open the backend that a URL, or a client that the user has made, names.

    Args:
        url: See `FORMS`; `None` is the machine's shared folder.
        asked: What it is opened with.

    Raises:
        ConfigurationError: The URL names nothing that there is.
    """
    if url is None or (isinstance(url, str) and url.startswith("sqlite:")):
        from afresh.backends.file.opening import open_file, open_machine

        if url is None:
            return open_machine(asked.root(), asked.events, asked.clock)
        return open_file(sqlite_path(url), asked.events, asked.clock)
    if url in ("memory://", "null://"):
        return _in_this_process(url, asked.moved)
    scheme = _scheme(url)
    if scheme in _REDIS or _is_redis_client(url):
        _look_for_redis()
        from afresh.backends.redis.opening import open_redis

        return open_redis(url, asked)
    if scheme in _MEMCACHED:
        from afresh.backends.memcached.opening import open_memcached

        return open_memcached(url, asked)
    raise ConfigurationError(f"Cache({scheme or url!r}…): this release knows {FORMS}.")


def _look_for_redis() -> None:
    """What Redis takes is an extra of the package: say so, rather than which module is missing."""
    from importlib.util import find_spec

    missing = [name for name in ("hiredis", "redis") if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"Redis and Valkey need {' and '.join(missing)}, not installed here: pip install 'afresh[redis]'."
        )


def open_beside(main: Backend, url: Any, asked: Asked) -> Backend:
    """Open another place for entries that the ledger of `main` numbers.

    Args:
        main: The backend of the cache itself, which goes on looking after its ledger.
        url: Where the entries live, or a client of redis-py; `None` for where those of `main` do.
        asked: What it is opened with.

    Raises:
        ConfigurationError: The URL names nothing that there is.
    """
    if url is None or url == main.url:
        store, leases, look_after, close = main.store, main.leases, None, None
    elif _scheme(url) in _REDIS or _is_redis_client(url):
        _look_for_redis()
        from afresh.backends.redis.opening import open_redis_beside

        return open_redis_beside(url, main, asked)
    elif _scheme(url) in _MEMCACHED:
        from afresh.backends.memcached.opening import open_memcached_beside

        return open_memcached_beside(url, main, asked)
    else:
        other = open_backend(url, replace(asked, moved=_unheard))  # its ledger numbers nothing here
        store, leases, look_after, close = other.store, other.leases, other.look_after, other.close
    return replace(
        main,
        url=url or main.url,
        store=store,
        leases=leases,
        look_after=look_after or _nothing,
        close=close or _nothing,
    )


def with_fallback(first: Backend, url: str, asked: Asked) -> Backend:
    """A backend whose loaded values live at `url` while its own place for them doesn't answer.

    Raises:
        ConfigurationError: There is no such place, or nothing leaves this process anyway.
    """
    from afresh.backends.fallback import FallbackLeases, FallbackStore

    second = open_beside(first, url, asked)
    if first.store is None or second.store is None or first.leases is None or second.leases is None:
        second.close()
        raise ConfigurationError(
            f"fallback={url!r} needs two servers: write redis://… or memcached://… for both."
        )
    return replace(
        first,
        store=FallbackStore(first.store, second.store),
        leases=FallbackLeases(first.leases, second.leases),
        look_after=in_turn(first.look_after, second.look_after),
        inspect=lambda: {**first.inspect(), "fallback": {"url": second.url, **second.inspect()}},
        close=in_turn(second.close, first.close),
    )


def _nothing() -> None:
    return None


def _unheard(position: int) -> None:
    return None


def _scheme(url: Any) -> str:
    return url.partition(":")[0].partition("+")[0] if isinstance(url, str) else ""


def _is_redis_client(given: Any) -> bool:
    """Whether it is an object of redis-py, or of valkey-py, which is not imported to find that out."""
    modules = {each.__module__.partition(".")[0] for each in type(given).__mro__}
    return not modules.isdisjoint({"redis", "valkey"})


def _in_this_process(url: str, moved: Callable[[int], None]) -> Backend:
    from afresh.backends.memory.ledger import MemoryLedger

    ledger = MemoryLedger(moved)
    backend = Backend(url, ledger, tick=ledger.tick, close=ledger.close)
    if url == "null://":
        from afresh.backends.null import NullStore

        backend.store = NullStore()
    return backend


def sqlite_path(url: str) -> Path:
    """The file that a URL names.

    Raises:
        ConfigurationError: It names none.
    """
    from pathlib import Path
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    if parts.scheme != "sqlite" or parts.netloc or not parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{url!r}: write sqlite:///relative/file or sqlite:////absolute/file (three slashes, or four)."
        )
    return Path(unquote(parts.path[1:]))
