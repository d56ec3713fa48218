"""What the annotations of a handler's parameters say, for frameworks that call by them."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from types import NoneType, UnionType
from typing import Any

from afresh.errors import ConfigurationError


def names_and_kinds(given: Iterable[str | type]) -> tuple[frozenset[str], tuple[type, ...]]:
    """What `ignore=` was given: names of parameters, and types.

    Raises:
        ConfigurationError: It was given something else.
    """
    listed = [given] if isinstance(given, (str, type)) else list(given)
    names = frozenset(each for each in listed if isinstance(each, str))
    kinds = tuple(each for each in listed if isinstance(each, type))
    if len(names) + len(kinds) < len(set(listed)):
        raise ConfigurationError(f"ignore={given!r}: give names of parameters, and types.")
    return names, kinds


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations, with all names looked up.

    Raises:
        ConfigurationError: One of them can't be.
    """
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise ConfigurationError(
            f"an annotation of {function.__qualname__} can't be looked up ({error}): define what it names first."
        ) from error


def classes_in(hint: Any) -> list[type]:
    """The classes that an annotation may mean: those of a union, without `Annotated` around them."""
    while typing.get_origin(hint) is typing.Annotated:
        hint = typing.get_args(hint)[0]
    if typing.get_origin(hint) in {typing.Union, UnionType}:
        return [found for each in typing.get_args(hint) for found in classes_in(each)]
    origin = typing.get_origin(hint) or hint
    return [origin] if isinstance(origin, type) and origin is not NoneType else []


def is_of(found: list[type], *kinds: type) -> bool:
    """Whether there are classes, and all of them are of these kinds."""
    return bool(found) and all(issubclass(each, kinds) for each in found)


def arguments_of(
    key: Callable[..., object], signature: inspect.Signature, function: str
) -> Callable[[Mapping[str, Any]], object]:
    """A function for `key=`, called with those of all arguments that it names.

    Raises:
        ConfigurationError: It names one that isn't there.
    """
    wanted = inspect.signature(key).parameters.values()
    everything = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in wanted)
    names = [each.name for each in wanted if each.kind is not inspect.Parameter.VAR_KEYWORD]
    unknown = [name for name in names if name not in signature.parameters]
    if unknown:
        raise ConfigurationError(
            f"key= takes {unknown[0]!r}, which is no parameter of {function}{signature}: name the "
            "arguments as the function does."
        )
    return lambda given: key(**given) if everything else key(**{name: given[name] for name in names})
