"""The parameters of a path operation: which of them are a part of the key."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import BackgroundTasks
from fastapi.params import Depends
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from starlette.requests import HTTPConnection
from starlette.responses import Response

from afresh.errors import ConfigurationError
from afresh.http.requests.annotations import arguments_of, classes_in, hints_of, is_of

_OF_THE_ANSWER = (Response, BackgroundTasks)
"""They are there to be changed; what they are before makes no difference."""


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
        self.hints = hints_of(function)
        listed = {name: classes_in(self.hints.get(name)) for name in self._signature.parameters}
        unknown = sorted(names - listed.keys())
        if unknown:
            raise ConfigurationError(
                f"ignore={unknown}: {function.__qualname__}{self._signature} has no such parameter."
            )
        self.response = _first(listed, Response)
        self.closing = {name for name, found in listed.items() if name in names or is_of(found, *kinds)}
        self.ignored = self.closing | {
            name for name, found in listed.items() if is_of(found, *_OF_THE_ANSWER)
        }
        whole = [name for name, found in listed.items() if is_of(found, HTTPConnection)]
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
        return BackgroundTasks() if is_of(classes_in(self.hints.get(name)), BackgroundTasks) else None

    def by_name(self, key: Callable[..., object], function: str) -> Callable[..., object]:
        """A function for `key=`, given the arguments that it names, as `tags=` is.

        Raises:
            ConfigurationError: It names one that isn't there.
        """
        named = arguments_of(key, self._signature, function)
        return lambda *args, **kwargs: named(self.complete(args, kwargs))


def _first(listed: Mapping[str, list[type]], kind: type) -> str | None:
    return next((name for name, found in listed.items() if is_of(found, kind)), None)
