"""Cached views and functions: one decorator for both.

A function that is the view of the request answers it: its whole answer is kept, under the request's URL
and whatever it reads of the request. Any other function's result is kept under its arguments; what it
reads of the request can't be in its key, so then it is kept for nobody.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from flask import Response, current_app, has_request_context, request
from flask.globals import request_ctx

from afresh.cache import Cache
from afresh.core.durations import Duration
from afresh.engine.asking.tracker import asking
from afresh.errors import ConfigurationError
from afresh.flask import csrf
from afresh.flask.answers import answer_of, packed, unpacked
from afresh.fragments import Wanted, fragments_of
from afresh.http.requests.reading import part_of_the_answer
from afresh.http.requests.visit import visiting
from afresh.places import GIVEN
from afresh.rfc import primary_key
from afresh.rfc.requests import fat, overridden
from afresh.tagging import tags_of_call

_OF_ANSWERS = frozenset(["tags", "ttl"])
_SAFE = frozenset(["GET", "HEAD"])


class Cached:
    """A function that `cached` has decorated.

    Args:
        function: The function.
        cache: Gives the cache of the current application.
        options: What `Cache.cached` takes.
    """

    def __init__(
        self, function: Callable[..., Any], cache: Callable[[], Cache], options: dict[str, Any]
    ) -> None:
        self.function = function
        self._cache = cache
        self._options = options
        self._decorated: WeakKeyDictionary[Cache, Any] = WeakKeyDictionary()
        self.wrapper = self._wrapped()

    def _wrapped(self) -> Any:
        @functools.wraps(self.function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return self(*args, **kwargs)

        face: Any = wrapper
        face.uncached = self.function
        for name in ("invalidate", "invalidate_all", "refresh", "peek", "key"):
            setattr(face, name, functools.partial(self._of_values, name))
        return face

    def _of_values(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Do something with the results of the function."""
        return getattr(self.values, name)(*args, **kwargs)

    @property
    def values(self) -> Any:
        """The same function with its results kept by its arguments, in the current application's cache."""
        cache = self._cache()
        found = self._decorated.get(cache)
        if found is None:
            found = self._decorated[cache] = cache.cached(**self._options)(guarded(self.function))
        return found

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The result, kept or made now."""
        if not has_request_context():
            return self.values(*args, **kwargs)
        visit = visiting.get()
        if visit is None or visit.reads is None:  # nobody sees what is read of this request
            return self.function(*args, **kwargs)
        if not is_the_view(self.wrapper):
            return self.values(*args, **kwargs)
        return self.answer((), self._options.get("ttl", GIVEN), args, kwargs)

    def answer(
        self, key: tuple[object, ...], ttl: Duration | None, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """The answer of a view.

        Raises:
            ConfigurationError: There are options that answers have not.
        """
        more = sorted(self._options.keys() - _OF_ANSWERS)
        if more:
            raise ConfigurationError(
                f"{more[0]}= is not for views: they take ttl and tags. Write a rule for its path: "
                "[[http.rule]] in afresh.toml."
            )
        if passes():
            return current_app.ensure_sync(self.function)(*args, **kwargs)
        tags = tags_of_call(self.function, self._options.get("tags"))
        return kept_answer(
            self._cache(),
            self.name,
            key,
            ttl,
            lambda: current_app.ensure_sync(self.function)(*args, **kwargs),
            tags(args, kwargs)() if tags is not None else (),
        )

    @property
    def name(self) -> str:
        """What its answers are called."""
        return f"view:{self.function.__module__}.{self.function.__qualname__}"


def kept_answer(
    cache: Cache, name: str, key: tuple[object, ...], ttl: Duration | None, make: Callable[[], Any], tags: Any
) -> Any:
    """The answer of a view to this request, kept or made now."""
    unkept: list[Any] = []

    def text() -> str:
        if tags:
            cache.depends_on(*tags)
        before = _left_to_do()
        value = make()
        if _left_to_do() != before:
            _refuse("it left something to do after this request")
        response = answer_of(value)
        if response is None:
            _refuse("it is sent as it is made")
            unkept.append(value)
            return ""
        _declared(response)
        return packed(response)

    holes = frozenset([csrf.HOLE]) if csrf.use_holes() else frozenset()
    visit = visiting.get()
    assert visit is not None
    page = primary_key(visit.asked.request, visit.asked.options.rules)
    vary = (*key, request.method, page.decode("latin-1"))
    wanted = Wanted(name, text, vary, ttl=ttl, holes=holes, fill=lambda hole: csrf.generate_csrf())
    kept = fragments_of(cache).rendered(wanted)
    return unkept[0] if unkept else unpacked(kept)


def _left_to_do() -> int:
    """How much `after_this_request` was given so far."""
    context: Any = request_ctx
    return len(context._after_request_functions)


def _declared(response: Response) -> None:
    """What an answer says that it depends on was read, though not seen."""
    visit = visiting.get()
    if visit is not None and visit.reads is not None:
        for name in response.vary:
            visit.reads.header(name.encode("latin-1"))


def passes() -> bool:
    """Whether the view answers the current request itself, whatever is kept."""
    visit = visiting.get()
    if visit is None or request.method not in _SAFE:
        return True
    asked = visit.asked.request
    return fat(asked) or overridden(asked)


def is_the_view(wrapper: Any) -> bool:
    """Whether a decorated function is what answers the current request."""
    view: Any = current_app.view_functions.get(request.endpoint or "")
    if view is None:
        return False
    kind = getattr(view, "view_class", None)
    method = (
        None if kind is None else getattr(kind, request.method.lower(), None) or getattr(kind, "get", None)
    )
    return wrapper in (*_chain(view), *_chain(method))


def _chain(function: Any) -> Iterator[Any]:
    """A function and those that it wraps."""
    while function is not None:
        yield function
        function = getattr(function, "__wrapped__", None)


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """A loader whose result nobody else gets if it was made from this request."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def aload(*args: Any, **kwargs: Any) -> Any:
            with _alone_if_it_reads():
                return _no_response(await function(*args, **kwargs))

        return aload

    @functools.wraps(function)
    def load(*args: Any, **kwargs: Any) -> Any:
        with _alone_if_it_reads():
            return _no_response(function(*args, **kwargs))

    return load


@contextmanager
def _alone_if_it_reads() -> Iterator[None]:
    with part_of_the_answer() as part:
        yield
    read = sorted([*(name.decode() for name in part.headers), *part.others])
    if read or part.refused:
        _refuse(f"it read {', '.join(read) or part.refused} of the request: give that as an argument")


def _no_response(value: Any) -> Any:
    if isinstance(value, Response):
        _refuse("it is the answer to one request")
    return value


def _refuse(reason: str) -> None:
    tracker = asking()
    if tracker is not None:
        tracker.refuse(reason)
