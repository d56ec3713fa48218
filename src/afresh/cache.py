"""`Cache`: the public face, for threads. `Cache.aio` is the same for an event loop."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Self, TypeVar, Unpack, overload

from afresh import config
from afresh.callables import CachedCoroutine, CachedFunction, CachedOptions, Decorator
from afresh.core.durations import Duration
from afresh.core.events import Listener
from afresh.core.keys import KeyMaker
from afresh.core.policy import Policy, PolicyOptions
from afresh.core.tags import Dependency
from afresh.decorators import decorate, divided
from afresh.engine.asking.scope import Scope, Token
from afresh.engine.asking.tracker import asking
from afresh.engine.changes.invalidate import clear, invalidate
from afresh.engine.changes.writing import Writing
from afresh.engine.loading.lookup import obtain
from afresh.engine.mode import Mode
from afresh.engine.names import carried_names
from afresh.errors import ConfigurationError
from afresh.opening import Carried, open_cache
from afresh.places import GIVEN, Opened, Pool
from afresh.runtime.clock import SYSTEM_CLOCK, Clock
from afresh.runtime.drive import drive
from afresh.settings import pool_of
from afresh.values import Values

if TYPE_CHECKING:
    from afresh.aio import AsyncCache
    from afresh.codecs.base import Codec
    from afresh.codecs.compress import Compression
    from afresh.codecs.encrypt import Encryption
    from afresh.engine.telling.doctor import Diagnosis
    from afresh.engine.telling.explain import Explanation
    from afresh.engine.telling.stats import Stats

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


class Cache(Values):
    """A cache whose results stay true.

    ::

        cache = Cache()                    # this machine: memory and a shared file, all its workers

        @cache.cached(ttl="5m", tags=lambda id: [Row("product", id)])
        def product(id: int) -> Product: ...

        product(7)                         # loaded once, by one worker
        cache.invalidate(Row("product", 7))   # dropped in every worker

    Args:
        url: Where entries live: `None` for this machine's shared folder, `memory://` for this
            process alone, `sqlite:///file` for a shared folder of your own, `redis://…` or
            `memcached://…` for servers, `null://` for nowhere. Or your own client of redis-py.
        fallback: Where loaded values live while the server of `url` doesn't answer but its ledger does (several
            memcacheds, a cluster); more often a setting of a pool.
        namespace: Entries belong to it; invalidations don't.
        l1: The limit of this process's memory: a number of entries, a size (`"64MB"`), or `None`
            for no entries in memory.
        consistency: `bounded`: no older than `max_stale`; `session`: and no older than the token that
            a scope is given; `strict`: no older than the read. On one machine they differ only in
            that `strict` doesn't serve what an unfinished write names.
        mode: `on`, `off` or `shadow`, or one with a share of the calls: `"shadow 10%"`. One that was
            set while running (`cache.mode = …`) is shared by the processes of the namespace, and wins.
        max_loads: At most so many loads run at once in this process, 64 by default; further ones wait, so
            that an emptied cache doesn't crush the database. `None`: any number.
        max_stale: How long the server that numbers the invalidations may be silent before nothing in
            memory is served any more; one second by default.
        capture: Whether writes to databases that are captured in this process (`afresh.db`) are announced
            here; yes, unless it is turned off.
        pools: Places of their own for workloads, by name: `{"pages": Pool(prefix="page:", l1="16MB")}`.
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
        url: Any = GIVEN,
        *,
        fallback: str | None = GIVEN,
        namespace: str = GIVEN,
        l1: int | str | None = GIVEN,
        consistency: str = GIVEN,
        mode: str = GIVEN,
        max_loads: int | None = GIVEN,
        max_stale: Duration = GIVEN,
        capture: bool = GIVEN,
        pools: Mapping[str, Pool] = GIVEN,
        codec: Codec | None = None,
        compression: Compression | Literal[False] | None = None,
        encryption: Encryption | None = None,
        secret: bytes = b"",
        clock: Clock = SYSTEM_CLOCK,
        **policy: Unpack[PolicyOptions],
    ) -> None:
        given = _given(
            url=url,
            fallback=fallback,
            namespace=namespace,
            l1=l1,
            consistency=consistency,
            mode=mode,
            max_loads=max_loads,
            max_stale=max_stale,
            capture=capture,
            pools=pools,
        )
        if not isinstance(secret, bytes):
            raise ConfigurationError(
                f"secret={secret!r}: give bytes, such as os.urandom(32), kept for all processes."
            )
        values = Carried(codec, compression, encryption)
        settings = {**config.environment(), **given}
        self._adopt(open_cache(settings, Policy.of(**policy), values, clock), secret)

    def _adopt(self, opened: Opened, secret: bytes) -> None:
        self._opened = opened
        self._secret = secret
        self._engine = opened.main.engine
        self._values = self._engine.values.space
        self._position = self._engine.gate.position_cell
        self._aio: AsyncCache | None = None

    def pool(self, name: str) -> Self:
        """The cache that lives in a pool: everything asked of it stays there, whatever the key.

        Raises:
            ConfigurationError: There is no such pool.
        """
        place = self._opened.pools.get(name)
        if place is None:
            there = ", ".join(self._opened.pools) or "none"
            raise ConfigurationError(f"there is no pool {name!r}: there are {there}.")
        pool = object.__new__(type(self))
        pool._adopt(Opened(place, self._opened.prefixes), self._secret)
        return pool

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str], **arguments: Any) -> Self:
        """Open the cache that the `[cache]` table of a file describes; arguments and `AFRESH_*` win.

        Raises:
            ConfigurationError: See `Cache`.
        """
        table = config.from_toml(path)
        policy = table.pop("policy", {})
        if "pools" in table:
            table["pools"] = {name: pool_of(name, each) for name, each in table["pools"].items()}
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
        place = self._opened.place(options.get("prefix"))
        policy, own = divided(place.policy, options)
        make_keys = partial(KeyMaker, secret=self._secret, prefixes=self._opened.prefixes)

        def decorator(function: Any) -> Any:
            return decorate(place.engine, function, policy, own, make_keys)

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
        place = self._opened.place(key)
        call = place.call(key, loader, tags, policy)
        return drive(obtain(place.engine, place.engine.threads, call))  # type: ignore[no-any-return]

    # -- entries --------------------------------------------------------------------------------

    def clear(self) -> None:
        """Drop everything of this namespace, in every process."""
        for place in self._opened.places():
            drive(clear(place.engine))

    # -- dependencies ---------------------------------------------------------------------------

    def invalidate(self, *dependencies: Dependency) -> None:
        """Announce that these changed.

        When it returns, no read that starts later, in any process, gets a value made from what they
        were before. Inside of `writing` it takes effect at the end of the block.

        Raises:
            NotInvalidated: It could not be written.
        """
        drive(invalidate(self._engine, dependencies, self._opened.engine_of))

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
        from afresh.engine.telling.explain import explain

        return drive(explain(self._opened.place(key).engine, key))

    def stats(self) -> Stats:
        """Counters of this process since the cache was opened; those of a pool: `cache.pool(…).stats()`."""
        from afresh.engine.telling.stats import stats

        return stats(self._engine)

    def doctor(self) -> list[Diagnosis]:
        """Ask the servers of this cache and of its pools how they are, and say what is wrong or may become so.

        Takes a few round trips. Trouble is a finding, never an exception.
        """
        from afresh.engine.telling.doctor import diagnose

        return [diagnose(place.engine, place.name) for place in self._opened.places()]

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
        for place in self._opened.places():
            place.engine.set_mode(Mode.of(mode))

    @property
    def aio(self) -> AsyncCache:
        """The same cache for an event loop: the methods are coroutines."""
        if self._aio is None:
            from afresh.aio import AsyncCache

            self._aio = AsyncCache(self._opened)
        return self._aio

    # -- ends -----------------------------------------------------------------------------------

    def close(self) -> None:
        """Write what is pending and give back what is held open. Safe to call twice."""
        for place in reversed(self._opened.places()):
            place.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Cache {self._engine.backend.url} namespace={self._engine.namespace!r} mode={self.mode}>"


def _given(**arguments: Any) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not GIVEN}
