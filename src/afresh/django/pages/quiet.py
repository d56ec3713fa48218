"""Django's own middlewares, which read more of each request than they use.

`SessionMiddleware` looks at the cookie of the session for every page; only a page that reads the
session depends on it. What a middleware of the list below reads means nothing by itself; what
it stands for is noticed where it is used: a value of the session, the language.

Their methods are replaced in their classes, so those that a project has derived from them are
covered, with what they add left as visible as everybody's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.sessions.middleware import SessionMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.gzip import GZipMiddleware
from django.middleware.locale import LocaleMiddleware

from afresh.django.pages.visitor import Visitor, vary_of, visitor_of
from afresh.http.requests.reading import QUERY


def install() -> None:
    """Replace the methods, once."""
    if hasattr(SessionMiddleware.process_request, "__wrapped__"):
        return
    _replace(SessionMiddleware, "process_request", _quietly(_session))
    _replace(CsrfViewMiddleware, "process_request", _quietly())
    _replace(CsrfViewMiddleware, "process_view", _quietly())
    _replace(CommonMiddleware, "process_request", _quietly())
    _replace(LocaleMiddleware, "process_request", _quietly(Visitor.speaks))
    for kind in (SessionMiddleware, CsrfViewMiddleware, LocaleMiddleware):
        _replace(kind, "process_response", _answering)
    _replace(GZipMiddleware, "process_response", _later)


def _replace(kind: Any, name: str, make: Callable[[Any], Any]) -> None:
    original = getattr(kind, name)
    setattr(kind, name, wraps(original)(make(original)))


def _quietly(then: Callable[[Visitor], object] | None = None) -> Callable[[Any], Any]:
    """A method of a middleware that nobody listens to; afterwards, what it stands for is noticed."""

    def make(original: Any) -> Any:
        def method(self: Any, request: Any, *given: Any) -> Any:
            visitor = visitor_of(request)
            if visitor is None or visitor.reads is None:
                return original(self, request, *given)
            with visitor.reads.not_listening():
                answer = original(self, request, *given)
            if answer is not None:  # a redirect, with the query as it came
                visitor.reads.read(QUERY)
            if then is not None:
                then(visitor)
            return answer

        return method

    return make


def _answering(original: Any) -> Any:
    """The same on the way back: what it puts into `Vary` is known better."""

    def method(self: Any, request: Any, response: Any) -> Any:
        visitor = visitor_of(request)
        if visitor is None or visitor.reads is None:
            return original(self, request, response)
        before = vary_of(response)
        with visitor.reads.not_listening():
            answer = original(self, request, response)
        if answer is not response:
            visitor.reads.read(QUERY)
        visitor.reads.excused |= vary_of(answer) - before
        return answer

    return method


def _later(original: Any) -> Any:
    """What has holes can't be compressed yet: `afresh.django.Middleware` does it at the very end."""

    def method(self: Any, request: Any, response: Any) -> Any:
        return response if visitor_of(request) is not None else original(self, request, response)

    return method


def _session(visitor: Visitor) -> None:
    request = visitor.request
    request.session = visitor.adopt(request.session)
