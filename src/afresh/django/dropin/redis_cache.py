"""In place of django-redis-cache's `redis_cache.RedisCache`: write `afresh.django.dropin.redis_cache.RedisCache`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.dummy import DummyCache

from afresh.django.dropin.backend import DropIn
from afresh.django.dropin.beside import Beside
from afresh.django.dropin.client import get_redis_connection, raw_of
from afresh.django.dropin.of_redis_cache import translate
from afresh.engine.values.cells import ABSENT
from afresh.runtime.drive import drive

__all__ = ["RedisCache", "RedisDummyCache", "ShardedRedisCache", "get_redis_connection"]


class RedisCache(DropIn):
    """django-redis-cache 3, with its settings, its methods and the values that it has stored.

    Args:
        server: `LOCATION`.
        params: The whole entry of `CACHES`, as django-redis-cache takes it.

    Raises:
        ConfigurationError: Something of it can't be honoured; the message says what to write instead.
    """

    _sharded = False

    def __init__(self, server: Any, params: Mapping[str, Any]) -> None:
        super().__init__(translate(server, params, sharded=self._sharded), params)

    def clear(self, version: Any = None) -> bool:
        """Remove what this cache has, or what it has of one version; what else the server has stays."""
        if version is None:
            return super().clear()
        self._delete_matching("*", version)
        return True

    def get_or_set(  # type: ignore[override]
        self,
        key: Any,
        default: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        lock_timeout: Any = None,
        stale_cache_timeout: Any = None,
        version: Any = None,
    ) -> Any:
        """The value at a key; if there is none, `default` (or what it returns) is put and returned.

        One caller makes it. The others wait for it, or are given the value from before, for
        `stale_cache_timeout` seconds after `timeout`: nobody is given `None`.
        """
        operations = self._operations
        made = self.make_key(key, version=version)
        if isinstance(operations, Beside):
            drive(operations.only_fresh(made, f"__fresh__{made}"))
        ttl = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        if not stale_cache_timeout or ttl is None or ttl <= 0:
            return super().get_or_set(key, default, timeout, version)
        found = self.get(key, ABSENT, version)
        if found is not ABSENT:
            return found
        load, threads = self._loader(default), operations.engine.threads
        policy = {"stale_while_revalidate": stale_cache_timeout}
        return operations.packing.unpack(drive(operations.load(made, load, ttl, threads, **policy)))

    def lock(  # type: ignore[override]
        self,
        key: Any,
        timeout: float | None = None,
        sleep: float = 0.1,
        blocking_timeout: float | None = None,
        thread_local: bool = True,
        **more: Any,
    ) -> Any:
        """A lock of redis-py. Its key is taken as it is, without prefix and version, as they do."""
        raw = raw_of(self._server_of(key).address)
        return raw.lock(
            key,
            timeout=timeout,
            sleep=sleep,
            blocking_timeout=blocking_timeout,
            thread_local=thread_local,
            **more,
        )

    def reinsert_keys(self) -> int:
        """Take over everything that they have stored and that can be read; says how much that was."""
        operations = self._operations
        if not isinstance(operations, Beside):
            return 0
        return drive(operations.old.adopt_all(operations.packing.pack))


class ShardedRedisCache(RedisCache):
    """In place of `redis_cache.ShardedRedisCache`. Values live on the first server; theirs are read on each."""

    _sharded = True


class RedisDummyCache(DummyCache):  # type: ignore[misc]  # Django has no types
    """In place of `redis_cache.RedisDummyCache`: keeps nothing."""

    def ttl(self, key: Any, version: Any = None) -> int:
        """Nothing is there."""
        return 0

    def delete_pattern(self, pattern: str, version: Any = None) -> None:
        """Nothing to do."""

    def get_or_set(
        self, key: Any, default: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None, **more: Any
    ) -> Any:
        """Make it."""
        return default() if callable(default) else default

    def reinsert_keys(self) -> None:
        """Nothing to do."""

    def persist(self, key: Any, version: Any = None) -> bool:
        """Done."""
        return True

    def expire(self, key: Any, timeout: Any, version: Any = None) -> bool:
        """Done."""
        return True
