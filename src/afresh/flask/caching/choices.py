"""What a decorator of Flask-Caching is told about when to keep: `unless`, `forced_update`, `response_filter`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from afresh.engine.asking.tracker import asking
from afresh.flask.views import Cached


class Choices:
    """What a decorator was told about when to keep."""

    def __init__(
        self,
        unless: Callable[..., Any] | None,
        forced: Callable[..., Any] | None,
        accepts: Callable[..., Any] | None,
        none: bool,
    ) -> None:
        self._unless = unless
        self._forced = forced
        self._accepts = accepts
        self._none = none

    def past(self, function: Callable[..., Any], args: Any, kwargs: Any) -> bool:
        """Whether a call goes past the cache."""
        if self._unless is None:
            return False
        takes = bool(inspect.signature(self._unless).parameters)
        return (self._unless(function, *args, **kwargs) if takes else self._unless()) is True

    def forces(self, args: Any, kwargs: Any) -> bool:
        """Whether a call makes the value anew."""
        if self._forced is None:
            return False
        takes = bool(inspect.signature(self._forced).parameters)
        return (self._forced(*args, **kwargs) if takes else self._forced()) is True

    def judged(self, value: Any) -> Any:
        """A value that was made, which is kept if it may be."""
        tracker = asking()
        if tracker is not None:
            if value is None and not self._none:
                tracker.refuse("it is None: see cache_none")
            if self._accepts is not None and not self._accepts(value):
                tracker.refuse("response_filter says no")
        return value

    def filtered(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function whose results are judged."""

        @functools.wraps(function)
        def load(*args: Any, **kwargs: Any) -> Any:
            return self.judged(function(*args, **kwargs))

        return load

    def around(self, cached: Cached, function: Callable[..., Any]) -> Any:
        """The decorated function with these choices."""

        @functools.wraps(cached.wrapper)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if self.past(function, args, kwargs):
                return function(*args, **kwargs)
            if self.forces(args, kwargs):
                return cached.values.refresh(*args, **kwargs)
            return cached.wrapper(*args, **kwargs)

        wrapper.uncached = function  # type: ignore[attr-defined]
        return wrapper
