"""`afresh.django.CacheBackend`: Django's cache API on a cache whose results stay true."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.core.cache.backends.base import (
    DEFAULT_TIMEOUT,
    MEMCACHE_MAX_KEY_LENGTH,
    BaseCache,
    default_key_func,
)

from afresh.cache import Cache
from afresh.core.entry import NEVER
from afresh.django.cache.asynchronous import AsyncFace
from afresh.django.cache.opening import OPENED
from afresh.django.cache.operations import Operations
from afresh.django.cache.packing import Packed
from afresh.django.cache.settings import settings_of
from afresh.engine.values.cells import ABSENT
from afresh.runtime.drive import drive


class CacheBackend(AsyncFace, BaseCache):  # type: ignore[misc]  # Django has no types
    """A cache for `CACHES`.

    ::

        CACHES = {"default": {"BACKEND": "afresh.django.CacheBackend", "LOCATION": "redis://localhost/0"}}

    Args:
        location: `LOCATION`.
        params: The whole entry of `CACHES`.

    Raises:
        ConfigurationError: The entry makes no sense; the message says what to write instead.
    """

    def __init__(self, location: Any, params: Mapping[str, Any]) -> None:
        super().__init__(dict(params))
        self._settings = settings_of(location, params)
        self._found: Operations | None = None
        self._own_names = type(self).make_key is not BaseCache.make_key
        self._own_rules = type(self).validate_key is not BaseCache.validate_key

    @property
    def _operations(self) -> Operations:
        """Opened when it is first used. One that was closed meanwhile is opened anew."""
        found = self._found
        if found is None or found.engine.closed:
            _, found = OPENED.cache(self._settings)
            self._found = found
        return found

    @property
    def afresh(self) -> Cache:
        """A cache of the same place, for pages and `@cached` functions. What it stores is no pickle."""
        return OPENED.beside(self._settings, self.key_prefix)

    # -- keys, times and values -----------------------------------------------------------------

    def make_and_validate_key(self, key: Any, version: Any = None) -> Any:
        """What a key is called in the cache."""
        made: Any
        if self._own_names or self.key_func is not default_key_func:
            made = self.make_key(key, version=version)
        else:  # what these two would make of it, without their calls
            made = "%s:%s:%s" % (self.key_prefix, self.version if version is None else version, key)  # noqa: UP031
        if self._own_rules or len(made) > MEMCACHE_MAX_KEY_LENGTH or " " in made or not made.isprintable():
            self.validate_key(made)  # Django's own search for the same takes a tenth of a hit's time
        return made

    def _until(self, timeout: Any) -> float:
        """When a value expires that is put now."""
        ttl = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return NEVER if ttl is None else self._operations.engine.now() + ttl

    def _unpacked(self, packed: Any, default: Any) -> Any:
        if packed is ABSENT:
            return default
        operations = self._operations
        try:
            return operations.packing.unpack(packed)
        except Exception as error:  # most often of a class that another version of the program has
            operations.engine.damaged("", f"{type(error).__name__}: {error}")
            return default

    def _made(self, keys: Iterable[Any], version: Any) -> dict[str, Any]:
        """Keys by what they are called in the cache."""
        return {self.make_and_validate_key(key, version=version): key for key in keys}

    def _packed(self, data: Mapping[Any, Any], version: Any) -> dict[str, Any]:
        pack = self._operations.packing.pack
        return {self.make_and_validate_key(key, version=version): pack(value) for key, value in data.items()}

    def _increment(self, key: Any, delta: Any) -> Callable[[Any], Any]:
        packing = self._operations.packing
        return lambda packed: packing.pack(packing.unpack(packed) + delta)

    def _incremented(self, key: Any, packed: Any) -> Any:
        if packed is ABSENT:
            raise ValueError(f"Key '{key}' not found")
        return self._operations.packing.unpack(packed)

    def _loader(self, default: Any) -> Callable[[], Any]:
        """What makes the packed value of `get_or_set`."""
        pack = self._operations.packing.pack
        if inspect.iscoroutinefunction(default):

            async def load() -> Any:
                return pack(await default())

            return load
        return lambda: pack(default() if callable(default) else default)

    # -- Django's API ---------------------------------------------------------------------------

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        """The value at a key, or `default`."""
        made = self.make_and_validate_key(key, version)
        operations = self._operations
        packed = drive(operations.get(made)) if operations.owed else operations.read(made)
        if type(packed) is Packed or packed is ABSENT:
            return self._unpacked(packed, default)
        return packed

    def get_many(self, keys: Iterable[Any], version: Any = None) -> dict[Any, Any]:
        """The values that are there, by key."""
        made = self._made(keys, version)
        found = drive(self._operations.get_many(list(made)))
        values = {made[name]: self._unpacked(packed, ABSENT) for name, packed in found.items()}
        return {key: value for key, value in values.items() if value is not ABSENT}

    def has_key(self, key: Any, version: Any = None) -> bool:
        """Whether there is a value."""
        return self.get(key, ABSENT, version=version) is not ABSENT

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> None:
        """Put a value."""
        drive(self._operations.put(self._packed({key: value}, version), self._until(timeout)))

    def set_many(
        self, data: Mapping[Any, Any], timeout: Any = DEFAULT_TIMEOUT, version: Any = None
    ) -> list[Any]:
        """Put values; returns the keys of those that are not there now."""
        if not data:
            return []
        done = drive(self._operations.put(self._packed(data, version), self._until(timeout)))
        return [] if done else list(data)

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> bool:
        """Put a value if there is none; says whether it did."""
        ((made, packed),) = self._packed({key: value}, version).items()
        return drive(self._operations.add(made, packed, self._until(timeout)))

    def get_or_set(self, key: Any, default: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> Any:
        """The value at a key; if there is none, `default` (or what it returns) is put and returned.

        However many threads, tasks and processes miss at once, `default` is called once.
        """
        found = self.get(key, ABSENT, version=version)
        if found is not ABSENT:
            return found
        made = self.make_and_validate_key(key, version=version)
        operations = self._operations
        ttl = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        if ttl is not None and ttl <= 0:
            return default() if callable(default) else default
        load, threads = self._loader(default), operations.engine.threads
        value = self._unpacked(drive(operations.load(made, load, ttl, threads)), ABSENT)
        if value is ABSENT:  # what is there can't be read here
            drive(operations.delete([made]))
            return operations.packing.unpack(drive(operations.load(made, load, ttl, threads)))
        return value

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> bool:
        """Give a value another expiry; says whether it was there."""
        made = self.make_and_validate_key(key, version=version)
        return drive(self._operations.touch(made, self._until(timeout)))

    def incr(self, key: Any, delta: Any = 1, version: Any = None) -> Any:
        """Add to a number and return it. Atomic; its expiry stays.

        Raises:
            ValueError: There is none.
        """
        made = self.make_and_validate_key(key, version=version)
        return self._incremented(key, drive(self._operations.change(made, self._increment(key, delta))))

    def delete(self, key: Any, version: Any = None) -> bool:
        """Remove a value; says whether it was there."""
        return drive(self._operations.delete([self.make_and_validate_key(key, version=version)])) > 0

    def delete_many(self, keys: Iterable[Any], version: Any = None) -> None:
        """Remove values."""
        drive(self._operations.delete(list(self._made(keys, version))))

    def incr_version(self, key: Any, delta: int = 1, version: Any = None) -> Any:
        """Move a value to another version, and return that. Its expiry stays.

        Raises:
            ValueError: There is none.
        """
        old = self.version if version is None else version
        names = [self.make_and_validate_key(key, version=each) for each in (old, old + delta)]
        if not drive(self._operations.move(*names)):
            raise ValueError(f"Key '{key}' not found")
        return old + delta

    def clear(self) -> bool:
        """Remove all values of this cache's namespace, whatever their version and prefix."""
        drive(self._operations.clear())
        return True

    def close(self, **kwargs: Any) -> None:
        """Nothing: Django calls it after each request, and connections are kept for the next."""
