"""What a cache is opened with, checked: whatever makes no sense is refused before anything is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, cast

from afresh.backends.memory.limit import Limit
from afresh.backends.opening import FORMS, MAX_STALE
from afresh.core.durations import Duration, seconds
from afresh.core.policy import Policy
from afresh.engine.engine import Consistency
from afresh.engine.mode import Mode
from afresh.errors import ConfigurationError
from afresh.places import Pool

_LEVELS = ("bounded", "session", "strict")


@dataclass(frozen=True, slots=True)
class Settings:
    """See `Cache`, where each is documented."""

    url: Any = None
    fallback: str | None = None
    namespace: str = ""
    l1: int | str | None = "64MB"
    consistency: Consistency = "bounded"
    mode: Any = "on"
    max_loads: int | None = 64
    max_stale: Duration = MAX_STALE
    capture: bool = True
    pools: Mapping[str, Pool] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Settings:
        """Check what was given.

        Raises:
            ConfigurationError: Something makes no sense; the message says what to write instead.
        """
        names = {each.name for each in fields(cls)}
        settings = cls(**{name: value for name, value in given.items() if name in names})
        settings._check()
        return settings

    def _check(self) -> None:
        if self.consistency not in _LEVELS:
            raise ConfigurationError(f"consistency={self.consistency!r}: there are {', '.join(_LEVELS)}.")
        if not isinstance(self.namespace, str) or ":" in self.namespace or not _is_text(self.namespace):
            raise ConfigurationError(
                f"namespace={self.namespace!r}: give a string without a colon, of characters that UTF-8 has."
            )
        if isinstance(self.url, (bytes, int, float, list, tuple, dict)):
            raise ConfigurationError(f"Cache({self.url!r}): give a URL, such as {FORMS}.")
        if self.l1 is None and self.url == "memory://":
            raise ConfigurationError(
                "memory:// is the memory that l1=None turns off: give it a limit, or use null://."
            )
        Mode.of(self.mode)
        check_share(self.l1, self.max_loads)
        if seconds(self.max_stale, "max_stale") <= 0:
            raise ConfigurationError(f"max_stale={self.max_stale!r}: give more than 0 seconds.")
        if not isinstance(self.capture, bool):
            raise ConfigurationError(f"capture={self.capture!r}: write True or False.")
        self._check_pools()

    def _check_pools(self) -> None:
        if not isinstance(self.pools, Mapping):
            raise ConfigurationError(f"pools={self.pools!r}: give a dictionary of names and Pool(…).")
        prefixes: dict[str, str] = {}
        for name, pool in self.pools.items():
            if not isinstance(name, str) or not name or not isinstance(pool, Pool):
                raise ConfigurationError(
                    f'pools={{{name!r}: {pool!r}}}: give a name and a pool, {{"pages": Pool(prefix="page:")}}.'
                )
            if pool.prefix in prefixes:
                raise ConfigurationError(
                    f"pools {prefixes[pool.prefix]!r} and {name!r} have the same prefix {pool.prefix!r}."
                )
            prefixes[pool.prefix] = name
            if pool.l1 is None and (pool.url or self.url) == "memory://":
                raise ConfigurationError(f"pool {name!r} would keep nothing: give it a limit, l1=…")
            check_share(pool.l1, pool.max_loads)


def _is_text(written: str) -> bool:
    """Whether UTF-8 has all of its characters: it hasn't half of one."""
    try:
        written.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_share(l1: int | str | None, max_loads: object) -> None:
    """Refuse limits that are none.

    Raises:
        ConfigurationError: One of them makes no sense.
    """
    if l1 is not None:
        Limit.of(l1)
    if max_loads is not None and (type(max_loads) is not int or max_loads < 1):
        raise ConfigurationError(f"max_loads={max_loads!r}: give 1 or more, or None for any number.")


_OF_A_POOL = {"prefix", "url", "fallback", "l1", "max_loads"}


def pool_of(name: str, table: object) -> Pool:
    """A pool as a settings file describes it: `[cache.pools.pages]`, with settings of the policy among its own.

    Raises:
        ConfigurationError: It has a setting that isn't one.
    """
    if not isinstance(table, Mapping):
        raise ConfigurationError(f"[cache.pools] {name} = {table!r}: write a table, [cache.pools.{name}].")
    own = {key: value for key, value in table.items() if key in _OF_A_POOL}
    own.setdefault("prefix", f"{name}:")
    policy = {key: value for key, value in table.items() if key not in own}
    return Pool(**own, policy=Policy.of(**cast("Any", policy)))
