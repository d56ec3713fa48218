"""A framework's glue looks in where the WSGI middleware asks it to: as a request comes, and when the application runs."""

from __future__ import annotations

from io import BytesIO

from afresh import Cache
from afresh.http.gateways.environ import asked_in
from afresh.http.requests.reading import Reads
from afresh.http.wsgi import CacheMiddleware


class Glue(CacheMiddleware):
    """Says of each request what its `X-Name` is, and that the application reads that."""

    def _asked(self, environ):
        return asked_in(environ)._replace(known=lambda name: environ.get("HTTP_X_NAME", "nobody"))

    def _watched(self, exchange, environ, asked):
        reads = Reads(exchange.fields)
        exchange.watch(reads, int)
        return {**super()._watched(exchange, environ, asked), "glue": reads}


def application(environ, start_response):
    environ["glue"].read("user")
    start_response("200 OK", [("Cache-Control", "max-age=60, stale-while-revalidate=60")])
    application.ran += 1
    return [environ.get("HTTP_X_NAME", "nobody").encode()]


application.ran = 0


def asked(app, name):
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/", "SCRIPT_NAME": "", "QUERY_STRING": "", "HTTP_HOST": "example.org",
        "wsgi.url_scheme": "http", "wsgi.input": BytesIO(), "HTTP_X_NAME": name,
    }  # fmt: skip
    answer = app(environ, lambda status, headers, exc_info=None: None)
    body = b"".join(answer)
    getattr(answer, "close", int)()
    return body.decode()


def test_what_the_glue_says_is_the_key():
    application.ran = 0
    with Cache("memory://") as cache:
        app = Glue(application, cache=cache)
        assert [asked(app, name) for name in ("ann", "bob", "ann", "bob")] == ["ann", "bob"] * 2
        assert application.ran == 2
