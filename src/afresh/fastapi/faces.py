"""The functions that stand for a path operation: with `async` and without."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from afresh.fastapi.operation import Operation
from afresh.fastapi.results import Passed, request


def wrapped(operation: Operation, cached: Callable[..., Any]) -> Any:
    """What FastAPI is to call in the place of an operation.

    Args:
        operation: The path operation.
        cached: Gives the decorator that keeps what `operation` stores.
    """
    function = operation.function
    make = _async_pair if inspect.iscoroutinefunction(function) else _sync_pair
    inner, wrapper = make(operation, cached)
    wrapper.__signature__ = operation.parameters.signature()
    complete = operation.parameters.complete
    for name in ("invalidate", "key"):
        face = getattr(inner, name)
        setattr(wrapper, name, lambda *args, _face=face, **kwargs: _face(**complete(args, kwargs)))
    wrapper.invalidate_all, wrapper.uncached = inner.invalidate_all, function
    wrapper.__cache_key__ = inner.__cache_key__
    return wrapper


def _inner(operation: Operation, load: Callable[..., Any]) -> Any:
    """What the cache decorates: it looks like the operation, and returns what is stored of it."""
    functools.update_wrapper(load, operation.function)
    load.__annotations__ = {**operation.parameters.hints, "return": operation.stored}
    return load


def _async_pair(operation: Operation, cached: Callable[..., Any]) -> tuple[Any, Any]:
    complete = operation.parameters.complete

    async def load(*args: Any, **kwargs: Any) -> Any:
        return await operation.load_async(complete(args, kwargs))

    inner = cached()(_inner(operation, load))

    async def answer(face: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        given = complete(args, kwargs)
        mine = object()
        token = request.set(mine)
        try:
            return operation.answered(await face(**given), given)
        except Passed as passed:
            if passed.request is mine:
                return passed.result
        finally:
            request.reset(token)
        return await operation.function(**given)

    @functools.wraps(operation.function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await answer(inner, args, kwargs)

    async def refresh(*args: Any, **kwargs: Any) -> Any:
        return await answer(inner.refresh, args, kwargs)

    async def peek(*args: Any, **kwargs: Any) -> Any:
        found = await inner.peek(**complete(args, kwargs))
        return None if found is None else operation.answered(found, {})

    wrapper.refresh, wrapper.peek = refresh, peek  # type: ignore[attr-defined]
    return inner, wrapper


def _sync_pair(operation: Operation, cached: Callable[..., Any]) -> tuple[Any, Any]:
    complete = operation.parameters.complete

    def load(*args: Any, **kwargs: Any) -> Any:
        return operation.load(complete(args, kwargs))

    inner = cached()(_inner(operation, load))

    def answer(face: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        given = complete(args, kwargs)
        mine = object()
        token = request.set(mine)
        try:
            return operation.answered(face(**given), given)
        except Passed as passed:
            if passed.request is mine:
                return passed.result
        finally:
            request.reset(token)
        return operation.function(**given)

    @functools.wraps(operation.function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return answer(inner, args, kwargs)

    def refresh(*args: Any, **kwargs: Any) -> Any:
        return answer(inner.refresh, args, kwargs)

    def peek(*args: Any, **kwargs: Any) -> Any:
        found = inner.peek(**complete(args, kwargs))
        return None if found is None else operation.answered(found, {})

    wrapper.refresh, wrapper.peek = refresh, peek  # type: ignore[attr-defined]
    return inner, wrapper
