"""The parameters of a path operation: which of them are a part of the key."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from types import NoneType, UnionType
from typing import Any

from fastapi import BackgroundTasks
from fastapi.params import Depends
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from starlette.requests import HTTPConnection
from starlette.responses import Response

from afresh.errors import ConfigurationError

_OF_THE_ANSWER = (Response, BackgroundTasks)
"""They are there to be changed; what they are before makes no difference."""


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


class Parameters:
    """The parameters of one path operation.

    Attributes:
        hints: The annotations, with all names looked up.
        ignored: Those that are no part of the key.
        closing: Those of them that end with the request: nothing can be loaded by them later.
        response: The one that is FastAPI's `Response`, if any.

    Raises:
        ConfigurationError: It takes the whole request, or `ignore=` names what isn't there.
    """

    def __init__(
        self, function: Callable[..., Any], names: frozenset[str], kinds: tuple[type, ...], *, keyed: bool
    ) -> None:
        self._signature = inspect.signature(function)
        self.hints = _hints(function)
        listed = {name: _classes(self.hints.get(name)) for name in self._signature.parameters}
        unknown = sorted(names - listed.keys())
        if unknown:
            raise ConfigurationError(
                f"ignore={unknown}: {function.__qualname__}{self._signature} has no such parameter."
            )
        self.response = _first(listed, Response)
        self.closing = {name for name, found in listed.items() if name in names or _is_of(found, *kinds)}
        self.ignored = self.closing | {
            name for name, found in listed.items() if _is_of(found, *_OF_THE_ANSWER)
        }
        whole = [name for name, found in listed.items() if _is_of(found, HTTPConnection)]
        if not keyed and set(whole) - self.ignored:
            raise ConfigurationError(
                f"{function.__qualname__} takes the whole request, {whole[0]!r}, of which it may read anything: "
                "take what it needs as parameters, or cache its page by CacheMiddleware, which sees what is "
                f"read. If that makes no difference to the result, write ignore=[{whole[0]!r}]."
            )

    def signature(self) -> inspect.Signature:
        """The signature, with the annotations looked up: FastAPI may look in another module for them."""
        parameters = [
            each.replace(annotation=self.hints.get(each.name, each.annotation))
            for each in self._signature.parameters.values()
        ]
        returns = self.hints.get("return", self._signature.return_annotation)
        return self._signature.replace(parameters=parameters, return_annotation=returns)

    def complete(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by name; those that make no difference may be left out, and are `None` then.

        Raises:
            TypeError: Others are missing.
        """
        if not args and kwargs.keys() == self._signature.parameters.keys():  # as FastAPI calls it
            return {name: kwargs[name] for name in self._signature.parameters}
        given = self._signature.bind_partial(*args, **kwargs).arguments
        for name, each in self._signature.parameters.items():
            if name in given:
                continue
            default = each.default
            if isinstance(default, FieldInfo):
                default = default.get_default(call_default_factory=True)
            missing = isinstance(default, Depends) or any(
                default is each for each in (inspect.Parameter.empty, PydanticUndefined)
            )
            if not missing:
                given[name] = default
            elif name in self.ignored:
                given[name] = self._made(name)
        return dict(given)

    def _made(self, name: str) -> Any:
        """In the place of one that was left out."""
        if name == self.response:
            response = Response()
            del response.headers["content-length"]
            return response
        return BackgroundTasks() if _is_of(_classes(self.hints.get(name)), BackgroundTasks) else None

    def by_name(self, key: Callable[..., object], function: str) -> Callable[..., object]:
        """A function for `key=`, given the arguments that it names, as `tags=` is.

        Raises:
            ConfigurationError: It names one that isn't there.
        """
        wanted = inspect.signature(key).parameters.values()
        everything = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in wanted)
        names = [each.name for each in wanted if each.kind is not inspect.Parameter.VAR_KEYWORD]
        unknown = [name for name in names if name not in self._signature.parameters]
        if unknown:
            raise ConfigurationError(
                f"key= takes {unknown[0]!r}, which is no parameter of {function}{self._signature}: name the "
                "arguments as the function does."
            )

        def made(*args: Any, **kwargs: Any) -> object:
            given = self.complete(args, kwargs)
            return key(**given) if everything else key(**{name: given[name] for name in names})

        return made


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise ConfigurationError(
            f"an annotation of {function.__qualname__} can't be looked up ({error}): define what it names first."
        ) from error


def _classes(hint: Any) -> list[type]:
    """The classes that an annotation may mean: those of a union, without `Annotated` around them."""
    while typing.get_origin(hint) is typing.Annotated:
        hint = typing.get_args(hint)[0]
    if typing.get_origin(hint) in {typing.Union, UnionType}:
        return [found for each in typing.get_args(hint) for found in _classes(each)]
    origin = typing.get_origin(hint) or hint
    return [origin] if isinstance(origin, type) and origin is not NoneType else []


def _is_of(found: list[type], *kinds: type) -> bool:
    return bool(found) and all(issubclass(each, kinds) for each in found)


def _first(listed: Mapping[str, list[type]], kind: type) -> str | None:
    return next((name for name, found in listed.items() if _is_of(found, kind)), None)
