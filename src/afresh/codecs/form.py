"""How the values of one declared type are written: MessagePack, with extension types where it is lossy.

Exactness is decided while walking the value, by exact type: what isn't known is refused, so nothing
has to be decoded again to see whether it came through. Equal objects that were one and the same
inside of a value come back as two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.msgpack import Decoder, Encoder, Ext

from afresh.codecs.extensions import (
    ARRAY,
    BIG_INT,
    EXTENSIONS,
    OBJECT,
    PAIRS,
    SURROGATES,
    Extension,
    int_bytes,
    int_from,
    text_bytes,
    text_from,
)
from afresh.codecs.registry import registered, registered_as
from afresh.codecs.schema import Schema
from afresh.codecs.shapes import Shape
from afresh.errors import UncacheableValue

_NATIVE = frozenset({type(None), bool, int, float, str, bytes})
_NATIVE_KEYS = frozenset({int, str})
_DEEPEST = 100
_LARGEST_INT = 2**64
_SMALLEST_INT = -(2**63)

_BY_TYPE: dict[type, Extension] = {each.kind: each for each in EXTENSIONS}
_encode = Encoder().encode


class Form:
    """The form of one declared type.

    Args:
        declared: A type, as an annotation says it; `Any` for none.

    Attributes:
        digest: Changes with the shape of the declared type.
    """

    def __init__(self, declared: Any) -> None:
        self._schema = Schema(declared)
        self.digest = self._schema.digest
        self._decode = Decoder(ext_hook=self._unpack).decode
        self._makers: dict[int, Callable[[memoryview], Any]] = {
            each.code: each.make if each.raw else self._inner(each.make) for each in EXTENSIONS
        }
        self._makers[BIG_INT] = int_from
        self._makers[SURROGATES] = text_from
        self._makers[PAIRS] = self._inner(dict)
        self._makers[OBJECT] = self._inner(self._make_object)
        self._makers[ARRAY] = self._inner(_make_array)

    def encode(self, value: Any) -> bytes:
        """Encode a value.

        Raises:
            UncacheableValue: It holds something that would not come back as it was.
        """
        try:
            return _encode(value if type(value) in _NATIVE else self._pack(value, 0))
        except (OverflowError, UnicodeEncodeError):
            # An integer beyond 64 bits or a lone surrogate somewhere: worth a second, slower walk.
            return _encode(self._pack(value, 0, careful=True))

    def decode(self, data: bytes | memoryview) -> Any:
        """Decode what `encode` wrote."""
        return self._decode(data)

    def _pack(self, value: Any, depth: int, *, careful: bool = False) -> Any:
        kind = type(value)
        if kind in _NATIVE:
            return _pack_plain(value, kind) if careful else value
        if depth > _DEEPEST:
            raise UncacheableValue(f"a value is nested more than {_DEEPEST} deep, or contains itself.")
        if kind is list:
            return self._pack_items(value, depth, careful)
        if kind is dict:
            return self._pack_dict(value, depth, careful)
        extension = _BY_TYPE.get(kind)
        if extension is None:
            return self._pack_object(value, kind, depth, careful)
        content = extension.take(value)
        if not extension.raw:
            content = _encode(self._pack_items(content, depth, careful))
        return Ext(extension.code, content)

    def _pack_items(self, items: list[Any], depth: int, careful: bool) -> list[Any]:
        if not careful and _NATIVE.issuperset(map(type, items)):
            return items
        pack = self._pack
        return [pack(item, depth + 1, careful=careful) for item in items]

    def _pack_dict(self, value: dict[Any, Any], depth: int, careful: bool) -> Any:
        if not careful and _NATIVE_KEYS.issuperset(map(type, value)):
            if _NATIVE.issuperset(map(type, value.values())):
                return value
            pack = self._pack
            return {key: pack(item, depth + 1) for key, item in value.items()}
        pairs = [self._pack_items(list(pair), depth + 1, careful) for pair in value.items()]
        return Ext(PAIRS, _encode(pairs))

    def _pack_object(self, value: Any, kind: type, depth: int, careful: bool) -> Ext:
        shape = self._schema.by_type.get(kind) or registered(kind)
        if shape is None and kind.__module__ == "numpy":
            return _pack_numpy(value)
        if shape is None:
            raise UncacheableValue(_why_not(kind))
        state = self._pack(shape.take(value), depth + 1, careful=careful)
        return Ext(OBJECT, _encode([shape.name, state]))

    def _make_object(self, content: Any) -> Any:
        name, state = content
        shape: Shape | None = self._schema.by_name.get(name) or registered_as(name)
        if shape is None:
            raise ValueError(f"it holds a {name!r}, which is neither declared nor registered here")
        return shape.make(state)

    def _inner(self, make: Callable[[Any], Any]) -> Callable[[memoryview], Any]:
        return lambda data: make(self._decode(data))

    def _unpack(self, code: int, data: memoryview) -> Any:
        return self._makers[code](data)


def _pack_numpy(value: Any) -> Ext:
    from afresh.codecs.arrays import take

    return Ext(ARRAY, _encode(take(value)))


def _make_array(content: Any) -> Any:
    from afresh.codecs.arrays import make

    return make(content)


def _pack_plain(value: Any, kind: type) -> Any:
    if kind is int and not _SMALLEST_INT <= value < _LARGEST_INT:
        return Ext(BIG_INT, int_bytes(value))
    if kind is str:
        try:
            value.encode()
        except UnicodeEncodeError:
            return Ext(SURROGATES, text_bytes(value))
    return value


def _why_not(kind: type) -> str:
    name = f"{kind.__module__}.{kind.__qualname__}"
    for base in (dict, list, str, bytes, int, float, tuple, set, frozenset):
        if issubclass(kind, base):
            return (
                f"a {name} would come back as a plain {base.__name__}: annotate the function with it where "
                f"it is an enum or a named tuple, or afresh.codecs.register({kind.__qualname__}, encode, decode)."
            )
    return (
        f"a {name} can't be stored: annotate the function with exactly this class (not with a base of it) if it "
        f"is a dataclass, enum, named tuple, msgspec Struct or pydantic model, "
        f"or afresh.codecs.register({kind.__qualname__}, encode, decode)."
    )
