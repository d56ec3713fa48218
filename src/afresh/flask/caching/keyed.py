"""`cached`, as Flask-Caching has it: an answer or a result under a key that the user may name."""

from __future__ import annotations

import datetime
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

from flask import current_app, has_request_context

from afresh.cache import Cache
from afresh.core.tags import tag
from afresh.flask.caching.choices import Choices
from afresh.flask.caching.keys import path_key
from afresh.flask.views import guarded, is_the_view, kept_answer, passes
from afresh.http.requests.visit import visiting
from afresh.places import GIVEN

Timeout = float | datetime.timedelta | None


class Keyed:
    """A function that is kept under a key, which its arguments are no part of."""

    def __init__(
        self,
        cache: Callable[[], Cache],
        function: Callable[..., Any],
        choices: Choices,
        prefix: str | Callable[[], str],
        make_key: Callable[..., str] | None,
        timeout: Timeout,
    ) -> None:
        self._cache = cache
        self._function = function
        self._choices = choices
        self._prefix = prefix
        self._make_key = make_key

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return self(*args, **kwargs)

        face: Any = wrapper
        face.uncached, face.cache_timeout, face.make_cache_key = function, timeout, self.key
        self.wrapper = face

    def key(self, *args: Any, **kwargs: Any) -> str:
        """The key that an answer is deleted by."""
        names = list(inspect.signature(self._function).parameters)
        return path_key(self._prefix, self._function, {**dict(zip(names, args, strict=False)), **kwargs})

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The answer, or the result, kept or made now."""
        function, choices = self._function, self._choices
        visit = visiting.get()
        unseen = has_request_context() and (visit is None or visit.reads is None)
        if unseen or choices.past(function, args, kwargs):
            return _called(function, args, kwargs)
        if self._make_key is not None:
            key = self._make_key(*args, **kwargs)
        else:
            key = self.key(*args, **{**kwargs, "use_request": True})
        tags = [tag(named(key))]
        if choices.forces(args, kwargs):
            self._cache().invalidate(*tags)
        ttl = ttl_of(self.wrapper.cache_timeout)
        make = functools.partial(self._made, args, kwargs)
        if has_request_context() and is_the_view(self.wrapper):
            if passes():
                return _called(function, args, kwargs)
            return kept_answer(
                self._cache(), f"view:{function.__module__}.{function.__qualname__}", (key,), ttl, make, tags
            )
        return self._value(key, ttl, make, tags)

    def _value(self, key: str, ttl: Any, make: Callable[[], Any], tags: Iterable[Any]) -> Any:
        policy = {} if ttl is GIVEN else {"ttl": ttl}
        return self._cache().get_or_load(f"cached:{key}", guarded(make), tags=tags, **policy)

    def _made(self, args: Any, kwargs: Any) -> Any:
        return self._choices.judged(_called(self._function, args, kwargs))


def named(key: str) -> str:
    """The tag of what `cached` keeps under a key."""
    return f"cached:{key}"


def ttl_of(timeout: Timeout) -> Any:
    """Seconds, as we take them: 0 is for ever, `None` what the settings say."""
    return GIVEN if timeout is None else timeout or None


def _called(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    if not has_request_context():
        return function(*args, **kwargs)
    return current_app.ensure_sync(function)(*args, **kwargs)
