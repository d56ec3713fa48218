"""The keys of Flask-Caching's users."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from flask import request, url_for

from afresh.core.keys import canonical
from afresh.errors import UnkeyableArgument


class FragmentKey(str):
    """Names a fragment of a template, for `Cache.delete`."""

    __slots__ = ("name", "vary")

    name: str
    vary: tuple[object, ...]


def make_template_fragment_key(fragment_name: str, vary_on: Sequence[object] = ()) -> FragmentKey:
    """What `Cache.delete` takes to drop `{% cache timeout, fragment_name, … %}`."""
    key = FragmentKey(f"fragment:{fragment_name}{tuple(vary_on)!r}")
    key.name, key.vary = fragment_name, tuple(vary_on)
    return key


def path_key(prefix: str | Callable[[], str], function: Callable[..., Any], arguments: dict[str, Any]) -> str:
    """The key of `cached`, outside or inside of a request."""
    if callable(prefix):
        return prefix()
    if "%s" not in prefix:
        return prefix
    path = arguments.pop("path", None)
    if path is None and arguments.pop("use_request", False):
        path = request.path
    return prefix % (path if path is not None else url_for(function.__name__, _external=False, **arguments))


def argument_keys(function: Callable[..., Any], ignored: Sequence[str]) -> Callable[..., object]:
    """What stands for the arguments of a memoized function: themselves, or what they say of themselves.

    An object without a canonical form is told from others by `__caching_id__()` or by a `__repr__` of
    its class. Its address would be the same for another object, later.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def key(*args: Any, **kwargs: Any) -> object:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return [(name, _named(value)) for name, value in bound.arguments.items() if name not in ignored]

    return key


def _named(value: Any) -> object:
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    said = getattr(value, "__caching_id__", None)
    if said is not None:
        return [type(value).__qualname__, said()]
    try:
        canonical(value)
    except UnkeyableArgument:
        spoken: Any = type(value).__repr__
        if spoken is object.__repr__:
            raise UnkeyableArgument(
                f"{type(value).__qualname__} has no form that could stand in a key: give it __caching_id__(), "
                "or name it in args_to_ignore."
            ) from None
        return [type(value).__qualname__, repr(value)]
    return value


def instance_of(function: Callable[..., Any], args: Sequence[Any]) -> object | None:
    """What a method is called on, as it stands in keys; `None` for a function."""
    names = list(inspect.signature(function).parameters)
    return _named(args[0]) if names and names[0] in {"self", "cls"} and args else None
