"""Where a key lives: in the cache itself, or in one of its pools.

A pool is a place of its own for one workload (pages, sessions, fragments): its own share of memory,
its own server if it likes, its own policy and counters. So a flood of pages evicts pages. The ledger
is one for all: what is made in one pool from a value in another is dropped with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from afresh.core.durations import Duration, seconds
from afresh.core.entry import NEVER
from afresh.core.keys import Prefixes
from afresh.core.policy import Policy
from afresh.core.tags import Dependency
from afresh.engine.engine import Engine
from afresh.engine.site import Call
from afresh.engine.values.plain import Plain
from afresh.errors import ConfigurationError
from afresh.tagging import listed

GIVEN: Any = object()
"""In place of an argument: what the settings of the cache say."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The settings of one pool.

    Attributes:
        prefix: Keys, and names of functions given by `prefix=`, that begin with it belong to the pool.
        url: Where its entries live, or your own client of redis-py; by default where the cache's own do.
        fallback: Where loaded values live while that server doesn't answer.
        l1: Its limit in this process's memory: a number of entries, a size (`"16MB"`), or `None`.
        max_loads: At most so many of its loads run at once in this process.
        policy: Settings for what doesn't give its own.
    """

    prefix: str
    url: Any = None
    fallback: str | None = None
    l1: int | str | None = "64MB"
    max_loads: int | None = 64
    policy: Policy = field(default_factory=Policy)

    def __post_init__(self) -> None:
        if not isinstance(self.prefix, str) or not self.prefix:
            raise ConfigurationError(
                f'prefix={self.prefix!r}: say what the keys of this pool begin with, such as "page:".'
            )
        if not isinstance(self.policy, Policy):
            raise ConfigurationError(f'policy={self.policy!r}: give a policy, policy=Policy.of(ttl="5m").')


class Place(NamedTuple):
    """An engine, and what both faces of a cache need with it.

    Attributes:
        name: The pool's; the empty string is the cache itself.
        engine: Its entries and counters.
        plain: Its values set by hand.
        policy: Settings for what doesn't give its own.
    """

    name: str
    engine: Engine
    plain: Plain
    policy: Policy

    def call(
        self,
        key: Hashable,
        loader: Callable[[], Any | Awaitable[Any]],
        tags: Iterable[Dependency],
        policy: Mapping[str, Any],
    ) -> Call:
        """A call of `get_or_load`."""
        given = listed(tags)
        settings = self.policy.replace(**policy)
        return Call(self.engine.values, key, self.engine.names.full(key), settings, loader, lambda: given)

    def until(self, ttl: Duration | None) -> float:
        """When a value expires that is put now."""
        if ttl is GIVEN:
            ttl = self.policy.ttl
        return NEVER if ttl is None else self.engine.now() + seconds(ttl, "ttl")


class Opened(NamedTuple):
    """What both faces of a cache share.

    Attributes:
        main: The cache itself.
        prefixes: The names of decorated functions.
        pools: By name, and
        routes: the same with their prefixes, the longest first.
    """

    main: Place
    prefixes: Prefixes
    pools: Mapping[str, Place] = {}
    routes: tuple[tuple[str, Place], ...] = ()

    def place(self, key: Hashable) -> Place:
        """Where a key lives."""
        if self.routes and isinstance(key, str):
            for prefix, place in self.routes:
                if key.startswith(prefix):
                    return place
        return self.main

    def engine_of(self, key: str) -> Engine:
        """The engine of a key."""
        return self.place(key).engine

    def divided(self, keys: Iterable[Hashable]) -> list[tuple[Place, list[Any]]]:
        """Keys by where they live."""
        if isinstance(keys, (str, bytes)):
            raise TypeError(f"{keys!r} is one key: give a list of keys, [{keys!r}]")
        if not self.routes:
            return [(self.main, list(keys))]
        parts: dict[str, tuple[Place, list[Any]]] = {}
        for key in keys:
            place = self.place(key)
            parts.setdefault(place.name, (place, []))[1].append(key)
        return list(parts.values())

    def places(self) -> list[Place]:
        """The cache itself, and its pools."""
        return [self.main, *self.pools.values()]
