"""Remembered exceptions: by the type's name and the arguments, for types that are known beforehand."""

from __future__ import annotations

import builtins
from types import MemberDescriptorType
from typing import Any

from afresh.codecs.form import Form
from afresh.codecs.shapes import HEAP_TYPE
from afresh.errors import UncacheableValue

_BUILTIN = {
    f"builtins.{name}": kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, Exception) and kind.__name__ == name
}
_form = Form(Any)


def encode_failure(error: BaseException, known: tuple[type[Exception], ...]) -> bytes:
    """Encode an exception, without its traceback and causes.

    Args:
        error: The exception.
        known: Types beside the builtin ones that a reader will know: exactly these.

    Raises:
        UncacheableValue: Its type is none of these, or it holds what can't be stored.
    """
    kind = type(error)
    name = _name(kind)
    if kind not in known and _BUILTIN.get(name) is not kind:
        raise UncacheableValue(
            f"a {name} can be remembered in this process only: name exactly this type in negative=."
        )
    if not _keeps_all_in_arguments(kind):
        raise UncacheableValue(
            f"a {name} holds more than its arguments, so it is remembered in this process only."
        )
    return _form.encode([name, list(error.args), vars(error)])


def decode_failure(data: bytes | memoryview, known: tuple[type[Exception], ...]) -> Exception:
    """The exception of `encode_failure`, for the same `known` types.

    Raises:
        Exception: The bytes aren't that, or name another type.
    """
    name, arguments, attributes = _form.decode(data)
    kind = next((each for each in known if _name(each) == name), None) or _BUILTIN[name]
    if not _keeps_all_in_arguments(kind):
        raise ValueError(f"a {name} is never stored")
    error: Exception = kind.__new__(kind, *arguments)  # without the class's own __init__
    error.args = tuple(arguments)
    error.__dict__.update(attributes)
    return error


def _keeps_all_in_arguments(kind: type) -> bool:
    """Whether it has no slots, no `__new__` of its own, and no fields in C (as OSError has)."""
    for base in kind.__mro__[:-1]:
        if not base.__flags__ & HEAP_TYPE:
            return base.__basicsize__ == Exception.__basicsize__
        if "__new__" in vars(base) or any(type(each) is MemberDescriptorType for each in vars(base).values()):
            return False
    return False


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
