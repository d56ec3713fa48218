"""What the drop-ins for both libraries have in common: our backend, their keys, their further methods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary, finalize

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from afresh.cache import Cache
from afresh.core.tags import tag
from afresh.django.cache.backend import CacheBackend
from afresh.django.cache.opening import OPENED
from afresh.django.cache.operations import Operations
from afresh.django.cache.settings import settings_of
from afresh.django.dropin.beside import Beside
from afresh.django.dropin.client import ClientFace, raw_of
from afresh.django.dropin.commands import MadeKey
from afresh.django.dropin.expiring import Expiring
from afresh.django.dropin.formats import format_of
from afresh.django.dropin.hashes import Hashes
from afresh.django.dropin.old import OldValues
from afresh.django.dropin.patterns import Patterns, reverse_of
from afresh.django.dropin.scanning import escaped
from afresh.django.dropin.sets import Sets
from afresh.django.dropin.shards import Servers, Shard
from afresh.django.dropin.sorted_sets import SortedSets
from afresh.django.dropin.translated import Translated
from afresh.engine.values.cells import ABSENT
from afresh.engine.values.plain import ABSTAIN
from afresh.runtime.drive import drive

_BESIDE: WeakKeyDictionary[Operations, dict[tuple[Any, ...], Beside]] = WeakKeyDictionary()
"""One for all threads of a process: what is owed to the server is owed by all of them."""


class DropIn(Expiring, Patterns, Sets, Hashes, SortedSets, CacheBackend):
    """A cache of `CACHES` in the words of another library.

    Args:
        translated: Its entry, in ours.
    """

    def __init__(self, translated: Translated, params: Mapping[str, Any]) -> None:
        super().__init__(translated.location, translated.params)
        options = params.get("OPTIONS") or {}
        self._translated = translated
        self._form = format_of(translated.serializer, translated.compressor, options, translated.pickles)
        self._reverse = reverse_of(params.get("REVERSE_KEY_FUNCTION"))
        self._held: tuple[Operations, Beside] | None = None

    @property
    def _operations(self) -> Operations:
        own = super()._operations
        if self._held is None or self._held[0] is not own:
            if getattr(own.engine.store, "client", None) is None:
                return own
            self._held = own, self._beside(own)
        return self._held[1]

    def _beside(self, own: Operations) -> Beside:
        translated = self._translated
        everything = str(self.key_func("*", escaped(self.key_prefix), "*"))
        identity = (
            everything,
            translated.serializer,
            translated.compressor,
            translated.pickles,
            translated.old,
        )
        known = _BESIDE.setdefault(own, {})
        if identity not in known:
            client: Any = own.engine.store.client  # type: ignore[union-attr]
            pickles = translated.pickles is not None
            servers = Servers(client, self._shards(), translated.ring)
            finalize(own, servers.close)
            old = OldValues(own.engine, servers, self._form, pickles=pickles, everything=everything)
            known[identity] = Beside(own, old, reads=translated.old)
        return known[identity]

    def _shards(self) -> list[Shard]:
        """Their servers, reached as ours is."""
        params = self._translated.params
        return [
            Shard(node, dict(settings_of(url, params).arguments)["url"])
            for node, url in self._translated.shards
        ]

    @property
    def client(self) -> ClientFace:
        """The way to the server itself."""
        return ClientFace(self)

    # -- keys -------------------------------------------------------------------------------------

    def make_key(self, key: Any, version: Any = None) -> str:
        """See Django's; a key that was made already stays."""
        return key if isinstance(key, MadeKey) else str(super().make_key(key, version=version))

    def make_and_validate_key(self, key: Any, version: Any = None) -> str:
        """Every key is valid here."""
        return self.make_key(key, version=version)

    def prefixed_key(self, key: Any, version: Any = None, prefix: Any = None) -> str:
        """`make_key` with another prefix."""
        if prefix is None or isinstance(key, MadeKey):
            return self.make_key(key, version=version)
        return str(self.key_func(key, prefix, self.version if version is None else version))

    # -- Django's API, with what both libraries add to it -------------------------------------------

    def __contains__(self, key: Any) -> bool:
        return self.has_key(key)

    def get(self, key: Any, default: Any = None, version: Any = None, client: Any = None) -> Any:
        """See `CacheBackend`."""
        return super().get(key, default, version)

    def get_many(self, keys: Iterable[Any], version: Any = None, client: Any = None) -> dict[Any, Any]:
        """See `CacheBackend`."""
        return super().get_many(keys, version)

    def set(  # type: ignore[override]
        self,
        key: Any,
        value: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: Any = None,
        client: Any = None,
        nx: bool = False,
        xx: bool = False,
        tags: Sequence[str] = (),
    ) -> bool:
        """Put a value; says whether it is there now.

        Args:
            key: Where.
            value: The value.
            timeout: Seconds, 0.5 too; `None` for no limit.
            version: Of the key.
            client: Makes no difference.
            nx: Only where there is none.
            xx: Only where there is one.
            tags: Names by which `delete_tag` removes it.
        """
        if nx and xx:
            return False
        if nx:
            return self.add(key, value, timeout, version)
        packed = self._packed({key: value}, version)
        until = self._until(timeout)
        if not xx:
            return drive(self._operations.put(packed, until, [tag(each) for each in tags]))
        made = self.make_key(key, version=version)
        if not self.has_key(key, version):
            return False
        return drive(self._replace(made, packed[made], until))

    async def _replace(self, made: str, packed: Any, until: float) -> bool:
        """Put a value where there is one still: what goes meanwhile stays away."""
        operations = self._operations
        if isinstance(operations, Beside) and not await operations.old.adopt(made, operations.packing.pack):
            return False
        done = await operations.plain.mutate(
            made, lambda there: ABSTAIN if there is ABSENT else packed, until=until
        )
        return done is not ABSTAIN

    def set_many(
        self,
        data: Mapping[Any, Any],
        timeout: Any = DEFAULT_TIMEOUT,
        version: Any = None,
        client: Any = None,
        herd: bool = True,
    ) -> list[Any]:
        """See `CacheBackend`."""
        return super().set_many(data, timeout, version)

    def add(
        self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None, client: Any = None
    ) -> bool:
        """See `CacheBackend`."""
        until = self._until(timeout)
        if until <= self._operations.engine.now():  # it would be gone at once: nothing is removed for it
            return not self.has_key(key, version)
        return super().add(key, value, timeout, version)

    def has_key(self, key: Any, version: Any = None, client: Any = None) -> bool:
        """Whether there is a value, or a set or a hash too."""
        operations = self._operations
        if isinstance(operations, Beside):
            return drive(operations.there(self.make_key(key, version=version)))
        return super().has_key(key, version)

    def touch(
        self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None, client: Any = None
    ) -> bool:
        """See `CacheBackend`."""
        return super().touch(key, timeout, version)

    def incr(
        self,
        key: Any,
        delta: int = 1,
        version: Any = None,
        client: Any = None,
        ignore_key_check: bool = False,
    ) -> Any:
        """Add to a number and return it. Atomic; its expiry stays. `ignore_key_check`: where none is, `delta` is put."""
        while True:
            try:
                return super().incr(key, delta, version)
            except ValueError:
                if not ignore_key_check:
                    raise
                if self.add(key, delta, None, version):
                    return delta
                if not self.has_key(key, version):
                    raise

    def decr(self, key: Any, delta: int = 1, version: Any = None, client: Any = None) -> Any:
        """See `incr`."""
        return self.incr(key, -delta, version)

    def incr_version(self, key: Any, delta: int = 1, version: Any = None, client: Any = None) -> Any:
        """See `CacheBackend`."""
        return super().incr_version(key, delta, version)

    def delete(self, key: Any, version: Any = None, prefix: Any = None, client: Any = None) -> bool:
        """Remove a value, a set, a hash …; says whether it was there."""
        return drive(self._operations.delete([self.prefixed_key(key, version, prefix)])) > 0

    def delete_many(  # type: ignore[override]
        self, keys: Iterable[Any], version: Any = None, client: Any = None
    ) -> int:
        """Remove values; says how many were there."""
        return drive(self._operations.delete(list(self._made(keys, version))))

    def delete_tag(self, *tags: str) -> None:
        """Remove everything that was put with one of these tags, wherever it was put."""
        cache: Cache = OPENED.cache(self._settings)[0]
        cache.invalidate(*(tag(each) for each in tags))

    # -- locks --------------------------------------------------------------------------------------

    def lock(
        self,
        key: Any,
        version: Any = None,
        timeout: float | None = None,
        sleep: float = 0.1,
        blocking: bool = True,
        blocking_timeout: float | None = None,
        client: Any = None,
        thread_local: bool = True,
    ) -> Any:
        """A lock of redis-py, at the key where workers of the other library have it."""
        made = self.make_key(key, version=version)
        raw = raw_of(self._server_of(made).address) if client is None else client
        return raw.lock(
            made,
            timeout=timeout,
            sleep=sleep,
            blocking=blocking,
            blocking_timeout=blocking_timeout,
            thread_local=thread_local,
        )
