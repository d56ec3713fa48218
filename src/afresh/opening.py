"""Put a cache together from its settings: backend, memory, codec, engine."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from afresh import config
from afresh.backends import Backend
from afresh.backends.memory.store import Limit, MemoryStore
from afresh.backends.opening import FORMS, open_backend
from afresh.core.durations import Duration, seconds
from afresh.core.entry import NEVER
from afresh.core.events import Events
from afresh.core.keys import Prefixes
from afresh.core.policy import Policy
from afresh.core.tags import Dependency
from afresh.engine.engine import Engine
from afresh.engine.mode import Mode
from afresh.engine.plain import Plain
from afresh.engine.site import Call
from afresh.errors import BackendError, ConfigurationError
from afresh.runtime.clock import Clock
from afresh.runtime.gate import Gate

if TYPE_CHECKING:
    from afresh.codecs.base import Codec
    from afresh.codecs.compress import Compression
    from afresh.codecs.encrypt import Encryption
    from afresh.codecs.sealer import Sealer

_LEVELS = ("bounded", "session", "strict")
_L1 = "64MB"
_MAX_LOADS = 64

GIVEN: Any = object()
"""In place of an argument: what the settings of the cache say."""


class Values(NamedTuple):
    """How values leave the process."""

    codec: Codec | None = None
    compression: Compression | Literal[False] | None = None
    encryption: Encryption | None = None


class Opened(NamedTuple):
    """What both faces of a cache share."""

    engine: Engine
    plain: Plain
    prefixes: Prefixes

    def call(
        self,
        key: Hashable,
        loader: Callable[[], Any | Awaitable[Any]],
        tags: Iterable[Dependency],
        policy: Policy,
    ) -> Call:
        """A call of `get_or_load`."""
        given = list(tags)
        return Call(self.engine.values, key, self.engine.names.full(key), policy, loader, lambda: given)

    def until(self, policy: Policy, ttl: Duration | None) -> float:
        """When a value expires that is put now."""
        if ttl is GIVEN:
            ttl = policy.ttl
        return NEVER if ttl is None else self.engine.now() + seconds(ttl, "ttl")


def open_cache(settings: Mapping[str, Any], values: Values, clock: Clock) -> Opened:
    """Open a cache.

    Raises:
        ConfigurationError: A setting makes no sense.
    """
    _check_values(values, clock)
    consistency = settings.get("consistency", "bounded")
    if consistency not in _LEVELS:
        raise ConfigurationError(f"consistency={consistency!r}: there are {', '.join(_LEVELS)}.")
    namespace = settings.get("namespace", "")
    if not isinstance(namespace, str) or ":" in namespace:
        raise ConfigurationError(f"namespace={namespace!r}: give a string without a colon.")
    url, l1 = settings.get("url"), settings.get("l1", _L1)
    if url is not None and not isinstance(url, str):
        raise ConfigurationError(f"Cache({url!r}): give a URL, such as {FORMS}.")
    if l1 is None and url == "memory://":
        raise ConfigurationError(
            "memory:// is the memory that l1=None turns off: give it a limit, or use null://."
        )
    limit = None if l1 is None or url == "null://" else Limit.of(l1)
    mode = Mode.of(settings.get("mode", "on"))
    max_loads = settings.get("max_loads", _MAX_LOADS)
    if max_loads is not None and (type(max_loads) is not int or max_loads < 1):
        raise ConfigurationError(f"max_loads={max_loads!r}: give 1 or more, or None for any number.")

    gate, events = Gate(), Events()
    backend = _open(url, gate, events, clock)
    if backend.url == "null://":
        limit = None
    engine = Engine(
        namespace=namespace,
        backend=backend,
        l1=None if limit is None else MemoryStore(limit),
        sealer=None if backend.store is None else _sealer(values),
        consistency=consistency,
        gate=gate,
        events=events,
        clock=clock,
        max_loads=max_loads,
    )
    if mode != engine.mode:
        engine.adopt(mode)
    engine.follow_mode()
    return Opened(engine, Plain(engine), Prefixes())


def _check_values(values: Values, clock: Clock) -> None:
    """Refuse at once what would fail at the first value."""
    if values.codec is not None and not hasattr(values.codec, "digest"):
        raise ConfigurationError(
            f"codec={values.codec!r} is no codec: give an object, such as codecs.pickle.Pickle(…)."
        )
    if values.compression not in {None, False} and not hasattr(values.compression, "compress"):
        raise ConfigurationError(
            f"compression={values.compression!r}: give codecs.compress.Compression(…), False for none, "
            "or leave it out for the usual one."
        )
    if values.encryption is not None and not hasattr(values.encryption, "encrypt"):
        raise ConfigurationError(f"encryption={values.encryption!r}: give codecs.encrypt.Encryption(…).")
    if not hasattr(clock, "now"):
        raise ConfigurationError(f"clock={clock!r} has no now(): leave it out, or give a test's clock.")


def _open(url: str | None, gate: Gate, events: Events, clock: Clock) -> Backend:
    """The backend; one that keeps nothing where the disk gives no room, since nothing depends on a cache."""
    try:
        return open_backend(url, root=config.application_root, moved=gate.moved, events=events, clock=clock)
    except BackendError as error:
        logging.getLogger("afresh").warning("nothing is cached in this process: %s", error)
        return open_backend(
            "null://", root=config.application_root, moved=gate.moved, events=events, clock=clock
        )


def _sealer(values: Values) -> Sealer:
    from afresh.codecs.compress import where_available
    from afresh.codecs.sealer import Sealer

    compression = where_available() if values.compression is None else values.compression or None
    return Sealer(values.codec, compression=compression, encryption=values.encryption)
