"""A value's state, frozen: two snapshots of one object differ iff something within it was changed.

Comparing with a deep copy would not do: `==` calls 1, 1.0 and True the same, NaN different, and knows
objects without `__eq__` by identity only. Comparing pickles misses what doesn't pickle and sees
changes where there are none. So the state is walked: containers by their items in order, everything
else by what it would hand to `copy` and `pickle` (`__reduce_ex__`), which exposes slots,
subclasses of containers, arrays and most extension types as well.

What it can't see: state that an extension type keeps from `copy` and `pickle`, and what stands behind
locks, files, generators and functions, which are known by identity. What it sees although it may be
meant: values that an object computes late and keeps in itself (`functools.cached_property`).
"""

from __future__ import annotations

import types
import warnings
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

__all__ = ["Snapshot", "difference", "snapshot"]

_ATOMS = (type(None), bool, int, str, bytes, type(Ellipsis), type(NotImplemented))
_BY_IDENTITY = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType, types.MethodType, Enum)
_DEEPEST = 200
_OF_AN_OBJECT = frozenset({"_sa_instance_state"})  # SQLAlchemy's: of this object, not of its row


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of one object.

    Attributes:
        kind: Its type.
        content: What it is, if it has no parts: comparable, and readable in a message.
        parts: Its parts, each with how Python writes the way to it.
    """

    kind: type
    content: Hashable = None
    parts: tuple[tuple[str, Snapshot], ...] = ()


def snapshot(value: object, *, identity: bool = True) -> Snapshot:
    """Freeze the state of a value.

    Args:
        value: The value.
        identity: It will be compared with later states of the same object; `False`: with another object
            that was made in the same way. What is known by identity alone is not compared then, nor is the
            order of dictionaries.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some types warn when they are asked for their state
        return _Walk(identity).of(value, 0)


def difference(before: Snapshot, after: Snapshot, path: str = "") -> str | None:
    """Where two snapshots differ first, in words; `None` if they don't."""
    if before == after:
        return None
    if before.kind is not after.kind:
        return f"{path}: {before.kind.__name__} became {after.kind.__name__}"
    if before.content != after.content:
        return f"{path}: {_short(before.content)} became {_short(after.content)}"
    for (name, old), (new_name, new) in zip(before.parts, after.parts, strict=False):
        if name != new_name:
            return f"{path}: {name} gave way to {new_name}"
        found = difference(old, new, path + name)
        if found is not None:
            return found
    return f"{path}: {len(before.parts)} parts became {len(after.parts)}"


def _short(content: object) -> str:
    text = repr(content)
    return text if len(text) <= 60 else f"{text[:57]}..."


class _Walk:
    """One pass over an object and all that it holds."""

    def __init__(self, identity: bool) -> None:
        self._identity = identity
        self._done: dict[int, Snapshot] = {}
        self._open: dict[int, int] = {}  # objects whose parts are being walked, by their depth
        self._alive: list[object] = []  # states made for us must not be freed: their ids would return

    def of(self, value: object, depth: int) -> Snapshot:
        """The state of `value`."""
        kind = type(value)
        if kind in _ATOMS:
            return Snapshot(kind, value)
        if kind is float or kind is complex:
            return Snapshot(kind, repr(value))  # NaN is NaN, and -0.0 is not 0.0
        known = id(value)
        if known in self._done:
            return self._done[known]
        if known in self._open:
            return Snapshot(kind, ("itself", depth - self._open[known]))
        if isinstance(value, _BY_IDENTITY) or depth > _DEEPEST:
            return Snapshot(kind, self._named(value))
        self._alive.append(value)
        self._open[known] = depth
        try:
            made = self._walked(value, kind, depth + 1)
        finally:
            del self._open[known]
        self._done[known] = made
        return made

    def _walked(self, value: Any, kind: type, depth: int) -> Snapshot:
        if kind is list or kind is tuple:
            return Snapshot(kind, None, tuple(self._items(value, depth)))
        if kind is dict:
            pairs = value.items() if self._identity else sorted(value.items(), key=lambda pair: repr(pair[0]))
            return Snapshot(kind, None, tuple(self._pairs(pairs, depth)))
        if kind is set or kind is frozenset:
            return Snapshot(kind, frozenset(self.of(each, depth) for each in value))
        if kind is bytearray:
            return Snapshot(kind, bytes(value))
        return self._reduced(value, kind, depth)

    def _items(self, items: Any, depth: int) -> Iterator[tuple[str, Snapshot]]:
        for index, each in enumerate(items):
            yield f"[{index}]", self.of(each, depth)

    def _pairs(self, pairs: Any, depth: int) -> Iterator[tuple[str, Snapshot]]:
        for key, each in pairs:
            if type(key) not in _ATOMS:
                yield f".keys()[{key!r}]", self.of(key, depth)
            yield f"[{key!r}]", self.of(each, depth)

    def _reduced(self, value: Any, kind: type, depth: int) -> Snapshot:
        try:
            reduced = value.__reduce_ex__(4)
        except Exception:
            reduced = None
        if isinstance(reduced, str):
            return Snapshot(kind, reduced)
        if not isinstance(reduced, tuple) or len(reduced) < 2:
            state = getattr(value, "__dict__", None)
            known = tuple(self._attributes(state, depth)) if isinstance(state, dict) else ()
            return Snapshot(kind, id(value) if self._identity else None, known)
        _, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        parts = [
            *((f".__new__{name}", part) for name, part in self._items(arguments, depth)),
            *self._state(state, depth),
            *self._items(items or (), depth),
            *self._pairs(pairs or (), depth),
        ]
        return Snapshot(kind, None, tuple(parts))

    def _state(self, state: object, depth: int) -> Iterator[tuple[str, Snapshot]]:
        if type(state) is tuple and len(state) == 2 and all(isinstance(each, dict | None) for each in state):
            for each in state:  # attributes in the dictionary, then those in slots
                yield from self._state(each, depth)
        elif isinstance(state, dict):
            yield from self._attributes(state, depth)
        elif state is not None:
            self._alive.append(state)
            yield ".__getstate__()", self.of(state, depth)

    def _attributes(self, state: dict[Any, Any], depth: int) -> Iterator[tuple[str, Snapshot]]:
        for name, each in state.items():
            if self._identity or name not in _OF_AN_OBJECT:
                yield f".{name}", self.of(each, depth)

    def _named(self, value: Any) -> Hashable:
        """How what is known by identity is known from outside."""
        return id(value) if self._identity else getattr(value, "__qualname__", None) or repr(value)
