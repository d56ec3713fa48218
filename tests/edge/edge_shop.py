"""A shop with people, sessions and rights in SQLite: behind every cache that there is, and behind none."""

from __future__ import annotations

import sqlite3
import threading
import wsgiref.simple_server
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from afresh.db import Database, dbapi
from afresh.testing.clock import FakeClock

PRODUCTS = 4
PEOPLE = ("ann", "bob")
PATHS = ["/", "/basket", "/staff", "/theme", "/nobody", *[f"/product/{number}" for number in range(PRODUCTS)]]
_FOR_ALL = frozenset(["/", "/nobody"])
_LIFETIME = 600  # seconds, of a page
SESSION = 3600.0  # seconds
_SCHEMA = """
    PRAGMA journal_mode = WAL;
    CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT, price INTEGER);
    CREATE TABLE person (name TEXT PRIMARY KEY, staff INTEGER, active INTEGER);
    CREATE TABLE session (id TEXT PRIMARY KEY, person TEXT, expires REAL);
    CREATE TABLE basket (person TEXT, product INTEGER);
"""


class Person(NamedTuple):
    """Who is signed in, as his session and the database say."""

    name: str
    staff: bool
    expires: float


def created(path: Path) -> None:
    """The shop's database, as it begins."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(_SCHEMA)
    for number in range(PRODUCTS):
        connection.execute("INSERT INTO product VALUES (?, ?, 10)", (number, f"tea {number}"))
    for name in PEOPLE:
        connection.execute("INSERT INTO person VALUES (?, 0, 1)", (name,))
    connection.close()


class Shop:
    """One worker.

    Args:
        path: Of the database.
        clock: Tells when a session has expired.
        database: What captures know of it; `None`: nothing is captured, as in the oracle.
        says: Its pages say who may have them: for caches that see nothing but that.
    """

    def __init__(self, path: Path, clock: FakeClock, database: Database | None, *, says: bool = True) -> None:
        raw = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
        self._connection: Any = raw if database is None else dbapi.wrap(raw, database)
        self._lock = threading.Lock()
        self._clock = clock
        self._says = says
        self.runs = 0

    def close(self) -> None:
        self._connection.close()

    def rows(self, statement: str, *parameters: Any) -> list[Any]:
        """Ask, or write."""
        with self._lock:
            return list(self._connection.execute(statement, parameters).fetchall())

    def person(self, session: str) -> Person | None:
        """Whose session that is, if it still is one."""
        found = self.rows("SELECT person, expires FROM session WHERE id = ?", session)
        if not found or found[0][1] <= self._clock.now():
            return None
        name, expires = found[0]
        person = self.rows("SELECT staff FROM person WHERE name = ? AND active = 1", name)
        return Person(name, bool(person[0][0]), expires) if person else None

    def page(self, path: str, person: Person | None, theme: str, language: str) -> tuple[int, str]:
        """What a page shows."""
        self.runs += 1
        name = person.name if person else "nobody"
        if path == "/":
            return 200, repr(self.rows("SELECT id, name FROM product ORDER BY id"))
        if path.startswith("/product/"):
            number = int(path.rpartition("/")[2])
            return 200, f"{self.rows('SELECT name, price FROM product WHERE id = ?', number)} for {name}"
        if path == "/basket":
            return 200, f"{name}: {self.rows('SELECT product FROM basket WHERE person = ?', name)}"
        if path == "/staff":
            return (200, f"secrets of {name}") if person and person.staff else (403, "forbidden")
        return 200, f"{theme} {language}" if path == "/theme" else "for everybody"

    def fields(self, path: str, person: Person | None) -> dict[str, str]:
        """What a page says to caches: a careful author's, or nothing."""
        if not self._says:
            return {}
        if path in _FOR_ALL:
            return {"Cache-Control": f"public, s-maxage={_LIFETIME}, max-age=0"}
        lasts = _LIFETIME if person is None else min(_LIFETIME, int(person.expires - self._clock.now()))
        vary = "Cookie, Accept-Language" if path == "/theme" else "Cookie"
        return {"Cache-Control": f"max-age={lasts}", "Vary": vary}

    def act(self, path: str, session: str, person: Person | None) -> str:
        """What a form does; returns the session that the visitor has from here on."""
        what, _, which = path.strip("/").partition("/")
        if what == "in":
            session, name = which.split("/")
            self.sign_in(session, name)
        elif what == "out":
            self.rows("DELETE FROM session WHERE id = ?", session)
            return ""
        elif what == "buy" and person:
            self.rows("INSERT INTO basket VALUES (?, ?)", person.name, int(which))
        return session

    def sign_in(self, session: str, name: str, lasts: float = SESSION) -> None:
        """Begin a session."""
        self.rows("INSERT OR REPLACE INTO session VALUES (?, ?, ?)", session, name, self._clock.now() + lasts)

    # -- as applications ------------------------------------------------------------------------

    def asgi(self, *within: Middleware) -> Starlette:
        """By Starlette, which has a middleware that looks who is signed in."""
        routes = [Route("/{rest:path}", self._get), Route("/{rest:path}", self._post, methods=["POST"])]
        signed = Middleware(AuthenticationMiddleware, backend=_Sessions(self))
        return Starlette(routes=routes, middleware=[signed, *within])

    async def _get(self, request: Request) -> Response:
        person = request.user.person
        theme = request.cookies.get("theme", "light") if request.url.path == "/theme" else ""
        language = request.headers.get("accept-language", "") if request.url.path == "/theme" else ""
        status, text = self.page(request.url.path, person, theme, language)
        return PlainTextResponse(text, status, self.fields(request.url.path, person))

    async def _post(self, request: Request) -> Response:
        session = self.act(request.url.path, request.cookies.get("session", ""), request.user.person)
        return PlainTextResponse("done", headers={"Set-Cookie": f"session={session}"})

    def wsgi(self, environ: Any, start_response: Any) -> list[bytes]:
        """By WSGI."""
        cookies = {name: each.value for name, each in SimpleCookie(environ.get("HTTP_COOKIE", "")).items()}
        session, path = cookies.get("session", ""), environ["PATH_INFO"]
        person = self.person(session)
        if environ["REQUEST_METHOD"] == "POST":
            status, text = 200, "done"
            fields = {"Set-Cookie": f"session={self.act(path, session, person)}"}
        else:
            language = environ.get("HTTP_ACCEPT_LANGUAGE", "")
            status, text = self.page(path, person, cookies.get("theme", "light"), language)
            fields = self.fields(path, person)
        start_response(f"{status} x", [("Content-Type", "text/plain; charset=utf-8"), *fields.items()])
        return [text.encode()]


class User(BaseUser):
    """Somebody, or nobody."""

    def __init__(self, person: Person | None) -> None:
        self.person = person

    @property
    def is_authenticated(self) -> bool:
        return self.person is not None


class _Sessions(AuthenticationBackend):
    """Looks for each request whose session it has: also for hits of a cache that stands behind this."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser]:
        return AuthCredentials(), User(self._shop.person(conn.cookies.get("session", "")))


class _Quiet(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        """Nothing."""


class _Threads(ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def wsgi_running(app: Any) -> Iterator[int]:
    """A WSGI application under a server with threads; its port."""
    with wsgiref.simple_server.make_server("127.0.0.1", 0, app, _Threads, _Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
