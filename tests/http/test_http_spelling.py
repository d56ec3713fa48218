"""Who shows the query as it came has another page for each spelling; who reads its parameters hasn't."""

from __future__ import annotations

import asyncio
from urllib.parse import unquote

import pytest
from http_world import ask
from spellings import SAME_KEY, SPELLINGS
from starlette.requests import Request
from test_http_starlette import answers, built, cache, clock  # noqa: F401

from afresh.http.answers.adjusting import depending, outward
from afresh.http.requests.reading import QUERY, of_the_visitor
from afresh.http.starlette import CacheMiddleware
from afresh.rfc import Fields, Head
from afresh.rfc import Request as Asked
from afresh.rfc.settings import Settings
from afresh.rfc.storing import as_stored

RAW = {
    "url": lambda request: request.url.query,
    "scope": lambda request: request.scope["query_string"].decode(),
    "scope.get": lambda request: request.scope.get("query_string").decode(),
    "copied": lambda request: dict(request.scope)["query_string"].decode(),
    "another request": lambda request: Request(request.scope).url.query,
}

ALL = [{"path": "/x", "query": each} for each in (*SPELLINGS, *SPELLINGS)]


@pytest.mark.parametrize("look", RAW)
def test_the_query_as_it_came(cache, look):  # noqa: F811
    app, ran = built(cache, RAW[look])
    assert answers(app, *ALL) == [*SPELLINGS, *SPELLINGS]
    assert len(ran) == len(SPELLINGS)


def test_its_parameters(cache):  # noqa: F811
    app, ran = built(cache, lambda request: sorted(request.query_params.multi_items()))
    assert set(answers(app, *ALL)) == {"[('a', '1'), ('b', 'x/y')]"}
    assert len(ran) == len(SPELLINGS) - SAME_KEY + 1


def test_the_path_as_it_came(cache):  # noqa: F811
    app, ran = built(cache, lambda request: request.scope["raw_path"].decode())
    paths = ["/a%2Fb", "/a%2fb", "/%61%2Fb"]

    async def served(scope, receive, send):
        await app({**scope, "path": unquote(scope["path"])}, receive, send)

    assert answers(served, *[{"path": each} for each in (*paths, *paths)]) == [*paths, *paths]
    assert len(ran) == len(paths)


def test_other_caches_may_share_it(cache):  # noqa: F811
    """The address is in their key. So it is in that of the short way."""
    app, _ = built(cache, RAW["url"])

    async def thrice():
        return [await ask(app, "/x", query="a=%31") for _ in range(3)]

    for answered in asyncio.run(thrice()):
        assert answered.get("vary") is None
        assert "private" not in (answered.get("cache-control") or "")
    assert answered.hit
    found = app.middleware_stack
    while not isinstance(found, CacheMiddleware):
        found = found.app
    quick = found._quick
    assert quick.find("GET", "https", b"/x", b"a=%31", [(b"host", b"example.org")]).body == b"a=%31"
    assert quick.find("GET", "https", b"/x", b"a=1", [(b"host", b"example.org")]) is None


def test_a_declared_vary_is_not_excused_by_it():
    request = Asked("GET", "https", b"x", b"/", b"", Fields.of([(b"cookie", b"a=1")]), None)
    head = Head(200, Fields.of([(b"cache-control", b"max-age=9"), (b"vary", b"cookie")]))
    stored = as_stored(request, head, (b"cookie",), requested_at=0, received_at=0, settings=Settings())
    assert depending(stored, (), request, finer=(QUERY,)).vary == (b"cookie",)
    assert depending(stored, (), request, finer=("cookie:a",)).vary == ()
    assert of_the_visitor([QUERY, "client"]) == ["client"]
    assert outward(head.fields, (), (QUERY,)) == head.fields
