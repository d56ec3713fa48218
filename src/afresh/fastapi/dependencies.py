"""What path operations may depend on: the application's cache, and a scope of it for the request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection

from afresh.cache import Cache
from afresh.engine.asking.scope import Scope
from afresh.engine.asking.tracker import asking
from afresh.errors import ConfigurationError


async def the_cache(connection: HTTPConnection) -> Cache:
    """The cache of the application: `app.state.cache`.

    Raises:
        ConfigurationError: There is none.
    """
    found: Any = getattr(connection.app.state, "cache", None)
    if not isinstance(found, Cache):
        raise ConfigurationError("app.state.cache is no Cache: write app.state.cache = Cache(…).")
    return found


CacheDep = Annotated[Cache, Depends(the_cache)]
"""`cache: CacheDep`: see `the_cache`."""


async def the_scope(cache: CacheDep) -> AsyncIterator[Scope]:
    """A scope of the application's cache, as long as the request: its consistency is confirmed once."""
    async with cache.aio.scope() as scope:
        yield scope


ScopeDep = Annotated[Scope, Depends(the_scope)]
"""`scope: ScopeDep`: see `the_scope`."""


def expires(at: datetime | float) -> None:
    """What is being answered is right until then: a token expires, an offer ends.

    No write will announce it, so whatever is made of this request is kept no longer.

    Args:
        at: A moment with a time zone, or seconds since 1970, as the `exp` of a token.

    Raises:
        ConfigurationError: The moment has no time zone.
    """
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise ConfigurationError(f"{at!r} has no time zone: give datetime.now(UTC) + …, or seconds.")
        at = at.timestamp()
    tracker = asking()
    if tracker is not None:
        tracker.cap(float(at))
