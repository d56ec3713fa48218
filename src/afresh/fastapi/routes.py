"""`RouteCache`: the results of path operations, typed, before they become JSON."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Coroutine, Iterable
from typing import Any, ParamSpec, TypeVar, Unpack, overload

from afresh.cache import Cache
from afresh.callables import CachedCoroutine, CachedFunction, Decorator
from afresh.core.policy import Policy, PolicyOptions
from afresh.decorators import divided
from afresh.errors import ConfigurationError
from afresh.fastapi.faces import wrapped
from afresh.fastapi.operation import Operation
from afresh.fastapi.parameters import Parameters
from afresh.http.requests.annotations import names_and_kinds
from afresh.tagging import Tags

P = ParamSpec("P")
R = TypeVar("R")

_LATER = ("stale_while_revalidate", "early", "soft_deadline")
"""What has something loaded after the request that asked."""


class RouteOptions(PolicyOptions, total=False):
    """What `@cached` takes by keyword, as `Cache.cached` does."""

    policy: Policy
    tags: Tags
    prefix: str | None
    key: Callable[..., object] | None
    secrets: Collection[str]
    typed: bool


class RouteCache:
    """Decorates path operations: what they return is kept, under what they are called with.

    ::

        cached = RouteCache(cache, ignore=[AsyncSession], ttl="5m")

        @router.get("/products/{id}")
        @cached
        async def product(id: int, session: SessionDep) -> Product: ...

        @router.get("/offers")
        @cached(ttl="30s")
        async def offers(session: SessionDep, user: UserDep) -> list[Offer]: ...

    Everything that FastAPI calls the function with is in the key: parameters, body, and what
    dependencies give, a user for instance. So one visitor's result is never another's. What has no
    canonical form is an error that says so, and `ignore` says which of that makes no difference.

    Validation, dependencies and the description in OpenAPI are as without it. A hit has the fields
    and the status again that the function set by `Response`. Not kept is what sets a cookie, adds
    background tasks, or is a `Response` itself; exceptions pass.

    Args:
        cache: Where results live, or a pool of it.
        ignore: Parameters that make no difference, by name or by the type of their annotation.
        options: Those of `Cache.cached`, for all operations that say nothing else.
    """

    def __init__(
        self, cache: Cache, *, ignore: Iterable[str | type] = (), **options: Unpack[RouteOptions]
    ) -> None:
        self._cache = cache
        self._names, self._kinds = names_and_kinds(ignore)
        if self._names:
            raise ConfigurationError(
                f"ignore={sorted(self._names)}: give types here, ignore=[AsyncSession], and names to one operation."
            )
        self._options: dict[str, Any] = dict(options)

    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> CachedCoroutine[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> CachedFunction[P, R]: ...
    @overload
    def __call__(
        self, /, *, model: Any = None, ignore: Iterable[str | type] = (), **options: Unpack[RouteOptions]
    ) -> Decorator: ...
    def __call__(
        self,
        function: Any = None,
        /,
        *,
        model: Any = None,
        ignore: Iterable[str | type] = (),
        **options: Unpack[RouteOptions],
    ) -> Any:
        """Decorate a path operation; stands below `@app.get(…)`.

        Args:
            function: The path operation.
            model: The type that it is answered with, where that is `response_model=` and not the
                function's annotation.
            ignore: More parameters that make no difference.
            options: Those of `Cache.cached`: `ttl`, `tags` … `key` is a function of the arguments that it names.

        Returns:
            The function, with `invalidate`, `refresh`, `peek`, `key` and `uncached` as
            `Cache.cached` gives them. What is ignored may be left out in their calls.

        Raises:
            ConfigurationError: It can't be cached like that.
        """
        own = {**self._options, **options}
        names, kinds = names_and_kinds(ignore)
        decorate = functools.partial(
            self._decorated, model=model, names=names, kinds=self._kinds + kinds, options=own
        )
        return decorate if function is None else decorate(function)

    def _decorated(
        self,
        function: Callable[..., Any],
        *,
        model: Any,
        names: frozenset[str],
        kinds: tuple[type, ...],
        options: dict[str, Any],
    ) -> Any:
        if not callable(function):
            raise ConfigurationError(f"@cached decorates a path operation, not {function!r}.")
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigurationError(
                f"{function.__qualname__} streams what it answers, which can be read only once: return a list instead."
            )
        keyed = options.get("key") is not None
        parameters = Parameters(function, names, kinds, keyed=keyed)
        policy, _ = divided(self._cache._opened.place(options.get("prefix")).policy, options)
        later = [name for name in _LATER if getattr(policy, name)]
        if later and parameters.closing:
            raise ConfigurationError(
                f"{later[0]}= loads after the request, when {min(parameters.closing)!r} of "
                f"{function.__qualname__} is closed: leave it out, or have the function open its own."
            )
        kind = parameters.hints.get("return") if model is None else model
        operation = Operation(function, parameters, kind, policy)
        if keyed:
            options = {**options, "key": parameters.by_name(options["key"], function.__qualname__)}
        else:
            options = {**options, "ignore": parameters.ignored}
        return wrapped(operation, functools.partial(self._cache.cached, **options))
