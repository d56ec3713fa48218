"""What a decorated function is, to whoever reads it and to type checkers."""

from __future__ import annotations

import typing
from collections.abc import Callable, Collection, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, Self, TypeVar, overload

from afresh.core.policy import Policy, PolicyOptions
from afresh.tagging import Tags

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
S = TypeVar("S")


class CachedFunction(Protocol[P, R_co]):
    """A cached function: called as before, and a little more."""

    __name__: str
    __wrapped__: Callable[..., Any]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """The value, from the cache or from the function."""

    def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Drop the value of these arguments, in every process."""

    def invalidate_all(self) -> None:
        """Drop the values of all arguments, in every process."""

    def refresh(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Load the value now, whatever is stored, and return it."""

    def peek(self, *args: P.args, **kwargs: P.kwargs) -> R_co | None:
        """The value if it is stored and fresh, else `None`; nothing is loaded."""

    def uncached(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """The undecorated function."""

    def key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """The key of the value of these arguments, as `cache.explain` and `Key` take it."""

    # In a class it is bound like any other function: a class method to its class, a method to its object.
    @overload
    def __get__(
        self: CachedFunction[Concatenate[type[S], Q], R], instance: S | None, owner: type[S], /
    ) -> CachedFunction[Q, R]: ...
    @overload
    def __get__(self, instance: None, owner: type, /) -> Self: ...
    @overload
    def __get__(
        self: CachedFunction[Concatenate[S, Q], R], instance: S, owner: type[S], /
    ) -> CachedFunction[Q, R]: ...
    @overload
    def __get__(self, instance: object, owner: type, /) -> Self: ...


class CachedCoroutine(Protocol[P, R_co]):
    """A cached coroutine function: see `CachedFunction`; what does something is awaited."""

    __name__: str
    __wrapped__: Callable[..., Any]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]:
        """The value, from the cache or from the function."""

    def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, None]:
        """Drop the value of these arguments, in every process."""

    def invalidate_all(self) -> Coroutine[Any, Any, None]:
        """Drop the values of all arguments, in every process."""

    def refresh(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]:
        """Load the value now, whatever is stored, and return it."""

    def peek(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co | None]:
        """The value if it is stored and fresh, else `None`; nothing is loaded."""

    def uncached(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]:
        """The undecorated function."""

    def key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """The key of the value of these arguments, as `cache.explain` and `Key` take it."""

    # In a class it is bound like any other function: a class method to its class, a method to its object.
    @overload
    def __get__(
        self: CachedCoroutine[Concatenate[type[S], Q], R], instance: S | None, owner: type[S], /
    ) -> CachedCoroutine[Q, R]: ...
    @overload
    def __get__(self, instance: None, owner: type, /) -> Self: ...
    @overload
    def __get__(
        self: CachedCoroutine[Concatenate[S, Q], R], instance: S, owner: type[S], /
    ) -> CachedCoroutine[Q, R]: ...
    @overload
    def __get__(self, instance: object, owner: type, /) -> Self: ...


class Options(typing.TypedDict, total=False):
    """What `@cache.cached` takes besides the settings of a policy."""

    policy: Policy
    tags: Tags
    prefix: str | None
    key: Callable[..., object] | None
    ignore: Collection[str]
    secrets: Collection[str]
    typed: bool


class CachedOptions(PolicyOptions, Options, total=False):
    """What `@cache.cached` takes by keyword."""


class Decorator(Protocol):
    """What `@cache.cached(…)` returns."""

    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> CachedCoroutine[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> CachedFunction[P, R]: ...
