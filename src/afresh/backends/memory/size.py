"""How much memory a value takes: an estimate that is quick on large values and honest on small ones.

`sys.getsizeof` is exact for one object and blind to what it refers to, so containers and
instances are followed, with three limits:

* an object that is reached twice counts once;
* of a long container a few items are looked at, and their mean stands for the rest, fewer the
  deeper they lie, so that no value costs more than some thousand looks;
* what is shared by nature (types, functions, modules) counts nothing beyond itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from sys import getsizeof
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

_FLAT = frozenset({int, float, complex, bool, str, bytes, bytearray, type(None), range})
_SHARED = (type, FunctionType, BuiltinFunctionType, MethodType, ModuleType)
_CONTAINERS = (dict, list, tuple, set, frozenset, deque)
_LOOKS = (32, 16, 4, 2, 1, 1, 1, 1)
"""How many items of a container are looked at, by its depth within the value."""
_UNKNOWN = 64
"""Bytes for an object that does not know its own size."""


def deep_size(value: object) -> int:
    """Estimate the bytes that `value` keeps alive."""
    return getsizeof(value) if type(value) in _FLAT else _size(value, set(), 0)


def _size(value: object, counted: set[int], depth: int) -> int:
    kind = type(value)
    if kind in _FLAT and kind is not str:
        return getsizeof(value)
    if id(value) in counted:
        return 0
    counted.add(id(value))
    if kind is str:  # the keys of many dictionaries are most often the same few strings
        return getsizeof(value)
    own = getsizeof(value, _UNKNOWN)
    if hasattr(kind, "nbytes"):  # arrays and buffers: a view does not count what it shows
        shown = value.nbytes  # type: ignore[attr-defined]
        return max(own, shown) if isinstance(shown, int) else own
    if isinstance(value, _SHARED) or depth == len(_LOOKS):
        return own
    if isinstance(value, _CONTAINERS):
        own += _items_size(value, counted, depth)
    for attribute in _attributes(value):
        own += _size(attribute, counted, depth + 1)
    return own


def _items_size(value: Any, counted: set[int], depth: int) -> int:
    picked: list[object] = []
    # Another thread may be changing the value: then what was picked so far has to do.
    with suppress(RuntimeError):
        picked.extend(_pick(value, _LOOKS[depth]))
    if not picked:
        return 0
    found = sum(_size(item, counted, depth + 1) for item in picked)
    length = len(value) * 2 if isinstance(value, dict) else len(value)
    return found * max(length, len(picked)) // len(picked)


def _pick(value: Any, looks: int) -> Iterable[object]:
    """Some items of a container, by the builtin's own methods: no subclass's code runs here."""
    if isinstance(value, dict):
        return [part for pair in islice(dict.items(value), looks) for part in pair]
    step = -(-len(value) // looks) or 1
    if isinstance(value, list):
        return list.__getitem__(value, slice(None, None, step))
    if isinstance(value, tuple):
        return tuple.__getitem__(value, slice(None, None, step))
    kind: Any = next(each for each in (set, frozenset, deque) if isinstance(value, each))
    return islice(kind.__iter__(value), looks)


def _attributes(value: object) -> Iterator[object]:
    """What an instance refers to by `__dict__`, `__slots__` or the fields of a msgspec Struct.

    Everything is read past the instance's own `__getattr__`: a proxy must not wake up here.
    """
    kind = type(value)
    names: list[str] = list(getattr(kind, "__struct_fields__", ()))
    for each in () if names else kind.__mro__:
        slots = each.__dict__.get("__slots__", ())
        names += [slots] if isinstance(slots, str) else slots
    if kind.__dictoffset__ and "__dict__" not in names:
        names.append("__dict__")
    for name in names:
        with suppress(AttributeError):
            if name != "__weakref__":
                yield object.__getattribute__(value, name)
