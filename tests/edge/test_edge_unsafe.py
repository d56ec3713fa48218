"""A form is sent through an edge: the page of its address, and its group's, are dropped there too (RFC 9111 §4.4)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from edges import nginx, running
from origin import ask

from afresh import Cache
from afresh.asgi import CacheMiddleware
from afresh.edge.asgi import OutwardMiddleware
from afresh.edge.follow import Follower
from afresh.http.serve import Protocol
from afresh.testing.servers.process import wait_until

pytestmark = pytest.mark.servers


class Site:
    """Pages that nobody watches: only a form says that they change."""

    def __init__(self) -> None:
        self.forms = 0
        self.runs: Counter[str] = Counter()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        fields = [(b"content-type", b"text/plain")]
        if scope["method"] == "POST":
            self.forms += 1
            if scope["path"] == "/elsewhere":
                fields.append((b"cache-group-invalidation", b'"news"'))
        else:
            self.runs[scope["path"]] += 1
            fields += [(b"cache-control", b"s-maxage=600"), (b"cache-groups", b'"news"')]
            if scope["path"] == "/other":
                del fields[-1]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": b"%d" % self.forms})


def test_a_form_drops_the_page_of_its_address_at_the_edge(tmp_path: Path) -> None:
    site = Site()
    with (
        Cache(f"sqlite:///{tmp_path}/cache") as cache,
        running(CacheMiddleware(OutwardMiddleware(site, cache), cache), http=Protocol) as behind,
        nginx(tmp_path, behind) as front,
        Follower(cache, [front.edge], folder=tmp_path / "edges") as follower,
    ):
        front.edge.repeats = ()
        assert follower.settled(10)
        for path in ("/page", "/other", "/news"):
            wait_until(lambda path=path: "hit" in ask(front.port, path).fields["cache-status"], "a hit")
        ask(front.port, "/page", "POST")
        assert follower.settled(10)
        assert [ask(front.port, path).body for path in ("/page", "/other", "/news")] == [b"1", b"0", b"0"]
        ask(front.port, "/elsewhere", "POST")
        assert follower.settled(10)
        assert [ask(front.port, path).body for path in ("/page", "/other", "/news")] == [b"2", b"0", b"2"]
    assert site.runs == {"/page": 3, "/other": 1, "/news": 2}
