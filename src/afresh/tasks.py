"""One task outside of a web request: a job of a queue, a command, a script.

::

    with task(cache):
        …

Within it consistency is confirmed once, and what was read is collected, as within a request. When it
ends, what was stored is with the other processes: a worker may be killed right after its job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from afresh.cache import Cache
from afresh.engine.asking.scope import Scope, Token
from afresh.errors import BackendError, ConfigurationError
from afresh.runtime.drive import drive

GivenCache: TypeAlias = Cache | Callable[[], Cache]
"""A cache, or what gives it when the first task begins: workers fork, and open theirs later."""


@contextmanager
def task(cache: GivenCache, token: Token | None = None) -> Iterator[Scope]:
    """Do something in a scope of its own.

    Args:
        cache: The cache.
        token: Of whoever has ordered the task: nothing older than its writes is read.
    """
    opened = cache_of(cache)
    try:
        with opened.scope(token) as scope:
            yield scope
    finally:
        flush(opened)


def cache_of(given: GivenCache) -> Cache:
    """The cache that was given.

    Raises:
        ConfigurationError: It is none.
    """
    cache: Any = given if isinstance(given, Cache) or not callable(given) else given()
    if not isinstance(cache, Cache):
        raise ConfigurationError(f"{given!r} is no cache: give one, or a function that returns it.")
    return cache


def flush(cache: Cache) -> None:
    """Have the other processes see what was stored here. Where they can't, the cache does without it."""
    for place in cache._opened.places():
        if place.engine.store is None or place.engine.closed:
            continue
        try:
            drive(place.engine.store.flush())
        except BackendError as error:
            place.engine.bypassed("", error)


def token_in(message: object) -> Token | None:
    """The token in a message; `None` where there is none that could be one."""
    if not isinstance(message, (list, tuple)) or len(message) != 2:
        return None
    epoch, position = message
    return Token(epoch, position) if type(epoch) is int and type(position) is int else None


def position_of(cache: Cache) -> list[int]:
    """The token of whoever orders a task now, as it travels."""
    ledger = cache._engine.ledger
    return [ledger.epoch, ledger.position()]
