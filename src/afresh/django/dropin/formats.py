"""How both libraries turned values into bytes: serializer, then compressor; integers are digits."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from typing import Any, NamedTuple

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.module_loading import import_string

from afresh.django.dropin.compressors import COMPRESSORS
from afresh.django.dropin.pickles import loads as unpickled
from afresh.errors import ConfigurationError, UncacheableValue

PICKLE = ("django_redis.serializers.pickle.PickleSerializer", "redis_cache.serializers.PickleSerializer")
JSON = ("django_redis.serializers.json.JSONSerializer", "redis_cache.serializers.JSONSerializer")
MSGPACK = ("django_redis.serializers.msgpack.MSGPackSerializer", "redis_cache.serializers.MSGPackSerializer")
YAML = ("redis_cache.serializers.YAMLSerializer",)
PLAIN = ("django_redis.compressors.identity.IdentityCompressor", "redis_cache.compressors.NoopCompressor")
TEXT = ("redis_cache.serializers.DummySerializer",)


class Format(NamedTuple):
    """How a value is stored.

    Attributes:
        dumps: Value to bytes, before they are compressed.
        loads: And back.
        compress: Bytes to what is stored.
        decompress: And back.
        shortest: What is no longer isn't compressed.
        pickled: Reading it is a choice.
        compressed: What is stored isn't what was serialized.
    """

    dumps: Callable[[Any], bytes]
    loads: Callable[[bytes], Any]
    compress: Callable[[bytes], bytes]
    decompress: Callable[[bytes], bytes]
    shortest: int
    pickled: bool
    compressed: bool

    def encode(self, value: Any, *, digits: bool = True) -> bytes | int:
        """What they would have stored for a value."""
        if digits and isinstance(value, int) and not isinstance(value, (bool, Enum)):
            return value
        data = self.dumps(value)
        return self.compress(data) if len(data) > self.shortest else data

    def decode(self, stored: bytes) -> Any:
        """The value that was stored.

        Raises:
            Exception: It can't be read, or may not be.
        """
        with suppress(ValueError):
            return int(stored)
        data = stored
        with suppress(Exception):  # too short to have been compressed
            data = self.decompress(stored)
        return self.loads(data)


def format_of(
    serializer: str, compressor: str, options: Mapping[str, Any], allowed: frozenset[str] | None
) -> Format:
    """The format of a serializer and a compressor, by their dotted paths.

    Args:
        serializer: Theirs, or one of the project's own.
        compressor: Likewise.
        options: What one of the project's own is made with.
        allowed: What may be unpickled.
    """
    dumps, loads = _serializer(serializer, options, allowed)
    if compressor in COMPRESSORS:
        compress, decompress, shortest = COMPRESSORS[compressor]
        compress(b"")  # says now what has to be installed
    else:
        own = made(compressor, options)
        compress, decompress, shortest = own.compress, own.decompress, -1
    return Format(dumps, loads, compress, decompress, shortest, serializer in PICKLE, compressor not in PLAIN)


def _serializer(
    path: str, options: Mapping[str, Any], allowed: frozenset[str] | None
) -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
    if path in PICKLE:
        bounds = allowed or frozenset()
        return lambda value: _pickled(value, bounds), lambda data: unpickled(data, bounds)
    if path in JSON:
        return lambda value: json.dumps(value, cls=DjangoJSONEncoder).encode(), json.loads
    if path in MSGPACK:
        import msgspec

        return msgspec.msgpack.encode, msgspec.msgpack.decode
    if path in YAML:
        return _no_yaml, _no_yaml
    if path in TEXT:
        return lambda value: str(value).encode(), bytes
    own = made(path, options)
    if hasattr(own, "serialize"):
        return own.serialize, own.deserialize
    return own.dumps, own.loads


def _no_yaml(_: Any) -> Any:
    raise UncacheableValue("YAML is neither read nor written here: what was stored as YAML is made anew.")


def _pickled(value: Any, allowed: frozenset[str]) -> bytes:
    data = pickle.dumps(value)
    try:
        unpickled(data, allowed)
    except pickle.UnpicklingError as error:  # nobody could read it here
        raise UncacheableValue(str(error)) from error
    return data


def made(path: Any, options: Mapping[str, Any]) -> Any:
    """A serializer or compressor of the project's own.

    Raises:
        ConfigurationError: There is none of this name.
    """
    try:
        kind = import_string(path) if isinstance(path, str) else path
    except ImportError as error:
        raise ConfigurationError(f"{path!r} can't be imported: {error}.") from error
    try:
        return kind(options=dict(options))
    except TypeError:
        return kind()
