"""Visitors through `serve`, Varnish and nginx together: each sees what the application would say, and only that."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from edges import nginx, running, varnish
from origin import Got, ask

from afresh import Cache, tag
from afresh.edge.asgi import OutwardMiddleware
from afresh.edge.follow import Follower
from afresh.http.asgi import CacheMiddleware
from sizes import size

pytestmark = [pytest.mark.servers, pytest.mark.slow]
REQUESTS = size(400, 10_000)
PAGES = 6
HTML = (b"content-type", b"text/html; charset=utf-8")


class Shop:
    """Pages for all, a page for each visitor, and sessions. What it says now is what everybody must get."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.rows = dict.fromkeys(range(PAGES), 0)
        self.sessions: dict[str, str] = {}
        self.runs = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.runs += 1
        cookie = dict(scope["headers"]).get(b"cookie", b"").decode()
        status, text, fields = self.answer(scope["path"], cookie, recorded=True)
        body = text.encode()
        headers = [HTML, (b"content-length", b"%d" % len(body)), *fields]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def answer(self, path: str, cookie: str, *, recorded: bool = False) -> tuple[int, str, list[Any]]:
        who = self.sessions.get(cookie.partition("=")[2], "nobody")
        if path.startswith("/page/"):
            number = int(path.rpartition("/")[2])
            if recorded:
                self.cache.depends_on(tag("row", number))
            return (
                200,
                f"page {number}: {self.rows[number]}",
                [(b"cache-control", b"public, s-maxage=600, max-age=0")],
            )
        if path == "/hello":
            if recorded:
                self.cache.depends_on(tag("session", cookie))
            fields = [(b"vary", b"Cookie"), (b"cache-control", b"public, s-maxage=600, max-age=0")]
            return 200, f"hello {who}", fields
        if path == "/basket":
            return (200 if who != "nobody" else 403), f"basket of {who}", [(b"cache-control", b"private")]
        return 404, "none", [(b"cache-control", b"public, max-age=600")]


class Stage(NamedTuple):
    """Everything, running."""

    shop: Shop
    ports: dict[str, int]
    follower: Follower
    at_edges: Callable[[], None]


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    with Cache(f"sqlite:///{folder}/cache") as cache:
        shop = Shop(cache)
        app = CacheMiddleware(OutwardMiddleware(shop, cache), cache)
        with (
            running(app, http="afresh.http.serve:Protocol") as behind,
            varnish(folder, behind) as one,
            nginx(folder, behind) as two,
        ):
            for front in (one, two):
                front.edge.repeats = ()  # nothing is under way here when something changes
            with Follower(cache, [one.edge, two.edge], folder=folder / "edges") as follower:
                ports = {"serve": behind, "varnish": one.port, "nginx": two.port}

                def at_edges() -> None:
                    assert follower.settled(10)

                at_edges()
                yield Stage(shop, ports, follower, at_edges)


def test_nobody_sees_what_is_anothers_or_no_longer_so(tmp_path: Path) -> None:
    chance = random.Random(11)
    with stage(tmp_path) as on:
        cookies = {"ann": "", "bob": "", "crawler": ""}
        wrong: list[Any] = []
        hits = 0
        for number in range(REQUESTS):
            who = chance.choice(list(cookies))
            act = chance.random()
            if act < 0.03:
                row = chance.randrange(PAGES)
                on.shop.rows[row] += 1
                on.shop.cache.invalidate(tag("row", row))
                on.at_edges()
            elif act < 0.06 and who != "crawler":
                change_session(on, cookies, who, number)
            path = chance.choice(["/hello", "/basket", "/none", *(f"/page/{each}" for each in range(PAGES))])
            front = chance.choice(list(on.ports))
            fields = {"Cookie": cookies[who]} if cookies[who] else {}
            got = ask(on.ports[front], path, fields=fields)
            expected = on.shop.answer(path, cookies[who])
            if (got.status, got.body.decode()) != expected[:2]:
                wrong.append((number, front, who, path, got, expected))
            hits += was_hit(got)
        assert wrong == []
        assert hits > REQUESTS / 3, "a cache that keeps nothing proves nothing"
        assert on.shop.runs < REQUESTS * 0.75


def change_session(on: Stage, cookies: dict[str, str], who: str, number: int) -> None:
    """Log in with a new session, or end the one that there is."""
    cookie = cookies[who]
    if cookie:
        del on.shop.sessions[cookie.partition("=")[2]]
        cookies[who] = cookie if number % 2 else ""  # the browser may still send what has ended
    else:
        on.shop.sessions[f"s{number}"] = who
        cookies[who] = f"session=s{number}"
    if cookie and cookies[who] == cookie and cookie.partition("=")[2] not in on.shop.sessions:
        cookies[who] = ""
    on.shop.cache.invalidate(tag("session", cookie), tag("session", cookies[who]))
    on.at_edges()


def was_hit(got: Got) -> bool:
    return "; hit" in got.fields.get("cache-status", "")


def test_a_write_reaches_every_cache_soon(tmp_path: Path) -> None:
    """How soon is for `bench.edge_freshness`; here, that it does, in much less than a repeat takes."""
    with stage(tmp_path) as on:
        for number in range(size(10, 200)):
            for port in on.ports.values():
                ask(port, "/page/0")
            on.shop.rows[0] += 1
            on.shop.cache.invalidate(tag("row", 0))
            began, wanted = time.monotonic(), b"page 0: %d" % on.shop.rows[0]
            while not all(ask(port, "/page/0").body == wanted for port in on.ports.values()):
                assert time.monotonic() - began < 2, number
