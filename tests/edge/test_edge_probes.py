"""`afresh probe` through the generated configurations: nothing is found, whatever the application does wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from edges import FRONTS, Counting, Front, nginx, running
from origin import ask
from probe_planted import Planted

from afresh import Cache
from afresh.edge.asgi import OutwardMiddleware
from afresh.edge.published import Publishing, PublishMiddleware
from afresh.http.asgi import CacheMiddleware
from afresh.http.serve import Protocol
from afresh.probe import PROBES, Got, Sent, over_http, probe
from afresh.testing.servers import MemcachedServer
from afresh.testing.servers.process import wait_until

pytestmark = pytest.mark.servers

SIGNED_IN = "/account"


class Site(Planted):
    """Every mistake, and one page of the other kind: each visitor's own, which says so."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] != SIGNED_IN:
            await super().__call__(scope, receive, send)
            return
        who = dict(scope["headers"]).get(b"cookie", b"nobody")
        fields = [(b"vary", b"Cookie"), (b"cache-control", b"max-age=60"), (b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": b"%b %b" % (self.number(), who)})


def whole(cache: Cache) -> Any:
    return CacheMiddleware(OutwardMiddleware(Site(), cache), cache)


def marking(cache: Cache) -> Any:
    return OutwardMiddleware(Site(), cache)


def alone(cache: Cache) -> Any:
    return Site()


BEHIND = {"afresh": (whole, Protocol), "names": (marking, "auto"), "nothing": (alone, "auto")}
# Varnish goes by Cache-Control, nginx by what `OutwardMiddleware` says.
FRONTED = [("varnish", "afresh"), ("varnish", "nothing"), ("nginx", "afresh"), ("nginx", "names")]


@pytest.fixture(scope="module", params=FRONTED, ids="-".join)
def front(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """An edge, and behind it afresh, something that only gives names, or an application as it is."""
    kind, behind = request.param
    made, protocol = BEHIND[behind]
    with (
        Cache("memory://") as cache,
        running(made(cache), http=protocol) as port,
        FRONTS[kind](tmp_path_factory.mktemp("probed"), port) as front,
    ):
        yield front


@pytest.mark.parametrize("name", [each.name for each in PROBES])
def test_an_edge_mixes_nothing_up(front: Front, name: str) -> None:
    asked = over_http(front.url("/"))
    assert list(probe(asked, [f"/{name}", SIGNED_IN], only=[name], draw=random.random)) == []


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Front, Counting]]:
    """nginx with what is published."""
    folder = tmp_path_factory.mktemp("published")
    with (
        Cache("memory://") as cache,
        MemcachedServer(folder / "m") as memcached,
        closing(
            Publishing(cache, memcached.address, folder / "index", content_type="text/plain")
        ) as publishing,
        closing(PublishMiddleware(whole(cache), cache, publishing)) as app,
        running(counting := Counting(app), http=Protocol) as port,
        nginx(
            folder, port, mode="memcached", memcached=memcached.address, content_type="text/plain"
        ) as front,
    ):
        yield front, counting
        assert publishing.published > len(PROBES), "what publishes nothing proves nothing"


@pytest.mark.parametrize("name", [each.name for each in PROBES])
def test_nothing_is_published_that_is_anothers(published: tuple[Front, Counting], name: str) -> None:
    front, counting = published
    asked = over_http(front.url("/"))

    def settled(sent: Sent) -> Got:
        got = asked(sent)
        wait_until(lambda: not counting.running, "publishing")
        return got

    assert list(probe(settled, [f"/{name}", SIGNED_IN], only=[name], draw=random.random)) == []


@pytest.mark.parametrize("front", [(kind, "afresh") for kind in FRONTS], ids="-".join, indirect=True)
def test_pages_of_who_is_signed_in_are_kept_behind_and_shown_to_nobody_else(front: Front) -> None:
    for who in ("session=ann", "session=bob"):
        answers = {ask(front.port, SIGNED_IN, fields={"Cookie": who}).body for _ in range(3)}
        assert len(answers) == 1, "each run of the view has a number: it ran once"
        assert answers.pop().endswith(who.encode())
    assert ask(front.port, SIGNED_IN).body.endswith(b"nobody")
