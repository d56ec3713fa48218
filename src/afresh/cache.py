"""`Cache`: the public face, for threads. `Cache.aio` is the same for an event loop."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Protocol, Self, TypeVar, Unpack, overload

from afresh import config
from afresh.core.durations import Duration
from afresh.core.events import Listener
from afresh.core.keys import KeyMaker
from afresh.core.policy import Policy, PolicyOptions
from afresh.core.tags import Dependency
from afresh.decorators import CachedCoroutine, CachedFunction, Options, decorate, divided
from afresh.engine.cells import ABSENT
from afresh.engine.invalidate import clear, invalidate
from afresh.engine.lookup import obtain
from afresh.engine.mode import Mode
from afresh.engine.names import carried_names
from afresh.engine.scope import Scope, Token
from afresh.engine.tracker import asking
from afresh.engine.writing import Writing
from afresh.errors import ConfigurationError
from afresh.opening import GIVEN, Values, open_cache
from afresh.runtime.clock import SYSTEM_CLOCK, Clock
from afresh.runtime.drive import drive

if TYPE_CHECKING:
    from afresh.aio import AsyncCache
    from afresh.codecs.base import Codec
    from afresh.codecs.compress import Compression
    from afresh.codecs.encrypt import Encryption
    from afresh.engine.explain import Explanation
    from afresh.engine.stats import Stats

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


class CachedOptions(PolicyOptions, Options, total=False):
    """What `@cache.cached` takes by keyword."""


class Decorator(Protocol):
    """What `@cache.cached(…)` returns."""

    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> CachedCoroutine[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> CachedFunction[P, R]: ...


class Cache:
    """A cache whose results stay true.

    ::

        cache = Cache()                    # this machine: memory and a shared file, all its workers

        @cache.cached(ttl="5m", tags=lambda id: [Row("product", id)])
        def product(id: int) -> Product: ...

        product(7)                         # loaded once, by one worker
        cache.invalidate(Row("product", 7))   # dropped in every worker

    Args:
        url: Where entries live: `None` for this machine's shared folder, `memory://` for this
            process alone, `sqlite:///file` for a shared folder of your own, `null://` for nowhere.
        namespace: Entries belong to it; invalidations don't.
        l1: The limit of this process's memory: a number of entries, a size (`"64MB"`), or `None`
            for no entries in memory.
        consistency: `bounded`, `session` or `strict`. On one machine they differ only in that
            `strict` doesn't serve what an unfinished write names.
        mode: `on`, `off` or `shadow`, or one with a share of the calls: `"shadow 10%"`. One that was
            set while running (`cache.mode = …`) is shared by the processes of the namespace, and wins.
        max_loads: At most so many loads run at once in this process, 64 by default; further ones wait, so
            that an emptied cache doesn't crush the database. `None`: any number.
        codec: How values leave the process; MessagePack unless something else is given.
        compression: Makes long values shorter (`afresh.codecs.compress`); by default where a zstd
            is installed, `False` never.
        encryption: Makes shared values unreadable to others (`afresh.codecs.encrypt`).
        secret: Key of the digests that stand for secret arguments; at most 64 bytes.
        clock: What tells the time.
        policy: Settings for everything that doesn't give its own: `ttl="5m"` …

    Raises:
        ConfigurationError: A setting makes no sense; the message says what to write instead.
    """

    def __init__(
        self,
        url: str | None = GIVEN,
        *,
        namespace: str = GIVEN,
        l1: int | str | None = GIVEN,
        consistency: str = GIVEN,
        mode: str = GIVEN,
        max_loads: int | None = GIVEN,
        codec: Codec | None = None,
        compression: Compression | Literal[False] | None = None,
        encryption: Encryption | None = None,
        secret: bytes = b"",
        clock: Clock = SYSTEM_CLOCK,
        **policy: Unpack[PolicyOptions],
    ) -> None:
        arguments = {
            "url": url,
            "namespace": namespace,
            "l1": l1,
            "consistency": consistency,
            "mode": mode,
            "max_loads": max_loads,
        }
        given = {name: value for name, value in arguments.items() if value is not GIVEN}
        if not isinstance(secret, bytes):
            raise ConfigurationError(
                f"secret={secret!r}: give bytes, such as os.urandom(32), kept for all processes."
            )
        self._policy = Policy.of(**policy)
        self._secret = secret
        self._opened = open_cache(
            {**config.environment(), **given}, Values(codec, compression, encryption), clock
        )
        self._engine = self._opened.engine
        self._plain = self._opened.plain
        self._values = self._engine.values.space
        self._position = self._engine.gate.position_cell
        self._aio: AsyncCache | None = None

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str], **arguments: Any) -> Self:
        """Open the cache that the `[cache]` table of a file describes; arguments and `AFRESH_*` win.

        Raises:
            ConfigurationError: See `Cache`.
        """
        table = config.from_toml(path)
        policy = table.pop("policy", {})
        return cls(**{**policy, **table, **config.environment(), **arguments})

    # -- functions ------------------------------------------------------------------------------

    @overload
    def cached(  # type: ignore[overload-overlap]
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> CachedCoroutine[P, R]: ...
    @overload
    def cached(self, function: Callable[P, R], /) -> CachedFunction[P, R]: ...
    @overload
    def cached(self, /, **options: Unpack[CachedOptions]) -> Decorator: ...
    def cached(self, function: Any = None, /, **options: Any) -> Any:
        """Cache a function's results; with or without parentheses, on `def` and `async def`.

        Args:
            function: The function, when used without parentheses.
            options: Settings of the policy (`ttl`, `stale_while_revalidate`, `stale_if_error`,
                `early`, `jitter`, `negative_ttl` …: see `Policy`), and
                `tags`: what the result depends on, a list or a function of the arguments;
                `prefix`: what its keys begin with, instead of its name;
                `key`: a function of the arguments whose result replaces them in the key;
                `ignore`: parameters that make no difference;
                `secrets`: parameters that stand in keys as digests only;
                `typed`: tell 1, 1.0 and True apart.

        Raises:
            ConfigurationError: An option is unknown or makes no sense.
        """
        policy, own = divided(self._policy, options)
        make_keys = partial(KeyMaker, secret=self._secret, prefixes=self._opened.prefixes)

        def decorator(function: Any) -> Any:
            return decorate(self._engine, function, policy, own, make_keys)

        return decorator if function is None else decorator(function)

    def get_or_load(
        self,
        key: Hashable,
        loader: Callable[[], T],
        *,
        tags: Iterable[Dependency] = (),
        **policy: Unpack[PolicyOptions],
    ) -> T:
        """The value at a key; if there is no current one, what `loader()` returns, loaded once.

        Raises:
            Exception: What the loader raised, unchanged.
        """
        call = self._opened.call(key, loader, tags, self._policy.replace(**policy))
        return drive(obtain(self._engine, self._engine.threads, call))  # type: ignore[no-any-return]

    # -- values ---------------------------------------------------------------------------------

    def get(self, key: Hashable, default: Any = None) -> Any:
        """The current value at a key, or `default`."""
        entry = self._values.get(key)
        if entry is not None and entry.checked_at is self._position.cell_contents:
            entry.hits += 1
            return entry.value
        return drive(self._plain.get(key, default))

    def get_many(self, keys: Sequence[Hashable]) -> dict[Any, Any]:
        """The current values that are there, by key."""
        return drive(self._plain.get_many(keys))

    def set(
        self, key: Hashable, value: Any, ttl: Duration | None = GIVEN, *, tags: Iterable[Dependency] = ()
    ) -> None:
        """Put a value.

        For one that is made from something that changes, `get_or_load` is right: it knows when the
        value was read, `set` only when it was put.

        Raises:
            UncacheableValue: The codec can't carry it exactly.
            BackendError: The store could not take it.
        """
        drive(self._plain.set_many({key: value}, self._until(ttl), tags))

    def set_many(
        self, values: Mapping[Any, Any], ttl: Duration | None = GIVEN, *, tags: Iterable[Dependency] = ()
    ) -> None:
        """Put several values (see `set`)."""
        drive(self._plain.set_many(values, self._until(ttl), tags))

    def add(
        self, key: Hashable, value: Any, ttl: Duration | None = GIVEN, *, tags: Iterable[Dependency] = ()
    ) -> bool:
        """Put a value if there is no current one; says whether it did. Atomic."""
        return drive(self._plain.add(key, value, self._until(ttl), tags))

    def delete(self, key: Hashable) -> bool:
        """Remove a value, and drop what was made from it; says whether it was there."""
        return drive(self._plain.delete_many((key,))) > 0

    def delete_many(self, keys: Sequence[Hashable]) -> int:
        """Remove values; says how many were there."""
        return drive(self._plain.delete_many(keys))

    def incr(self, key: Hashable, by: int = 1, *, initial: int = 0, ttl: Duration | None = GIVEN) -> int:
        """Add to a number and return it. Atomic.

        One that isn't there counts from `initial` and lives for `ttl`; one that is there keeps its
        expiry.

        Raises:
            TypeError: There is something else than an integer.
        """
        return drive(self._plain.incr(key, by, initial, self._until(ttl)))

    def touch(self, key: Hashable, ttl: Duration | None = GIVEN) -> bool:
        """Give a value a new life of `ttl`; says whether it was there."""
        return drive(self._plain.touch(key, self._until(ttl)))

    def mutate(
        self,
        key: Hashable,
        change: Callable[[Any], Any],
        *,
        default: Any = None,
        ttl: Duration | None = GIVEN,
    ) -> Any:
        """Replace a value by `change(value)` and return it.

        Atomic among all processes: `change` is called again when another write came first. It is
        given `default` where there is no value. The expiry stays, unless `ttl` is given.
        """
        until = None if ttl is GIVEN else self._until(ttl)
        return drive(
            self._plain.mutate(
                key,
                lambda old: change(default if old is ABSENT else old),
                until=until,
                fresh_until=self._until(GIVEN),
            )
        )

    def clear(self) -> None:
        """Drop everything of this namespace, in every process."""
        drive(clear(self._engine))

    # -- dependencies ---------------------------------------------------------------------------

    def invalidate(self, *dependencies: Dependency) -> None:
        """Announce that these changed.

        When it returns, no read that starts later, in any process, gets a value made from what they
        were before. Inside of `writing` it takes effect at the end of the block.

        Raises:
            NotInvalidated: It could not be written.
        """
        drive(invalidate(self._engine, dependencies))

    @contextmanager
    def writing(self, *dependencies: Dependency) -> Iterator[Writing]:
        """Change something within this block; it is announced when the block ends.

        An intent is written first. If this process dies before the end, whoever notices announces
        it in its place, so the cache stays right even then. Reads of whoever is in the block go
        through to their loaders.
        """
        writing = Writing(self._engine, dependencies)
        drive(writing.begin())
        try:
            yield writing
        finally:
            drive(writing.end())

    def depends_on(self, *dependencies: Dependency) -> None:
        """Say that what is being loaded right now depends on these, where a read can't be seen."""
        names = carried_names(dependencies, self._engine.names)
        self._engine.watched.add_keys(names)
        tracker = asking()
        if tracker is not None:
            tracker.depends_on(self._engine.ledger, names)

    @contextmanager
    def scope(self, token: Token | None = None) -> Iterator[Scope]:
        """One request, task or script: consistency is confirmed once, dependencies are collected.

        Args:
            token: Of a writer (`scope.token`): nothing older than its writes is read.
        """
        scope = Scope(self._engine)
        drive(scope.begin(token))
        try:
            yield scope
        finally:
            scope.end()

    # -- seeing ---------------------------------------------------------------------------------

    def explain(self, key: str) -> Explanation:
        """What is known of a key: where it is, how old, what it depends on, why it was dropped."""
        from afresh.engine.explain import explain

        return drive(explain(self._engine, key))

    def stats(self) -> Stats:
        """Counters of this process since the cache was opened."""
        from afresh.engine.stats import stats

        return stats(self._engine)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener(event)` for every operation; returns what ends it.

        Hits that the generated wrapper answers are counted, not told: they take less time than an
        event would.
        """
        return self._engine.events.listen(listener)

    @property
    def mode(self) -> str:
        """`on`, `off` or `shadow`, perhaps with a share. Setting it reaches every process within 1 s."""
        return str(self._engine.mode)

    @mode.setter
    def mode(self, mode: str | Mode) -> None:
        self._engine.set_mode(Mode.of(mode))

    @property
    def aio(self) -> AsyncCache:
        """The same cache for an event loop: the methods are coroutines."""
        if self._aio is None:
            from afresh.aio import AsyncCache

            self._aio = AsyncCache(self._opened, self._policy)
        return self._aio

    # -- ends -----------------------------------------------------------------------------------

    def close(self) -> None:
        """Write what is pending and give back what is held open. Safe to call twice."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Cache {self._engine.backend.url} namespace={self._engine.namespace!r} mode={self.mode}>"

    def _until(self, ttl: Duration | None) -> float:
        return self._opened.until(self._policy, ttl)
