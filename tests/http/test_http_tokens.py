"""A token ends the pages that were made for it."""

from __future__ import annotations

import asyncio
import json
import math
from base64 import urlsafe_b64encode

import pytest
from http_world import ask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from afresh import Cache
from afresh.http.requests.tokens import expiry
from afresh.http.starlette import CacheMiddleware
from afresh.testing.clock import FakeClock

NOW = 1_800_000_000.0


def part(claims):
    return urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=")


def token(claims):
    return b".".join([part({"alg": "HS256", "typ": "JWT"}), part(claims), b"signature"])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], math.inf),
        ([b"Bearer " + token({"exp": 7})], 7.0),
        ([token({"exp": 7.5, "sub": "ä"})], 7.5),
        ([b"Token " + token({"exp": 9}), token({"exp": 8})], 8.0),
        ([token({"sub": "1"})], math.inf),
        ([token({"exp": "7"}), token({"exp": True}), token([7]), token({"exp": None})], math.inf),
        (
            [b"Basic dXNlcjpwYXNz", b"a.b.c", b"eyJ.eyJ.eyJ", b"eyJ.\xff\xfe.x", b"eyJ..", b"eyJ.YQ.x"],
            math.inf,
        ),
        ([b"eyJ." + part({"exp": 7}) + b"." + b"x" * 9000], math.inf),
        ([b"eyJ." + urlsafe_b64encode(b"[" * 5000).rstrip(b"=") + b".x"], math.inf),
        ([b"eyJ." + urlsafe_b64encode(b'{"exp":1' + b"0" * 500 + b"}").rstrip(b"=") + b".x"], math.inf),
    ],
)
def test_the_expiry_of_what_a_request_carries(values, expected):
    assert expiry(values) == expected


def of_header(request):
    return request.headers.get("authorization", "")


def of_cookie(request):
    return request.cookies.get("token", "")


@pytest.mark.parametrize("separator", ["; ", ";\x1c"], ids=["", "read by Starlette alone"])
@pytest.mark.parametrize("reads", [of_header, of_cookie, None])
def test_a_page_that_was_made_for_a_token_ends_with_it(reads, separator):
    clock, runs = FakeClock(NOW), []

    def view(request):
        runs.append(1)
        return PlainTextResponse(str(reads is not None and bool(reads(request))))

    with Cache("memory://", clock=clock) as cache:
        middleware = Middleware(CacheMiddleware, cache=cache, auto="5m")
        app = Starlette(routes=[Route("/", view)], middleware=[middleware])
        sent = token({"exp": NOW + 30}).decode()
        asked = {"authorization": f"Bearer {sent}", "cookie": f"theme=dark{separator}token={sent}"}

        async def twice():
            return [await ask(app, **asked) for _ in range(2)]

        asyncio.run(twice())
        assert len(runs) == 1
        clock.advance(29)
        asyncio.run(twice())
        assert len(runs) == 1
        clock.advance(1)
        asyncio.run(twice())
        # Who doesn't read it makes a page that is everybody's. Who does gets one that has expired already.
        assert len(runs) == (1 if reads is None else 3)
