"""Types that the application registered, beside those that annotations declare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from afresh.codecs.schema import Schema
from afresh.codecs.shapes import Converted, Shape
from afresh.errors import ConfigurationError

T = TypeVar("T")

_by_type: dict[type, Shape] = {}
_by_name: dict[str, Shape] = {}


@overload
def register(kind: type[T], *, name: str | None = None) -> None: ...


@overload
def register(
    kind: type[T], encode: Callable[[T], Any], decode: Callable[[Any], T], *, name: str | None = None
) -> None: ...


def register(
    kind: type[Any],
    encode: Callable[[Any], Any] | None = None,
    decode: Callable[[Any], Any] | None = None,
    *,
    name: str | None = None,
) -> None:
    """Let values of this type be stored wherever they turn up, without an annotation.

    Every process that reads them has to register the type too; in another one they are a miss.
    Subclasses are types of their own.

    Args:
        kind: The type.
        encode: Turns a value into something that can be stored: builtins, or other such types.
            Not needed for dataclasses, named tuples, enums, msgspec Structs and pydantic models,
            with which the types of their fields are registered too.
        decode: Turns that back into an equal value. It must not trust what it is given more than
            whoever can write to the store.
        name: Stands in the data; by default the module and qualified name. Keep it when the class
            moves. Where the fields are known they are part of it: a value with others is a miss.

    Raises:
        ConfigurationError: There is no way to store it, or the name is another type's.
    """
    if (encode is None) != (decode is None):
        raise ConfigurationError(f"register({kind.__qualname__}): give both encode and decode, or neither.")
    if encode is not None and decode is not None:
        _add(Converted(kind, encode, decode, name))
        return
    schema = Schema(kind)
    if kind not in schema.by_type:
        raise ConfigurationError(
            f"register({kind.__qualname__}): give two functions, encode and decode; "
            f"only dataclasses, named tuples, enums, msgspec Structs and pydantic models do without."
        )
    for each, shape in schema.by_type.items():
        # No annotation tells that the fields have changed, so the name has to.
        shape.name = f"{(each is kind and name) or shape.name}#{Schema(each).digest:016x}"
        if each is kind or each not in _by_type:
            _add(shape)


def _add(shape: Shape) -> None:
    kind = shape.kind
    other = _by_name.get(shape.name)
    if other is not None and _full_name(other.kind) != _full_name(kind):  # not the same, reloaded
        raise ConfigurationError(
            f"register({kind.__qualname__}): the name {shape.name!r} is taken by {other.kind!r}."
        )
    _by_type[kind] = _by_name[shape.name] = shape


def registered(kind: type) -> Shape | None:
    """How values of this type are stored, if it was registered."""
    return _by_type.get(kind)


def registered_as(name: str) -> Shape | None:
    """How values that were stored under this name are read."""
    return _by_name.get(name)


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
