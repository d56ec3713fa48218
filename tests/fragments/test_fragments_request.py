"""Fragments in pages of many visitors: what a fragment read of the request is in its key, and in the page's."""

from __future__ import annotations

import asyncio

import pytest
from http_world import ask
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from afresh import Cache
from afresh.engine.changes.invalidate import mark
from afresh.fragments import Outside, Wanted, fragments_of
from afresh.http.starlette import CacheMiddleware
from afresh.runtime.drive import drive


class Site:
    """A page with a fragment that `show` makes of the request."""

    def __init__(self, cache, show, *, auto=60, around=None):
        self.cache = cache
        self.made = []
        self.show = show
        self.around = around
        routes = [Route("/", self.view)]
        self.app = CacheMiddleware(Starlette(routes=routes), cache=cache, auto=auto)

    async def view(self, request):
        fragments = fragments_of(self.cache)

        def make():
            text = self.show(request)
            self.made.append(text)
            return text

        if self.around is None:
            return PlainTextResponse(fragments.rendered(Wanted("it", make)))
        around = Wanted(self.around, lambda: f"[{fragments.rendered(Wanted('it', make))}]")
        return PlainTextResponse(fragments.rendered(around))

    def __call__(self, **headers):
        return asyncio.run(ask(self.app, **headers)).text


@pytest.fixture(params=["memory", "file without memory"])
def cache(request, tmp_path):
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'cache.sqlite3'}"
    with Cache(url, **({} if request.param == "memory" else {"l1": None})) as opened:
        yield opened


def theme(request):
    return request.cookies.get("theme", "plain")


@pytest.fixture(params=[None, 60], ids=["pages are not kept", "pages are kept"])
def auto(request):
    return request.param


@pytest.mark.parametrize("around", [None, "outer"])
def test_who_has_the_same_shares_it(cache, auto, around):
    """Without the fragment's reads in the page's key, the page of the first would be everybody's."""
    site = Site(cache, theme, auto=auto, around=around)
    asked = ["dark", "light", "dark", None, "light", None]
    expected = [each or "plain" for each in asked]
    if around:
        expected = [f"[{each}]" for each in expected]
    assert [site(**({"cookie": f"theme={each}"} if each else {})) for each in asked] == expected
    assert sorted(site.made) == ["dark", "light", "plain"]


def test_who_reads_a_field_sees_how_it_is_spelled(cache, auto):
    site = Site(cache, lambda request: request.headers.get("x-title", ""), auto=auto)
    asked = ["a , b", "a,b", "a,,b", "a , b"]
    assert [site(x_title=each) for each in asked] == asked
    assert site.made == asked[:3]


def test_a_page_with_a_fragment_from_the_cache_has_its_reads(cache):
    """The fragment is there already when the page is made: the page still depends on the cookie."""
    site = Site(cache, theme)
    assert site(cookie="theme=dark") == "dark"
    # The page's own entry is dropped, the fragment's stays.
    drive(mark(cache._engine, [f"site:{cache._engine.namespace}:page"]))
    assert site(cookie="theme=dark") == "dark"
    assert site(cookie="theme=light") == "light"
    assert site.made == ["dark", "light"]


def test_one_that_reads_more_at_times(cache):
    def show(request):
        if request.cookies.get("theme") == "own":
            return f"own {request.cookies.get('colour')}"
        return theme(request)

    site = Site(cache, show, auto=None)
    for _ in range(3):
        assert site(cookie="theme=dark; colour=red") == "dark"
        assert site(cookie="theme=own; colour=red") == "own red"
        assert site(cookie="theme=own; colour=blue") == "own blue"
        assert site(cookie="theme=dark; colour=blue") == "dark"
    made = len(site.made)
    assert site(cookie="theme=own; colour=red") == "own red"
    assert len(site.made) == made


def test_what_was_read_of_the_request_before_it_may_be_in_what_it_shows(cache, auto):
    """The view reads a cookie, the fragment shows what it found: nothing of the request is read within it."""

    class Before(Site):
        async def view(self, request):
            shown = theme(request)
            wanted = Wanted("it", lambda: self.made.append(shown) or shown, outside=self.outside, address="/")
            return PlainTextResponse(fragments_of(self.cache).rendered(wanted))

        def outside(self):
            return Outside(shown=["theme"])

    site = Before(cache, None, auto=auto)
    asked = ["dark", "light", "dark", "light"]
    assert [site(cookie=f"theme={each}") for each in asked] == asked
    assert site.made == ["dark", "light"]


def test_one_that_reads_everything_is_not_kept(cache, auto):
    site = Site(cache, lambda request: f"{dict(request.headers).get('x-who')}", auto=auto)
    assert [site(x_who=who) for who in ("ann", "bob", "ann")] == ["ann", "bob", "ann"]
    assert len(site.made) == 3


def test_where_nobody_sees_the_request_one_that_read_it_is_made_anew(cache):
    """A command renders the same template: it has no cookie, and nobody can say which fragment is its."""
    site = Site(cache, theme, auto=None)
    assert site(cookie="theme=dark") == "dark"
    rendered = fragments_of(cache).rendered
    assert rendered(Wanted("it", lambda: "of nobody")) == "of nobody"
    assert site(cookie="theme=dark") == "dark"
    assert site.made == ["dark"]
