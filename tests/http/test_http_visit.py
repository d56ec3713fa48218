"""While an answer is made, its parts can be told what was read for them of the request."""

from __future__ import annotations

import asyncio

import pytest
from http_world import ask
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from afresh import Cache
from afresh.http.requests.reading import part_of_the_answer
from afresh.http.requests.visit import visiting
from afresh.http.starlette import CacheMiddleware


@pytest.fixture
def seen():
    return []


@pytest.fixture
def app(seen):
    async def view(request):
        request.cookies.get("before")
        with part_of_the_answer() as part:
            request.cookies.get("theme")
            with part_of_the_answer() as within:
                request.headers.get("x-mine")
        visit = visiting.get()
        seen.append((part, within, visit))
        values = visit.asked.values(sorted(visit.reads.others), b"")
        return PlainTextResponse(str(len(values)))

    with Cache("memory://") as cache:
        yield CacheMiddleware(Starlette(routes=[Route("/", view)]), cache=cache)


def test_a_part_knows_what_was_read_for_it_and_for_what_is_within_it(app, seen):
    assert asyncio.run(ask(app, cookie="theme=dark")).text == "2"
    [(part, within, visit)] = seen
    assert (part.others, part.headers) == ({"cookie:theme"}, {b"x-mine"})
    assert (within.others, within.headers) == (set(), {b"x-mine"})
    assert visit.reads.others == {"cookie:before", "cookie:theme"}
    assert visit.reads.headers == {b"x-mine"}


def test_what_cannot_be_shared_cannot_be_in_any_part_around(app, seen):
    asyncio.run(ask(app))
    part, _, visit = seen[0]
    with part_of_the_answer() as around, part_of_the_answer() as inner:
        visit.reads.everything()
    assert visit.reads.refused == around.refused == inner.refused == "all fields of the request were read"
    assert part.refused == ""


def test_nobody_is_visiting_afterwards(app):
    asyncio.run(ask(app))
    assert visiting.get() is None
