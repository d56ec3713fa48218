"""Two users and a crawler, with sign-ins, sign-outs, edits and withdrawn rights: nobody sees another's page.

The oracle is the same application without a cache, over the same database, asked at the same moment.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3

import pytest
from http_world import ask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from afresh import Cache
from afresh.asgi import CacheMiddleware as PlainMiddleware
from afresh.db import dbapi
from afresh.http.starlette import CacheMiddleware
from afresh.testing.clock import FakeClock
from sizes import seed, size

PRODUCTS = 4
NAMES = ("ann", "bob")
PATHS = ["/", "/basket", "/staff", "/theme", "/nobody", *[f"/product/{n}" for n in range(PRODUCTS)]]


class Shop:
    """A shop; `headers` are what its pages say to caches."""

    def __init__(self, connection, headers):
        self.connection = connection
        self.headers = headers
        self.runs = 0

    def rows(self, statement, *parameters):
        return self.connection.execute(statement, parameters).fetchall()

    def write(self, statement, *parameters):
        self.connection.execute(statement, parameters)
        self.connection.commit()

    def user(self, request):
        """Who is signed in, if he still may be."""
        name = request.session.get("user")
        found = self.rows("SELECT name, staff FROM person WHERE name = ? AND active = 1", name)
        return found[0] if found else None

    async def page(self, request):
        await asyncio.sleep(0)
        self.runs += 1
        path, text = request.url.path, "for everybody"
        if path == "/":
            text = repr(self.rows("SELECT id, name FROM product ORDER BY id"))
        elif path.startswith("/product/"):
            text = repr(
                self.rows("SELECT name, price FROM product WHERE id = ?", int(path.rpartition("/")[2]))
            )
            text += f" for {self.user(request)}"
        elif path == "/basket":
            text = f"{self.user(request)}: {request.session.get('basket', [])}"
        elif path == "/staff":
            user = self.user(request)
            text = "secrets" if user and user[1] else "forbidden"
        elif path == "/theme":
            text = request.cookies.get("theme", "light") + request.headers.get("accept-language", "")
        return PlainTextResponse(text, headers=self.headers(path))

    async def sign_in(self, request):
        request.session["user"] = request.path_params["name"]
        return PlainTextResponse("in")

    async def sign_out(self, request):
        request.session.clear()
        return PlainTextResponse("out")

    async def buy(self, request):
        request.session["basket"] = [*request.session.get("basket", []), request.path_params["id"]]
        return PlainTextResponse("bought")

    def app(self, *inner, outer=lambda app: app):
        routes = [
            Route("/in/{name}", self.sign_in, methods=["POST"]),
            Route("/out", self.sign_out, methods=["POST"]),
            Route("/buy/{id:int}", self.buy, methods=["POST"]),
            Route("/{rest:path}", self.page),
        ]
        sessions = Middleware(SessionMiddleware, secret_key="not a secret")
        return outer(Starlette(routes=routes, middleware=[sessions, *inner]))


class Visitor:
    """Somebody with a browser, or a crawler without one."""

    def __init__(self, cookies):
        self.cookies = dict(cookies)

    def fields(self):
        crumbs = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"cookie": crumbs} if crumbs else {}

    async def get(self, app, path, **more):
        return await ask(app, path, **self.fields(), **more)

    async def post(self, app, path):
        answered = await ask(app, path, method="POST", **self.fields())
        for line in (answered.get("set-cookie") or "").split(", "):
            name, _, value = line.partition(";")[0].partition("=")
            if name == "session":
                self.cookies[name] = value
        if self.cookies.get("session") == "null":
            del self.cookies["session"]


def glued(path):
    return {}


def by_headers(path):
    """What a careful author says: who differs by the cookie says so."""
    if path in {"/nobody", "/"}:
        return {"cache-control": "public, max-age=60"}
    vary = "cookie, accept-language" if path == "/theme" else "cookie"
    return {"cache-control": "max-age=60", "vary": vary}


def opened(kind, cache, connection):
    if kind == "glue":
        return Shop(connection, glued), [Middleware(CacheMiddleware, cache=cache)], lambda app: app
    return Shop(connection, by_headers), [], lambda app: PlainMiddleware(app, cache=cache)


@pytest.mark.parametrize("kind", ["glue", "headers"])
def test_nobody_sees_another_page(tmp_path, kind):
    chance = random.Random(seed())
    clock = FakeClock(1_800_000_000.0)
    connection = dbapi.wrap(sqlite3.connect(tmp_path / "shop.db"))
    with Cache("memory://", clock=clock) as cache:
        shop, inner, outer = opened(kind, cache, connection)
        oracle = Shop(connection, shop.headers)
        asyncio.run(visits(shop, shop.app(*inner, outer=outer), oracle.app(), chance, clock))
    connection.close()


async def visits(shop, app, oracle, chance, clock):
    shop.connection.execute("CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT, price INTEGER)")
    shop.connection.execute("CREATE TABLE person (name TEXT PRIMARY KEY, staff INTEGER, active INTEGER)")
    for number in range(PRODUCTS):
        shop.write("INSERT INTO product VALUES (?, ?, ?)", number, f"tea {number}", 10)
    for name in NAMES:
        shop.write("INSERT INTO person VALUES (?, 0, 1)", name)
    visitors = [Visitor({}), Visitor({"theme": "dark"}), Visitor({"_ga": "1"})]
    asked = hits = 0
    while asked < size(600, 10_000):
        roll = chance.random()
        somebody = chance.choice(visitors[1:])
        if roll < 0.05:
            await somebody.post(app, f"/in/{chance.choice(NAMES)}")
        elif roll < 0.08:
            await somebody.post(app, "/out")
        elif roll < 0.12:
            await somebody.post(app, f"/buy/{chance.randrange(PRODUCTS)}")
        elif roll < 0.18:
            edit(shop, chance)
        elif roll < 0.2:
            clock.advance(chance.choice([1, 30, 61]))
        # Several at once, each compared with what it would have got without a cache.
        group = [(chance.choice(visitors), chance.choice(PATHS), language(chance)) for _ in range(3)]
        expected = [await each.get(oracle, path, **more) for each, path, more in group]
        got = await asyncio.gather(*[each.get(app, path, **more) for each, path, more in group])
        for (_, path, _), plain, cached in zip(group, expected, got, strict=True):
            assert (cached.status, cached.text) == (plain.status, plain.text), path
            hits += cached.hit
        asked += len(group)
    assert hits > asked / 5, "it is a cache"


def language(chance):
    return chance.choice([{}, {}, {"accept_language": "de"}])


def edit(shop, chance):
    """Somebody changes what pages are made from: also who may see what."""
    number, name = chance.randrange(PRODUCTS), chance.choice(NAMES)
    statement, *parameters = chance.choice(
        [
            ("UPDATE product SET price = price + 1 WHERE id = ?", number),
            ("UPDATE product SET name = name || '!' WHERE id = ?", number),
            ("UPDATE person SET staff = 1 - staff WHERE name = ?", name),
            ("UPDATE person SET active = 1 - active WHERE name = ?", name),
        ]
    )
    shop.write(statement, *parameters)
