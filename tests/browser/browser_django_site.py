"""A Django site of one file, whose cache and sessions are on one small Redis: `python … <Redis> <port>`."""

from __future__ import annotations

import os
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.conf import settings
from django.core.cache import cache
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path

FORM = "<main><p>{shown}</p><form method=post action='{action}'><input name=name><button>Go on</button></form></main>"


def home(request: HttpRequest) -> HttpResponse:
    user = request.session.get("user")
    return HttpResponse(FORM.format(shown=f"{user} is here" if user else "Nobody is here", action="/sign-in"))


def sign_in(request: HttpRequest) -> HttpResponse:
    request.session.cycle_key()
    request.session["user"] = request.POST["name"]
    return HttpResponse("<a href='/'>Home</a>")


def sign_out(request: HttpRequest) -> HttpResponse:
    request.session.flush()
    return HttpResponse("<a href='/'>Home</a>")


def fill(request: HttpRequest) -> HttpResponse:
    """Fill the cache until the server has no room for more."""
    number = 0
    while not cache.set_many({f"fill:{number}": os.urandom(100_000)}):
        number += 1
    return HttpResponse(f"full with {number}")


def clear(request: HttpRequest) -> HttpResponse:
    cache.clear()
    return HttpResponse("clear" if cache.get("fill:0") is None else "still full")


urlpatterns = [
    path("", home),
    *(path(each.__name__.replace("_", "-"), each) for each in (sign_in, sign_out, fill, clear)),
]


class Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


def main(redis: str, port: str) -> None:
    settings.configure(
        SECRET_KEY="the secret of this test, long enough",
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["127.0.0.1"],
        MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
        SESSION_ENGINE="afresh.django.sessions",
        CACHES={"default": {"BACKEND": "afresh.django.CacheBackend", "LOCATION": redis}},
    )
    with make_server("127.0.0.1", int(port), WSGIHandler(), Threads, Quiet) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
