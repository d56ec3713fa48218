"""How instances of one class are taken apart and put together again, exactly.

A class is known because an annotation or the application declares it. The data only says which of
the known ones is meant; nothing is ever looked up or imported by a name that stands in the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum, Flag
from types import MemberDescriptorType
from typing import Any, Protocol

from afresh.errors import UncacheableValue

HEAP_TYPE = 1 << 9
"""Py_TPFLAGS_HEAPTYPE: made by a `class` statement, so it adds no state in C."""


class Shape(Protocol):
    """How instances of exactly `kind` are stored, under `name`."""

    kind: type
    name: str

    def take(self, value: Any, /) -> Any:
        """What has to be stored, of builtins and other values that can be."""

    def make(self, state: Any, /) -> Any:
        """The value again."""


def shape_of(kind: Any, name: str | None = None) -> Shape | None:
    """How instances of a class can be stored; `None` when that can't be told."""
    name = name or f"{kind.__module__}.{kind.__qualname__}"
    if issubclass(kind, Enum):
        return EnumShape(kind, name)
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return NamedTupleShape(kind, name)
    if hasattr(kind, "__struct_fields__"):
        return StructShape(kind, name)
    if (
        hasattr(kind, "__pydantic_validator__")
        and hasattr(kind, "__getstate__")
        and hasattr(kind, "model_fields")
    ):
        return PydanticShape(kind, name)
    if "__dataclass_fields__" in vars(kind) and all(map(_is_plain, kind.__mro__[:-1])):
        return DataclassShape(kind, name)
    return None


def _is_plain(base: type) -> bool:
    return bool(base.__flags__ & HEAP_TYPE)


class Converted:
    """By two functions of the application."""

    def __init__(
        self, kind: type, encode: Callable[[Any], Any], decode: Callable[[Any], Any], name: str | None
    ) -> None:
        self.kind = kind
        self.name = name or f"{kind.__module__}.{kind.__qualname__}"
        self.take = encode
        self.make = decode


class EnumShape:
    """A member by its name; a flag, whose members are combined, by its value."""

    def __init__(self, kind: type[Enum], name: str) -> None:
        self.kind, self.name = kind, name
        self._members = kind.__members__
        self._is_flag = issubclass(kind, Flag)

    def take(self, value: Any) -> Any:
        """The name, or a flag's value."""
        return value._value_ if self._is_flag else value._name_

    def make(self, state: Any) -> Any:
        """The member itself."""
        return self.kind(state) if self._is_flag else self._members[state]


class NamedTupleShape:
    """A named tuple by its items."""

    def __init__(self, kind: type, name: str) -> None:
        self.kind, self.name = kind, name
        self._length = len(kind._fields)  # type: ignore[attr-defined]

    def take(self, value: Any) -> Any:
        """The items."""
        if getattr(value, "__dict__", None):
            raise UncacheableValue(f"a {self.name} has attributes beside its items: {list(vars(value))}.")
        return list(value)

    def make(self, state: Any) -> Any:
        """Without the class's own `__new__`."""
        if len(state) != self._length:
            raise ValueError(f"a {self.name} of {len(state)} items")
        return tuple.__new__(self.kind, state)


class DataclassShape:
    """A dataclass by the attributes it has, whatever `init=False` and `__post_init__` made of them."""

    def __init__(self, kind: type, name: str) -> None:
        self.kind, self.name = kind, name
        self._slots = dict(_slots(kind))
        self._has_dict = any("__dict__" in vars(base) for base in kind.__mro__)
        self._names = [] if self._slots else list(kind.__dataclass_fields__)  # type: ignore[attr-defined]

    def take(self, value: Any) -> Any:
        """The values alone where the attributes are the fields in order, else by name."""
        if not self._slots:
            state = value.__dict__
            return list(state.values()) if list(state) == self._names else dict(state)
        state = dict(value.__dict__) if self._has_dict else {}
        for name, slot in self._slots.items():
            try:
                state[name] = slot.__get__(value)
            except AttributeError:  # a slot that was never filled
                continue
        return state

    def make(self, state: Any) -> Any:
        """Without `__init__`, so without `__post_init__`."""
        if type(state) is list:
            state = dict(zip(self._names, state, strict=True))
        value: Any = object.__new__(self.kind)
        for name, slot in self._slots.items():
            if name in state:
                slot.__set__(value, state.pop(name))
        if self._has_dict:
            value.__dict__.update(state)
        elif state:
            raise ValueError(f"a {self.name} has no attributes {list(state)}")
        return value


def _slots(kind: type) -> Iterator[tuple[str, MemberDescriptorType]]:
    for base in kind.__mro__:
        for name, member in vars(base).items():
            if type(member) is MemberDescriptorType:
                yield name, member


class StructShape:
    """A msgspec Struct by its fields. `__post_init__` runs, but the fields end as they were."""

    def __init__(self, kind: Any, name: str) -> None:
        from msgspec.structs import force_setattr

        self.kind, self.name = kind, name
        self._names: tuple[str, ...] = kind.__struct_fields__
        self._set = force_setattr
        self._runs_code = hasattr(kind, "__post_init__")

    def take(self, value: Any) -> Any:
        """The fields' values."""
        fields = [getattr(value, name) for name in self._names]
        more = getattr(value, "__dict__", None)
        return [fields, dict(more)] if more else [fields]

    def make(self, state: Any) -> Any:
        """By its constructor."""
        fields = dict(zip(self._names, state[0], strict=True))
        value = self.kind(**fields)
        if self._runs_code:
            for name, item in fields.items():
                self._set(value, name, item)
        if len(state) > 1:
            value.__dict__.update(state[1])
        return value


class PydanticShape:
    """A pydantic model by its state, without validating it again (which could change it)."""

    def __init__(self, kind: Any, name: str) -> None:
        self.kind, self.name = kind, name

    def take(self, value: Any) -> Any:
        """Fields, extra fields, private attributes, and which fields were set."""
        private = value.__pydantic_private__
        return [
            dict(value.__dict__),
            value.__pydantic_extra__,
            None if private is None else dict(private),
            sorted(value.__pydantic_fields_set__),
        ]

    def make(self, state: Any) -> Any:
        """By what pydantic itself does to copy a model."""
        fields, extra, private, given = state
        value: Any = self.kind.__new__(self.kind)
        object.__setattr__(value, "__dict__", fields)
        object.__setattr__(value, "__pydantic_extra__", extra)
        object.__setattr__(value, "__pydantic_private__", private)
        object.__setattr__(value, "__pydantic_fields_set__", set(given))
        return value
