"""`cache_page`: how long the pages of one view may be kept, as Django's decorator of that name says it.

::

    from afresh.django.views import cache_page

    @cache_page(60 * 15)
    def shelf(request): ...

    path("shelf/", cache_page("15m")(Shelf.as_view()))

`afresh.django.Middleware` keeps them, and drops them when what they show changes. Browsers are told nothing:
they can't be told of a change. With `AFRESH = {"AUTO": None}` it keeps the pages of decorated views alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import ImproperlyConfigured

from afresh.core.durations import Duration, seconds
from afresh.django import project
from afresh.django.pages.visitor import visitor_of
from afresh.errors import ConfigurationError

_FIELD = "CDN-Cache-Control"  # RFC 9213: for caches like ours, which can be told of a change
_FOREVER = 365 * 24 * 3600
_REFUSING = ("no-store", "no-cache", "private", "max-age=0")


def cache_page(
    timeout: Duration | None, *, cache: object = None, key_prefix: object = None
) -> Callable[[Any], Any]:
    """Let the pages of a view be kept for so long.

    Args:
        timeout: Seconds, or a duration such as `"15m"`; `None` has no limit.
        cache: Not taken: pages are all in one place, the setting `AFRESH["CACHE"]`.
        key_prefix: Not taken: what a page was made from is its key.

    Raises:
        ConfigurationError: The timeout is no duration, or something is given that isn't taken.
    """
    if callable(timeout):
        raise ConfigurationError("cache_page needs a timeout: @cache_page(900), or @cache_page(None).")
    if cache is not None:
        raise ConfigurationError(f"cache={cache!r}: pages are all in one place, which AFRESH['CACHE'] names.")
    if key_prefix is not None:
        raise ConfigurationError(
            f"key_prefix={key_prefix!r}: leave it out, keys say all that a page was made from."
        )
    age = _FOREVER if timeout is None else int(seconds(timeout, "timeout"))

    def decorator(view: Any) -> Any:
        if iscoroutinefunction(view):

            @wraps(view)
            async def answer_later(request: Any, *args: Any, **kwargs: Any) -> Any:
                _check(request)
                return _may_be_kept(await view(request, *args, **kwargs), age)

            return answer_later

        @wraps(view)
        def answer(request: Any, *args: Any, **kwargs: Any) -> Any:
            _check(request)
            return _may_be_kept(view(request, *args, **kwargs), age)

        return answer

    return decorator


def _check(request: Any) -> None:
    if visitor_of(request) is None and not project.keeps_pages():
        raise ImproperlyConfigured(
            'cache_page keeps nothing by itself: put "afresh.django.Middleware" first in MIDDLEWARE.'
        )


def _may_be_kept(response: Any, age: int) -> Any:
    """Say it, unless the response says something else, or is to be rendered first."""
    if not getattr(response, "is_rendered", True):
        response.add_post_render_callback(lambda rendered: _may_be_kept(rendered, age))
        return response
    said = response.get("Cache-Control", "").lower()
    if response.status_code in {200, 203, 204, 300, 301, 404, 410} and not any(
        each in said for each in _REFUSING
    ):
        response.headers.setdefault(_FIELD, f"max-age={age}")
    return response
