"""Two people and a crawler at every cache at once: each gets what the application without a cache would say.

Both middlewares, `afresh serve`, and behind generated configurations Varnish, nginx and published pages; real servers, each with
a cache of its own over one ledger, as workers of a machine have.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from edge_shop import PATHS, PEOPLE, PRODUCTS, Shop, created, wsgi_running
from edges import Counting, nginx, running, varnish
from origin import Got, ask
from starlette.middleware import Middleware

from afresh import Cache
from afresh.asgi import CacheMiddleware
from afresh.db import Database
from afresh.edge.asgi import OutwardMiddleware
from afresh.edge.follow import Follower
from afresh.edge.published import Published, Publishing, PublishMiddleware
from afresh.http.serve import Protocol
from afresh.http.starlette import CacheMiddleware as WatchingMiddleware
from afresh.testing.clock import FakeClock
from afresh.testing.servers import MemcachedServer
from afresh.testing.servers.process import wait_until
from afresh.wsgi import CacheMiddleware as WsgiMiddleware
from sizes import seed, size

pytestmark = [pytest.mark.servers, pytest.mark.slow]

REQUESTS = size(400, 10_000)
TRIALS = size(2, 250)  # of each way in which somebody's rights end, at each front
_AT_ONCE = 4
_TEXT = "text/plain; charset=utf-8"


class Stage(NamedTuple):
    """Everything, running.

    Attributes:
        ports: Of each front.
        shops: What answers at each, when no cache does.
        oracle: The port of the application without a cache.
        elsewhere: Another worker, which changes things.
        clock: Of sessions and caches.
        told: Returns when the edges know of all that has changed.
        publishing: Where pages go that nginx serves by itself.
    """

    ports: dict[str, int]
    shops: dict[str, Shop]
    oracle: int
    elsewhere: Shop
    clock: FakeClock
    told: Callable[[], None]
    publishing: Publishing


class Publishes(NamedTuple):
    """nginx with what is published, and what publishes it."""

    port: int
    edge: Published
    counting: Counting
    publishing: Publishing


@contextmanager
def publishing_front(folder: Path, shop: Shop, cache: Cache) -> Iterator[Publishes]:
    whole = CacheMiddleware(OutwardMiddleware(shop.asgi(), cache), cache)
    with (
        MemcachedServer(folder / "memcached") as memcached,
        closing(Publishing(cache, memcached.address, folder / "index", content_type=_TEXT)) as publishing,
        closing(PublishMiddleware(whole, cache, publishing)) as middleware,
        running(counting := Counting(middleware)) as behind,
    ):
        settings = {"mode": "memcached", "memcached": memcached.address, "content_type": _TEXT}
        with nginx(folder / "published", behind, **settings) as front:
            edge = Published(memcached.address, folder / "index")
            yield Publishes(front.port, edge, counting, publishing)


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    path, clock, database = folder / "shop.db", FakeClock(time.time()), Database("sqlite")
    created(path)
    with ExitStack() as stack:

        def cache() -> Cache:
            return stack.enter_context(Cache(f"sqlite:///{folder}/cache", clock=clock))

        def shop(of: Database | None = database, *, says: bool = True) -> Shop:
            return stack.enter_context(closing(Shop(path, clock, of, says=says)))

        watched, threaded, served = shop(says=False), shop(), shop()
        glue = Middleware(WatchingMiddleware, cache=cache(), auto="1d")
        threads = WsgiMiddleware(threaded.wsgi, cache())
        pages = cache()
        whole = CacheMiddleware(OutwardMiddleware(served.asgi(), pages), pages)
        ports = {
            "starlette": stack.enter_context(running(watched.asgi(glue))),
            "wsgi": stack.enter_context(wsgi_running(threads)),
            "serve": stack.enter_context(running(whole, http=Protocol)),
        }
        scripts = {"ignored_cookies": ["_ga*"]}
        fronts = [stack.enter_context(kind(folder, ports["serve"], **scripts)) for kind in (varnish, nginx)]
        public = shop()
        publishes = stack.enter_context(publishing_front(folder, public, pages))
        for each in fronts:
            each.edge.repeats = ()  # nothing is under way here when something changes
        edges = [*(each.edge for each in fronts), publishes.edge]
        follower = stack.enter_context(Follower(cache(), edges, folder=folder / "edges"))
        ports |= {"varnish": fronts[0].port, "nginx": fronts[1].port, "published": publishes.port}
        shops = dict.fromkeys(ports, served) | {"starlette": watched, "wsgi": threaded, "published": public}
        oracle = stack.enter_context(running(shop(None).asgi()))

        def told() -> None:
            wait_until(lambda: not publishes.counting.running, "publishing")
            assert follower.settled(20)

        told()
        yield Stage(ports, shops, oracle, shop(), clock, told, publishes.publishing)


class Browser:
    """Somebody with his cookies."""

    def __init__(self, **cookies: str) -> None:
        self.cookies = cookies

    def fields(self, **more: str) -> dict[str, str]:
        crumbs = "; ".join(f"{name}={value}" for name, value in self.cookies.items() if value)
        return {"Cookie": crumbs, **more} if crumbs else more

    def post(self, port: int, path: str) -> None:
        line = ask(port, path, "POST", self.fields()).fields["set-cookie"]
        self.cookies["session"] = line.partition(";")[0].partition("=")[2]


def test_nobody_sees_what_is_anothers_or_no_longer_so(tmp_path: Path) -> None:
    chance = random.Random(seed())
    wrong: list[Any] = []
    with stage(tmp_path) as on, ThreadPoolExecutor(_AT_ONCE) as pool:
        browsers = [Browser(), Browser(theme="dark"), Browser(_ga="GA1.2")]
        for number in range(REQUESTS // _AT_ONCE):
            something_happens(on, browsers[1:], number, chance)
            group = [visit(browsers, on, chance) for _ in range(_AT_ONCE)]
            expected = list(pool.map(lambda each: ask(on.oracle, each[1], fields=each[2]), group))
            got = list(pool.map(lambda each: ask(on.ports[each[0]], each[1], fields=each[2]), group))
            wrong += [
                (number, *asked, plain, cached)
                for asked, plain, cached in zip(group, expected, got, strict=True)
                if said(plain) != said(cached)
            ]
        assert wrong == []
        runs = sum({id(shop): shop.runs for shop in on.shops.values()}.values())
        assert on.publishing.published > 0
    assert runs < REQUESTS * 0.9, "a cache that keeps nothing proves nothing"


def said(got: Got) -> tuple[int, bytes, bool]:
    return got.status, got.body, "set-cookie" in got.fields


def visit(browsers: list[Browser], on: Stage, chance: random.Random) -> tuple[str, str, dict[str, str]]:
    language = chance.choice([{}, {}, {"Accept-Language": "de"}])
    fields = chance.choice(browsers).fields(**language)
    return chance.choice(list(on.ports)), chance.choice(PATHS), fields


def something_happens(on: Stage, browsers: list[Browser], number: int, chance: random.Random) -> None:
    """Somebody signs in or out, by whichever front; buys; or changes what pages are made from."""
    somebody, port, roll = chance.choice(browsers), chance.choice(list(on.ports.values())), chance.random()
    if roll < 0.08:
        somebody.post(port, f"/in/s{number}/{chance.choice(PEOPLE)}")
    elif roll < 0.12:
        somebody.post(port, "/out")
    elif roll < 0.18:
        somebody.post(port, f"/buy/{chance.randrange(PRODUCTS)}")
    elif roll < 0.28:
        edit(on.elsewhere, chance)
    elif roll < 0.3:
        on.clock.advance(chance.choice([1, 601, 3600]))
    on.told()


def edit(shop: Shop, chance: random.Random) -> None:
    """Another worker changes rows: also who may see what, and whose session there is."""
    number, name = chance.randrange(PRODUCTS), chance.choice(PEOPLE)
    statement, *parameters = chance.choice(
        [
            ("UPDATE product SET price = price + 1 WHERE id = ?", number),
            ("UPDATE product SET name = name || '!' WHERE id = ?", number),
            ("UPDATE person SET staff = 1 - staff WHERE name = ?", name),
            ("UPDATE person SET active = 1 - active WHERE name = ?", name),
            ("DELETE FROM session WHERE person = ?", name),
            ("DELETE FROM basket WHERE person = ?", name),
        ]
    )
    shop.rows(statement, *parameters)


def logged_out(on: Stage, session: str, name: str) -> None:
    on.elsewhere.rows("DELETE FROM session WHERE id = ?", session)


def deactivated(on: Stage, session: str, name: str) -> None:
    on.elsewhere.rows("UPDATE person SET active = 0 WHERE name = ?", name)


def withdrawn(on: Stage, session: str, name: str) -> None:
    on.elsewhere.rows("UPDATE person SET staff = 0 WHERE name = ?", name)


def expired(on: Stage, session: str, name: str) -> None:
    on.clock.advance(61)


def test_whose_rights_have_ended_gets_no_cached_answer(tmp_path: Path) -> None:
    cached = trials = 0
    with stage(tmp_path) as on:
        for number in range(TRIALS):
            for end in (logged_out, deactivated, withdrawn, expired):
                for front in on.ports:
                    name = f"{front}-{end.__name__}-{number}"
                    trials += 1
                    cached += kept_until(lambda name=name, end=end: end(on, name, name), on, front, name)
    assert cached == trials, "what was never cached proves nothing"


def kept_until(end: Callable[[], None], on: Stage, front: str, name: str) -> bool:
    """Whether somebody's page was kept, who gets it no more when his rights end."""
    on.elsewhere.rows("INSERT INTO person VALUES (?, 1, 1)", name)
    on.elsewhere.sign_in(name, name, lasts=60)
    cookie, before = {"Cookie": f"session={name}"}, on.shops[front].runs
    for _ in range(3):
        assert ask(on.ports[front], "/staff", fields=cookie).body == f"secrets of {name}".encode()
    kept = on.shops[front].runs == before + 1
    end()
    assert ask(on.ports[front], "/staff", fields=cookie).body == b"forbidden", name
    return kept
