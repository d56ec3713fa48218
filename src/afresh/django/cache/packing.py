"""Values as Django's cache hands them out: a copy for each caller, as if from another process.

A value is turned into bytes before it is given to the cache, and back for each reader, so that one
who changes what he got changes nobody else's. What can't be changed is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from afresh.codecs.signature import Signer

_FIXED = frozenset({int, str, bytes, float, bool, type(None)})


class Packed(bytes):
    """A value as bytes, which are not a value themselves."""

    __slots__ = ()


class Unpacked:
    """The declared type of values that have one reader, who wants them unpacked (see `StoredCodec.decoder`)."""


class Serializer(Protocol):
    """What Django's `RedisCache` takes as its `serializer`."""

    def dumps(self, obj: Any, /) -> bytes | str | int:
        """The value as bytes, or as text; an integer may stay one."""

    def loads(self, data: Any, /) -> Any:
        """The value again."""


class Packing(NamedTuple):
    """How values become bytes.

    Attributes:
        name: For people.
        number: Stands in the envelope, so that no other way tries to read it.
        dumps: Value to bytes.
        loads: And back.
        signer: Signs what leaves the process; `None` where reading it runs nothing.
    """

    name: str
    number: int
    dumps: Callable[[Any], bytes | str | int]
    loads: Callable[[bytes], Any]
    signer: Signer | None

    def pack(self, value: Any) -> Any:
        """What is given to the cache.

        Raises:
            Exception: Whatever the serializer raises for a value that it can't take.
        """
        if type(value) in _FIXED:
            return value
        return Packed(_bytes(self.dumps(value)))

    def unpack(self, packed: Any) -> Any:
        """The value again: for each call another one.

        Raises:
            Exception: Whatever the serializer raises, if a class isn't there any more.
        """
        return self.loads(packed) if type(packed) is Packed else packed


class StoredCodec:
    """The codec of packed values: signed, where reading them could run something. See `codecs.base.Codec`."""

    def __init__(self, packing: Packing) -> None:
        self.name = packing.name
        self.number = packing.number
        self._packing = packing
        self._signer = packing.signer

    def digest(self, declared: Any) -> int:
        """A serializer has its own ways with classes that changed."""
        return 0

    def encode(self, value: Any, declared: Any = Any, key: str = "") -> bytes:
        """The packed value, for this key."""
        data = value if type(value) is Packed else _bytes(self._packing.dumps(value))
        return data if self._signer is None else self._signer.sign(key, data)

    def decoder(self, declared: Any) -> Callable[[bytes, str], Any]:
        """`decode` for one type.

        `Unpacked` saves the object between, and some calls: to unpack a value once more leaves it as it is.
        """
        if declared is not Unpacked:
            return lambda data, key: self.decode(data, declared, key)
        loads = self._packing.loads
        if self._signer is None:
            return lambda data, key: loads(data)
        verified = self._signer.verified
        return lambda data, key: loads(bytes(verified(key, data)))

    def decode(self, data: bytes | memoryview, declared: Any = Any, key: str = "") -> Packed:
        """The packed value, verified; each reader unpacks it for himself."""
        return Packed(data if self._signer is None else self._signer.verified(key, data))


def _bytes(dumped: bytes | str | int) -> bytes:
    """What a serializer made: Django's own leaves integers to the server, which writes them in digits."""
    return dumped if isinstance(dumped, bytes) else str(dumped).encode()
