"""Which classes a declared type may hold, and a digest of its shape.

`-> list[Product]` declares `Product` and what its fields are annotated with. A value that was
written when `Product` had other fields has another digest, and is a miss.
"""

from __future__ import annotations

import types
from collections.abc import Iterable
from enum import Enum
from hashlib import blake2b
from typing import Any, get_args, get_origin, get_type_hints

from afresh.codecs.shapes import Shape, shape_of


class Schema:
    """The classes that a type declares.

    Attributes:
        by_type: How instances of each are stored.
        by_name: The same by the name that stands in the data.
        digest: 64 bits that change with the shape.
    """

    __slots__ = ("by_name", "by_type", "digest")

    def __init__(self, declared: Any) -> None:
        self.by_type: dict[type, Shape] = {}
        self.by_name: dict[str, Shape] = {}
        lines: list[str] = []
        lines.append(self._describe(declared, lines))
        whole = "\n".join(lines).encode()
        self.digest = int.from_bytes(blake2b(whole, digest_size=8).digest(), "little")

    def _describe(self, declared: Any, lines: list[str]) -> str:
        """A spelling of the type; classes that it mentions add a line each."""
        origin = get_origin(declared)
        arguments = get_args(declared)
        if origin is not None or isinstance(declared, types.UnionType):
            if hasattr(declared, "__metadata__"):  # what Annotated adds is no type
                return self._describe(get_args(declared)[0], lines)
            inner = ",".join(self._describe(each, lines) for each in arguments)
            return f"{self._describe(origin, lines)}[{inner}]"
        if isinstance(declared, (list, tuple)):  # the parameters of a Callable
            return f"[{','.join(self._describe(each, lines) for each in declared)}]"
        alias = getattr(declared, "__value__", None)  # `type X = …`
        if alias is not None and hasattr(declared, "__type_params__"):
            return self._describe(alias, lines)
        if not isinstance(declared, type):
            return self._describe_special(declared, lines)
        if declared not in self.by_type:
            self._add(declared, lines)
        return f"{declared.__module__}.{declared.__qualname__}"

    def _describe_special(self, declared: Any, lines: list[str]) -> str:
        bound = getattr(declared, "__supertype__", None) or getattr(declared, "__bound__", None)
        constraints = getattr(declared, "__constraints__", ())
        inner = ",".join(self._describe(each, lines) for each in (bound, *constraints) if each is not None)
        return f"{type(declared).__name__}({inner})" if inner else _spelled(declared)

    def _add(self, kind: type, lines: list[str]) -> None:
        shape = shape_of(kind)
        if shape is None:
            return
        while shape.name in self.by_name:  # two local classes of one name: in the order of mention
            shape.name += "'"
        self.by_type[kind] = self.by_name[shape.name] = shape
        if issubclass(kind, Enum):
            members = ",".join(
                f"{name}={_spelled(member.value)}" for name, member in kind.__members__.items()
            )
            lines.append(f"{shape.name}:{members}")
            return
        fields = ",".join(
            f"{name}:{self._describe(hint, lines)}" for name, hint in _field_types(kind).items()
        )
        lines.append(f"{shape.name}:{fields}")


_FIELD_NAMES = ("model_fields", "__dataclass_fields__", "__struct_fields__", "_fields")


def _field_types(kind: Any) -> dict[str, Any]:
    given = (getattr(kind, each, None) for each in _FIELD_NAMES)
    names: Iterable[str] = next(filter(None, given), ())
    try:
        hints = get_type_hints(kind)
    except Exception:
        hints = dict(getattr(kind, "__annotations__", {}))
    return {name: hints.get(name, Any) for name in names}


def _spelled(value: object) -> str:
    """Without an address, which would be another one in each process."""
    text = repr(value)
    return type(value).__qualname__ if " at 0x" in text else text
