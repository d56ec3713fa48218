"""A Flask application with every mistake, before which the cache makes none of the 22."""

from __future__ import annotations

import random
from io import BytesIO
from urllib.parse import unquote

import pytest
from flask import Flask, Response, request
from probe_planted import Planted

from afresh import Cache
from afresh.flask import Afresh
from afresh.flask.caching import Cache as CachingCache
from afresh.probe import PROBES, Got, probe

NAMES = [each.name for each in PROBES]


class Headers:
    """The fields of the request, asked for one by one."""

    def get(self, name, default=b""):
        return request.headers.get(name.decode(), default.decode()).encode("latin-1")

    def __contains__(self, name):
        return name.decode() in request.headers


def site(planted, decorated):
    app = Flask("planted")

    def view(rest=""):
        name = rest.strip("/").partition("/")[0].partition(";")[0]
        scope = {"path": request.path, "raw_path": request.path.encode(), "method": request.method}
        status, headers, body = planted.answer(name, scope, Headers(), request.get_data())
        more = {"forbidden": [("Cache-Control", "private")], "vary-all": [("Vary", "*")]}.get(name, [])
        pairs = [(key.decode(), value.decode()) for key, value in headers]
        return Response(body, status, [*more, *pairs], content_type="text/plain")

    view = decorated(app, view)
    app.add_url_rule("/", view_func=view, methods=["GET", "POST", "HEAD"])
    app.add_url_rule("/<path:rest>", view_func=view, methods=["GET", "POST", "HEAD"])
    return app


def asker(app):
    def ask(sent):
        answered = {}

        def start_response(line, headers, exc_info=None):
            answered.update(
                status=int(line[:3]), fields=tuple((name.lower(), value) for name, value in headers)
            )

        environ = {
            "REQUEST_METHOD": sent.method,
            "SERVER_NAME": "probe.example",
            "SERVER_PORT": "443",
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(sent.path),
            "RAW_URI": f"{sent.path}?{sent.query}",
            "QUERY_STRING": sent.query,
            "HTTP_HOST": sent.host or "probe.example",
            "CONTENT_LENGTH": str(len(sent.content) or ""),
            "wsgi.url_scheme": "https",
            "wsgi.input": BytesIO(sent.content),
            "wsgi.errors": None,
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in sent.fields},
        }
        pieces = app(environ, start_response)
        body = b"".join(pieces)
        if hasattr(pieces, "close"):
            pieces.close()
        return Got(answered["status"], answered["fields"], b"" if sent.method == "HEAD" else body)

    return ask


def pages(app, view, cache):
    Afresh(app, cache=cache)
    return view


def views(app, view, cache):
    app.config["AFRESH_PAGES"] = False
    return Afresh(app, cache=cache).cached(ttl=60)(view)


def caching(app, view, cache):
    extension = CachingCache(app, config={"AFRESH_URL": "null://"})
    app.extensions["afresh"].cache = cache
    return extension.cached(timeout=60)(view)


@pytest.mark.parametrize("way", [pages, views, caching])
@pytest.mark.parametrize("name", NAMES)
def test_no_visitor_gets_what_is_anothers(name, way):
    with Cache("memory://") as cache:
        app = site(Planted(), lambda app, view: way(app, view, cache))
        found = probe(asker(app), [f"/{name}"], only=[name], draw=random.random)
        assert [each.probe for each in found] == []
