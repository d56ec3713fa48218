"""One route handler as the cache calls it: its parameters, and what it returns that is for nobody else."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.response.base import ASGIResponse, Response

from afresh.core.policy import Policy
from afresh.engine.asking.tracker import asking
from afresh.errors import ConfigurationError, UncacheableValue
from afresh.http.requests.annotations import arguments_of, classes_in, hints_of, is_of

_WHOLE = ("request", "socket", "scope")
_OF_THE_APPLICATION = "state"


class Instead(NamedTuple):
    """An error that is an answer, on its way to who asked."""

    error: HTTPException


class Owner:
    """A controller: all of its class answer alike."""

    __slots__ = ("controller",)

    def __init__(self, controller: Any) -> None:
        self.controller = controller

    def __cache_key__(self) -> str:
        kind = self.controller if isinstance(self.controller, type) else type(self.controller)
        return f"{kind.__module__}.{kind.__qualname__}"


class Handler:
    """One route handler, a function or a controller's method.

    Args:
        function: The function, with or without `async`.
        names: Parameters that make no difference, by name, and
        kinds: by the classes of their annotations.
        keyed: There is a `key=`.
        policy: Of its results.

    Attributes:
        ignored: The parameters that are no part of the key.

    Raises:
        ConfigurationError: It can't be cached like that.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        names: frozenset[str],
        kinds: tuple[type, ...],
        *,
        keyed: bool,
        policy: Policy,
    ) -> None:
        self._function = function
        self._signature = inspect.signature(function)
        self._first = next(iter(self._signature.parameters), "")
        self._policy = policy
        hints = hints_of(function)
        listed = {name: classes_in(hints.get(name)) for name in self._signature.parameters}
        unknown = sorted(names - listed.keys())
        if unknown:
            raise ConfigurationError(
                f"ignore={unknown}: {function.__qualname__}{self._signature} has no such parameter."
            )
        self.ignored = {name for name, found in listed.items() if name in names or is_of(found, *kinds)}
        if is_of(classes_in(hints.get("return")), Response, ASGIResponse):
            raise ConfigurationError(
                f"{function.__qualname__} returns a response, whose cookies may be one visitor's: return the data, "
                "or cache its page by CacheMiddleware."
            )
        if not keyed:
            self._check(listed)

    def _check(self, listed: Mapping[str, list[type]]) -> None:
        """Refuse what has no place in a key."""
        name = self._function.__qualname__
        whole = [each for each, found in listed.items() if each in _WHOLE or is_of(found, ASGIConnection)]
        if set(whole) - self.ignored:
            raise ConfigurationError(
                f"{name} takes the whole request, {whole[0]!r}, of which it may read anything: take what it needs "
                "as parameters, or cache its page by CacheMiddleware, which sees what is read. If that makes no "
                f"difference to the result, write ignore=[{whole[0]!r}]."
            )
        shared = [
            each for each, found in listed.items() if each == _OF_THE_APPLICATION or is_of(found, State)
        ]
        if set(shared) - self.ignored:
            raise ConfigurationError(
                f"{name} takes the application's state, {shared[0]!r}, which no key can hold: write "
                f"ignore=[{shared[0]!r}] if it is the same for all requests, or key= with what matters of it."
            )

    @property
    def of_a_controller(self) -> bool:
        """Whether it is a method."""
        return self._first == "self"

    def complete(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by name; those that make no difference may be left out, and are `None` then."""
        if not args and kwargs.keys() == self._signature.parameters.keys():  # as Litestar calls a function
            given = dict(kwargs)
        else:
            given = dict(self._signature.bind_partial(*args, **kwargs).arguments)
            for name in self.ignored - given.keys():
                given[name] = None
        if self.of_a_controller and not isinstance(given.get("self"), Owner):
            given["self"] = Owner(given.get("self"))
        return given

    def by_name(self, key: Callable[..., object]) -> Callable[..., object]:
        """A function for `key=`, given the arguments that it names; a controller's class is a part of the key.

        Raises:
            ConfigurationError: It names one that isn't there.
        """
        named = arguments_of(key, self._signature, self._function.__qualname__)

        def made(*args: Any, **kwargs: Any) -> object:
            given = self._signature.bind_partial(*args, **kwargs)
            given.apply_defaults()
            return (
                [given.arguments.get("self"), named(given.arguments)]
                if self.of_a_controller
                else named(given.arguments)
            )

        return made

    # -- loading --------------------------------------------------------------------------------

    def load(self) -> Callable[..., Any]:
        """What the cache decorates: it looks like the handler, and what nobody else may have is refused."""
        function = self._function

        @functools.wraps(function)
        async def aload(*args: Any, **kwargs: Any) -> Any:
            try:
                return _kept(await function(*_owned(args), **_named(kwargs)), function)
            except HTTPException as error:
                return self._instead(error)

        @functools.wraps(function)
        def load(*args: Any, **kwargs: Any) -> Any:
            try:
                return _kept(function(*_owned(args), **_named(kwargs)), function)
            except HTTPException as error:
                return self._instead(error)

        return aload if inspect.iscoroutinefunction(function) else load

    def _instead(self, error: HTTPException) -> Instead:
        """What stands for an error that is an answer: an old result must not be served in its place.

        Only a failure may be covered by `stale_if_error`. That there is no such dish is none.
        """
        policy, tracker = self._policy, asking()
        remembered = policy.negative_ttl is not None and isinstance(error, policy.negative)
        if error.status_code >= 500 or remembered or not policy.stale_if_error or tracker is None:
            raise error
        tracker.refuse("the answer is no result")
        return Instead(error)


def _owned(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(each.controller if isinstance(each, Owner) else each for each in args)


def _named(kwargs: dict[str, Any]) -> dict[str, Any]:
    owner = kwargs.get("self")
    return {**kwargs, "self": owner.controller} if isinstance(owner, Owner) else kwargs


def _kept(result: Any, function: Callable[..., Any]) -> Any:
    """A result, if others may have it; else only who asked has it.

    Raises:
        UncacheableValue: It holds rows of a session that will be closed.
    """
    tracker = asking()
    if isinstance(result, (Response, ASGIResponse)) and tracker is not None:
        tracker.refuse("it is the answer to one request")
    parts = result if isinstance(result, (list, tuple, set)) else [result]
    if any(hasattr(each, "_sa_instance_state") for each in parts):
        raise UncacheableValue(
            f"{function.__qualname__} returns rows of a session that is closed when the next one gets them: "
            "return what is shown of them, a dataclass or a Struct, or cache its page by CacheMiddleware."
        )
    return result
