"""`cache.client`, as django-redis has it: the way to the server itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from afresh.backends.redis.raw import raw_client
from afresh.django.dropin.commands import MadeKey

if TYPE_CHECKING:
    from afresh.backends.redis.address import Address
    from afresh.django.dropin.backend import DropIn

_RAW: dict[Address, Any] = {}


def raw_of(address: Address) -> Any:
    """A client of redis-py for this address: one in each process."""
    found = _RAW.get(address)
    if found is None:
        found = _RAW.setdefault(address, raw_client(address))
    return found


class ClientFace:
    """What else is asked of it, the cache answers.

    Args:
        backend: The cache.
    """

    def __init__(self, backend: DropIn) -> None:
        self._backend = backend

    def get_client(self, write: bool = True, tried: Any = None) -> Any:
        """A client of redis-py, connected to the primary."""
        return raw_of(self._backend._server.address)

    def make_key(self, key: Any, version: Any = None, prefix: Any = None) -> MadeKey:
        """The key as the server has it, for whatever isn't a cached value; the cache takes it as it is."""
        return MadeKey(self._backend.prefixed_key(key, version, prefix))

    def encode(self, value: Any, allow_int: bool = True) -> bytes | int:
        """What the other library would have stored."""
        return self._backend._form.encode(value, digits=allow_int)

    def decode(self, value: Any) -> Any:
        """The value again."""
        return self._backend._form.decode(value)

    def reverse_key(self, key: str) -> str:
        """A made key as it was before."""
        return str(self._backend._reverse(key))

    def __contains__(self, key: Any) -> bool:
        return self._backend.has_key(key)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


def get_redis_connection(alias: str = "default", write: bool = True) -> Any:
    """A client of redis-py for the server of a cache in `CACHES`.

    Raises:
        NotImplementedError: That cache is on no Redis.
    """
    from django.core.cache import caches

    client = getattr(caches[alias], "client", None)
    if client is None:
        raise NotImplementedError("This backend does not support this feature")
    return client.get_client(write)
