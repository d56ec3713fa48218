"""What the keys of a function begin with: its place in the program, whole enough to be its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any
from weakref import ref

from afresh.core.spelling import canonical, quoted
from afresh.errors import ConfigurationError, UnkeyableArgument

__all__ = ["Prefixes", "default_prefix", "readable"]

_MAIN = ("__main__", "__mp_main__")  # the second: in a process that multiprocessing has spawned


def readable(prefix: str) -> str:
    """Without blanks and control characters, as `quoted` writes them."""
    return quoted(prefix)[1:-1]


def default_prefix(function: Callable[..., Any], *, whole: bool = False) -> str:
    """The module and qualified name of a function; of a local one its line and captures, too.

    Args:
        function: The function.
        whole: Refuse a function that captured what has no spelling: another process may have
            captured something else at the same place.

    Raises:
        ConfigurationError: It has no name, or one that others have too.
    """
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not module or not name:
        raise ConfigurationError(f"{function!r} has no name to begin its keys with: give it a prefix=.")
    if not isinstance(getattr(function, "__self__", None), (ModuleType, type(None))):
        raise ConfigurationError(
            f"{name} is bound to an object, and bound to another one it would have the same keys. Decorate "
            "the method in its class, where the object is one of its arguments, or give a prefix= that "
            "names this object."
        )
    return _name(function, (), whole=whole)


def _name(function: Callable[..., Any], around: tuple[object, ...], *, whole: bool) -> str:
    name, code = function.__qualname__, _code(function)
    if "<" not in name or code is None:
        return readable(f"{_place_of(function)}{name}")
    spelled = []
    for variable, value in _captured(function):
        spelling = _spelled_capture(value, (*around, inspect.unwrap(function)))
        if spelling is not None:
            spelled.append(spelling)
        elif whole:
            raise ConfigurationError(
                f"{name} captures {variable!r} ({type(value).__name__}), which can't stand in its keys, and "
                "other processes, which share them, may have captured something else there. Pass it as "
                "an argument, or give a prefix= that says which one this is."
            )
    captured = ",".join(filter(None, spelled))
    return readable(f"{_place_of(function)}{name}@{code.co_firstlineno}") + (
        f"[{captured}]" if captured else ""
    )


def _place_of(function: Callable[..., Any]) -> str:
    """The module, and for a program's main module what tells it from other programs' main modules."""
    module = function.__module__
    if module in _MAIN:
        scope = getattr(inspect.unwrap(function), "__globals__", {})
        module = getattr(scope.get("__spec__"), "name", module)  # of `python -m name`
        file = scope.get("__file__")
        if module in _MAIN and isinstance(file, str):
            from pathlib import Path

            return f"{Path(file).resolve()}:"
    return f"{_MAIN[0] if module in _MAIN else module}."


def _spelled_capture(value: object, around: tuple[object, ...]) -> str | None:
    """How a captured value stands in a prefix: empty if it makes no difference, `None` if it can't."""
    function = inspect.unwrap(value) if callable(value) else None
    if any(function is each for each in around) or type(value).__module__.partition(".")[0] == "afresh":
        return ""  # the function itself, or the cache
    if isinstance(value, (list, dict, set, bytearray)):
        return None
    if isinstance(value, ModuleType):
        return value.__name__
    with suppress(UnkeyableArgument, ConfigurationError):
        if isinstance(value, FunctionType):
            cached = getattr(value, "__cache_key__", None)
            return _name(value, around, whole=True) if cached is None else str(cached())
        if isinstance(value, BuiltinFunctionType):
            return default_prefix(value)
        return canonical(value)
    return None


class Prefixes:
    """The prefixes in use within one cache: no two living functions share one unknowingly.

    They would with `def _(id)` twice in a module, or with a function defined inside of another
    that captures something without a spelling (a connection, a list) and is made twice.
    """

    __slots__ = ("_holders",)

    def __init__(self) -> None:
        self._holders: dict[str, ref[Callable[..., Any]]] = {}

    def claim(self, prefix: str, function: Callable[..., Any]) -> None:
        """Note that `function` uses `prefix`.

        Functions of the same code and the same captured values may share it; so may a function
        with its successor from another file (a notebook's cell that was run again).

        Raises:
            ConfigurationError: Another function has it.
        """
        held = self._holders.get(prefix)
        other = held() if held is not None else None
        if other is not None and not _interchangeable(other, function):
            raise ConfigurationError(
                f"two functions would share the keys {prefix!r}: {_place(other)} and {_place(function)}. "
                f"Give one of them a prefix= of its own, and pass captured values as arguments."
            )
        with suppress(TypeError):  # a builtin, of which there is only one
            self._holders[prefix] = ref(function)


def _code(function: Callable[..., Any]) -> CodeType | None:
    return getattr(inspect.unwrap(function), "__code__", None)


def _captured(function: Callable[..., Any]) -> Iterator[tuple[str, object]]:
    """The names and values of what a function captured."""
    inner = inspect.unwrap(function)
    inner = getattr(inner, "__func__", inner)
    names = inner.__code__.co_freevars if isinstance(inner, FunctionType) else ()
    for name, cell in zip(names, getattr(inner, "__closure__", None) or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not assigned yet: the function itself, usually
            yield name, function


def _interchangeable(one: Callable[..., Any], other: Callable[..., Any]) -> bool:
    if one is other:
        return True
    first, second = _code(one), _code(other)
    if first is None or second is None:
        return False
    if first.co_filename != second.co_filename:
        return True
    if getattr(one, "__self__", None) is not getattr(other, "__self__", None):
        return False
    pairs = zip(_captured(one), _captured(other), strict=True)
    return first == second and all(mine is its for (_, mine), (_, its) in pairs)


def _place(function: Callable[..., Any]) -> str:
    code = _code(function)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(function)
