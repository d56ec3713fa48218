"""`RouteCache`: what route handlers return, typed, before it becomes JSON."""

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
from afresh.http.requests.annotations import names_and_kinds
from afresh.litestar.handlers import Handler, Instead
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
    """Decorates route handlers: what they return is kept, under what they are called with.

    ::

        cached = RouteCache(cache, ignore=[AsyncSession], ttl="5m")

        @get("/dishes/{id:int}")
        @cached(tags=lambda id: [tag("dish", id)])
        async def dish(id: FromPath[int], session: NamedDependency[AsyncSession]) -> Dish: ...

    Everything that Litestar calls the handler with is in the key: parameters of path and query,
    fields, cookies, the body, and what dependencies give. So one visitor's result is never another's.
    Guards and dependencies run for hits, too. What has no canonical form is an error that says so,
    and `ignore` says which of that makes no difference.

    A `Response` is never kept, since its cookies may be one visitor's; exceptions pass.

    Args:
        cache: Where results live, or a pool of it.
        ignore: Parameters that make no difference, by the type of their annotation.
        options: Those of `Cache.cached`, for all handlers that say nothing else.
    """

    def __init__(self, cache: Cache, *, ignore: Iterable[type] = (), **options: Unpack[RouteOptions]) -> None:
        self._cache = cache
        names, self._kinds = names_and_kinds(ignore)
        if names:
            raise ConfigurationError(
                f"ignore={sorted(names)}: give types here, ignore=[AsyncSession], and names to one handler."
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
        self, /, *, ignore: Iterable[str | type] = (), **options: Unpack[RouteOptions]
    ) -> Decorator: ...
    def __call__(
        self, function: Any = None, /, *, ignore: Iterable[str | type] = (), **options: Unpack[RouteOptions]
    ) -> Any:
        """Decorate a handler; stands below `@get(…)`.

        Args:
            function: The handler, a function or a controller's method.
            ignore: More parameters that make no difference, by name or type.
            options: Those of `Cache.cached`: `ttl`, `tags` … `key` is a function of the arguments that
                it names.

        Returns:
            The function, with `invalidate`, `refresh`, `peek`, `key` and `uncached` as `Cache.cached`
            gives them: `dish.fn.invalidate(id=7)`, since `@get` makes something else of it. What is
            ignored may be left out in calls of `invalidate`, `peek` and `key`.

        Raises:
            ConfigurationError: It can't be cached like that.
        """
        names, kinds = names_and_kinds(ignore)
        decorate = functools.partial(
            self._decorated, names=names, kinds=self._kinds + kinds, options={**self._options, **options}
        )
        return decorate if function is None else decorate(function)

    def _decorated(
        self, function: Any, *, names: frozenset[str], kinds: tuple[type, ...], options: dict[str, Any]
    ) -> Any:
        if not inspect.isroutine(function):
            raise ConfigurationError(
                f"@cached decorates a function, not {function!r}: write it below @get(…), not above."
            )
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigurationError(
                f"{function.__qualname__} streams what it answers, which can be read only once: return a list instead."
            )
        policy, _ = divided(self._cache._opened.place(options.get("prefix")).policy, options)
        keyed = options.get("key") is not None
        handler = Handler(function, names, kinds, keyed=keyed, policy=policy)
        later = [name for name in _LATER if getattr(policy, name)]
        if later and handler.ignored:
            raise ConfigurationError(
                f"{later[0]}= loads after the request, when {min(handler.ignored)!r} of "
                f"{function.__qualname__} is closed: leave it out, or have the function open its own."
            )
        changed = {"key": handler.by_name(options["key"])} if keyed else {"ignore": handler.ignored}
        own = {**options, **changed}
        return _wrapped(handler, self._cache.cached(**own)(handler.load()), function)


def _wrapped(handler: Handler, inner: Any, function: Callable[..., Any]) -> Any:
    """What Litestar is to call in the place of a handler."""

    def through(face: Callable[..., Any]) -> Any:
        @functools.wraps(function)
        async def asking(*args: Any, **kwargs: Any) -> Any:
            return _answer(await face(**handler.complete(args, kwargs)))

        @functools.wraps(function)
        def asking_at_once(*args: Any, **kwargs: Any) -> Any:
            return _answer(face(**handler.complete(args, kwargs)))

        return asking if inspect.iscoroutinefunction(function) else asking_at_once

    wrapper = through(inner)
    wrapper.refresh, wrapper.peek = through(inner.refresh), through(inner.peek)
    for name in ("invalidate", "key"):
        face = getattr(inner, name)
        setattr(wrapper, name, lambda *a, _face=face, **k: _face(**handler.complete(a, k)))
    wrapper.invalidate_all, wrapper.uncached = inner.invalidate_all, function
    wrapper.__cache_key__ = inner.__cache_key__
    return wrapper


def _answer(stored: Any) -> Any:
    """A result, for one who may not have made it.

    Raises:
        HTTPException: The handler raised that.
    """
    if isinstance(stored, Instead):
        raise stored.error
    return stored
