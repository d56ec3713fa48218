"""Put a cache together from its settings: backends, memory, codec, engines."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from afresh import config
from afresh.backends import Backend
from afresh.backends.memory.store import Limit, MemoryStore
from afresh.backends.opening import Asked, open_backend, open_beside, with_fallback
from afresh.core.durations import seconds
from afresh.core.events import Events
from afresh.core.keys import Prefixes
from afresh.core.policy import Policy
from afresh.engine.changes.capturing import take_captured_writes
from afresh.engine.engine import Engine
from afresh.engine.mode import Mode
from afresh.engine.values.plain import Plain
from afresh.errors import BackendError, ConfigurationError
from afresh.places import Opened, Place
from afresh.runtime.clock import Clock
from afresh.runtime.gate import Gate
from afresh.settings import Settings

if TYPE_CHECKING:
    from afresh.codecs.base import Codec
    from afresh.codecs.compress import Compression
    from afresh.codecs.encrypt import Encryption
    from afresh.codecs.sealer import Sealer


class Carried(NamedTuple):
    """How values leave the process."""

    codec: Codec | None = None
    compression: Compression | Literal[False] | None = None
    encryption: Encryption | None = None


def open_cache(given: Mapping[str, Any], policy: Policy, values: Carried, clock: Clock) -> Opened:
    """Open a cache and its pools.

    Raises:
        ConfigurationError: A setting makes no sense.
    """
    _check_values(values, clock)
    return _Opening(Settings.of(given), values, clock).open(policy)


class _Share(NamedTuple):
    """What the cache itself and each of its pools has for itself."""

    fallback: str | None
    l1: int | str | None
    max_loads: int | None
    policy: Policy


@dataclass(slots=True)
class _Opening:
    """What the engines of one cache share while they are made."""

    settings: Settings
    values: Carried
    clock: Clock

    def open(self, policy: Policy) -> Opened:
        """Open everything; if that fails, nothing is left open."""
        settings, events = self.settings, Events()
        gates = {name: Gate() for name in ("", *settings.pools)}

        def moved(position: int) -> None:
            for gate in gates.values():
                gate.moved(position)

        asked = Asked(
            root=config.application_root,
            moved=moved,
            events=events,
            clock=self.clock,
            strict=settings.consistency == "strict",
            max_stale=seconds(settings.max_stale, "max_stale"),
        )
        backend = _open(settings.url, asked)
        itself = _Share(settings.fallback, settings.l1, settings.max_loads, policy)
        with ExitStack() as undone:
            undone.callback(backend.close)
            main = self._place("", itself, backend, gates[""], asked)
            undone.callback(main.engine.close)
            pools: dict[str, Place] = {}
            for name, pool in settings.pools.items():
                beside = open_beside(backend, pool.url, asked)
                undone.callback(beside.close)
                share = _Share(pool.fallback, pool.l1, pool.max_loads, pool.policy)
                pools[name] = self._place(name, share, beside, gates[name], asked)
                undone.callback(pools[name].engine.close)
            undone.pop_all()
        if settings.capture:
            take_captured_writes(main.engine)
        routes = [(settings.pools[name].prefix, place) for name, place in pools.items()]
        routes.sort(key=lambda route: -len(route[0]))
        return Opened(main, Prefixes(), pools, tuple(routes))

    def _place(self, name: str, share: _Share, backend: Backend, gate: Gate, asked: Asked) -> Place:
        if share.fallback is not None:
            backend = with_fallback(backend, share.fallback, asked)
        kept = share.l1 is not None and backend.url != "null://"
        engine = Engine(
            namespace=self.settings.namespace,
            backend=backend,
            l1=MemoryStore(Limit.of(share.l1)) if kept and share.l1 is not None else None,
            sealer=None if backend.store is None else _sealer(self.values),
            consistency=self.settings.consistency,
            gate=gate,
            events=asked.events,
            clock=self.clock,
            max_loads=share.max_loads,
        )
        mode = Mode.of(self.settings.mode)
        if mode != engine.mode:
            engine.adopt(mode)
        engine.follow_mode()
        return Place(name, engine, Plain(engine), share.policy)


def _check_values(values: Carried, clock: Clock) -> None:
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


def _open(url: Any, asked: Asked) -> Backend:
    """The backend; one that keeps nothing where the disk gives no room, since nothing depends on a cache."""
    try:
        return open_backend(url, asked)
    except BackendError as error:
        import logging  # here: `import afresh` takes a tenth longer with it

        logging.getLogger("afresh").warning("nothing is cached in this process: %s", error)
        return open_backend("null://", asked)


def _sealer(values: Carried) -> Sealer:
    from afresh.codecs.compress import where_available
    from afresh.codecs.sealer import Sealer

    compression = where_available() if values.compression is None else values.compression or None
    return Sealer(values.codec, compression=compression, encryption=values.encryption)
