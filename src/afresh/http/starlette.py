"""`CacheMiddleware` for Starlette and FastAPI: what a view reads of the request decides who shares its answer.

::

    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=["example.org"]),
            Middleware(SessionMiddleware, secret_key=SECRET),
            Middleware(AuthenticationMiddleware, backend=backend),
            Middleware(CacheMiddleware, cache=cache),       # the innermost
        ],
    )

A hit is still a request: what stands before this middleware runs for each, so hosts are checked,
sessions end, and who is no longer signed in is no longer served as if he were. What stands after it
is skipped by hits.

Three properties of Starlette's are replaced, for requests that this middleware watches: `cookies`, to
see which cookies are read; `base_url`, which would read the whole scope; and `query_params`, to which it
is all one how the query is spelled. So is the making of a `BackgroundTask`: what leaves one is not kept,
since hits would leave none.
"""

from __future__ import annotations

from typing import Any

from starlette.background import BackgroundTask
from starlette.datastructures import QueryParams
from starlette.requests import HTTPConnection, cookie_parser

from afresh.http.answers.leaving import notice
from afresh.http.requests.noticing import NoticingScope
from afresh.http.requests.reading import Cookies
from afresh.http.requests.watching import Watching


class CacheMiddleware(Watching):
    """See the module, and `Watching` for its arguments."""


def _cookies(self: HTTPConnection) -> dict[str, str]:
    scope = self.scope
    if not isinstance(scope, NoticingScope):
        return _PLAIN_COOKIES(self)  # type: ignore[no-any-return]
    found: Any = getattr(self, "_cookies", None)
    if found is None:
        found = Cookies()
        found.reads = scope.reads
        for line in scope.reads.fields.get_all(b"cookie"):
            found.update(cookie_parser(line.decode("latin-1")))
        self._cookies = found
    return found  # type: ignore[no-any-return]


def _base_url(self: HTTPConnection) -> Any:
    scope = self.scope
    if not isinstance(scope, NoticingScope):
        return _PLAIN_BASE_URL(self)
    if not hasattr(self, "_base_url"):
        self._base_url = HTTPConnection(dict(dict.items(scope))).base_url
    return self._base_url


def _query_params(self: HTTPConnection) -> QueryParams:
    scope = self.scope
    if not isinstance(scope, NoticingScope):
        return _PLAIN_QUERY_PARAMS(self)  # type: ignore[no-any-return]
    if not hasattr(self, "_query_params"):
        self._query_params = QueryParams(dict.get(scope, "query_string", b""))
    return self._query_params


_PLAIN_COOKIES: Any = HTTPConnection.__dict__["cookies"].fget
_PLAIN_BASE_URL: Any = HTTPConnection.__dict__["base_url"].fget
_PLAIN_QUERY_PARAMS: Any = HTTPConnection.__dict__["query_params"].fget
HTTPConnection.cookies = property(_cookies)  # type: ignore[assignment, method-assign]
HTTPConnection.base_url = property(_base_url)  # type: ignore[assignment, method-assign]
HTTPConnection.query_params = property(_query_params)  # type: ignore[assignment, method-assign]
notice(BackgroundTask)
