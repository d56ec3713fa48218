"""Each class of leaks and poisonings: a careless cache has it, ours doesn't."""

from __future__ import annotations

import random
import threading
import wsgiref.simple_server
from io import BytesIO

import pytest
from probe_planted import Naive, Planted

from afresh import Cache
from afresh.asgi import CacheMiddleware
from afresh.errors import ConfigurationError
from afresh.http.starlette import CacheMiddleware as WatchingMiddleware
from afresh.probe import PROBES, in_process, over_http, probe
from afresh.wsgi import CacheMiddleware as WsgiMiddleware

NAMES = [each.name for each in PROBES]


def found(ask, name):
    return [each.probe for each in probe(ask, [f"/{name}"], only=[name], draw=random.random)]


def test_there_are_as_many_classes_as_we_say():
    assert len(NAMES) == len(set(NAMES)) == 22


@pytest.mark.parametrize("name", NAMES)
def test_a_careless_cache_has_it(name):
    assert found(in_process(Naive(Planted())), name) == [name]


@pytest.mark.parametrize("name", NAMES)
def test_an_application_without_a_cache_has_not(name):
    assert found(in_process(Planted()), name) == []


@pytest.mark.parametrize("middleware", [CacheMiddleware, WatchingMiddleware])
@pytest.mark.parametrize("name", NAMES)
def test_ours_has_not(name, middleware):
    with Cache("memory://") as cache:
        assert found(in_process(middleware(Planted(), cache=cache)), name) == []


def planted_wsgi(environ, start_response):
    """The same application, by WSGI."""
    fields = {
        name[5:].lower().replace("_", "-").encode(): value.encode("latin-1")
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    path = environ["PATH_INFO"]
    scope = {"path": path, "raw_path": path.encode(), "method": environ["REQUEST_METHOD"]}
    content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    name = path.strip("/").partition("/")[0].partition(";")[0]
    status, headers, body = PLANTED.answer(name, scope, fields, content)
    more = {"forbidden": [("Cache-Control", "private")], "vary-all": [("Vary", "*")]}.get(name, [])
    pairs = [(key.decode(), value.decode()) for key, value in headers]
    start_response(f"{status} x", [("Cache-Control", "max-age=60"), *more, *pairs])
    return [body]


PLANTED = Planted()


@pytest.mark.parametrize("name", NAMES)
def test_ours_for_wsgi_has_not(name):
    with Cache("memory://") as cache:
        app = WsgiMiddleware(planted_wsgi, cache=cache)

        def ask(sent):
            return by_wsgi(app, sent)

        assert found(ask, name) == []


def by_wsgi(app, sent):
    from urllib.parse import unquote

    from afresh.probe import Got

    answered = {}

    def start_response(line, headers, exc_info=None):
        answered["status"] = int(line[:3])
        answered["fields"] = tuple((name.lower(), value) for name, value in headers)

    environ = {
        "REQUEST_METHOD": sent.method,
        "PATH_INFO": unquote(sent.path),
        "RAW_URI": f"{sent.path}?{sent.query}",
        "QUERY_STRING": sent.query,
        "HTTP_HOST": sent.host or "probe.example",
        "CONTENT_LENGTH": str(len(sent.content) or ""),
        "wsgi.url_scheme": "https",
        "wsgi.input": BytesIO(sent.content),
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in sent.fields},
    }
    pieces = app(environ, start_response)
    body = b"".join(pieces)
    if hasattr(pieces, "close"):
        pieces.close()
    return Got(answered["status"], answered["fields"], b"" if sent.method == "HEAD" else body)


def test_a_server_is_asked_over_a_connection():
    class Quiet(wsgiref.simple_server.WSGIRequestHandler):
        def log_message(self, *arguments):
            pass

    stored = {}

    def careless(environ, start_response):
        key = environ["PATH_INFO"], environ["QUERY_STRING"]
        text = stored.setdefault(key, environ.get("HTTP_COOKIE", "nobody"))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [text.encode()]

    with wsgiref.simple_server.make_server("127.0.0.1", 0, careless, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            ask = over_http(f"http://127.0.0.1:{server.server_port}/")
            names = {each.probe for each in probe(ask, draw=random.random)}
        finally:
            server.shutdown()
            thread.join()
    assert names == {"cookie", "other-cookie", "suffix", "semicolon"}


@pytest.mark.parametrize("url", ["ftp://example.org", "example.org", ""])
def test_what_can_not_be_asked(url):
    with pytest.raises(ConfigurationError, match="http://host:port"):
        over_http(url)


def test_a_probe_that_there_is_not():
    with pytest.raises(ConfigurationError, match="set-cookie"):
        list(probe(in_process(Planted()), only=["nothing"], draw=random.random))
