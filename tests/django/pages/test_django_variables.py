"""Each variable of an environ means the same to Django and to Flask: one table, both frameworks."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from flask import Flask, request
from pages_people import status, text

from afresh import Cache
from afresh.django.pages import noticing
from afresh.flask import Afresh
from afresh.flask.reading.environ import WatchedEnviron
from afresh.flask.reading.visitor import Visitor
from afresh.http.requests import reading, variables
from afresh.http.requests.reading import QUERY
from afresh.http.requests.variables import Variables
from afresh.rfc import Fields

NOTHING = (set(), set())
OWN = {
    "AUTH_TYPE", "CSRF_COOKIE_USED", "HTTPS", "HTTPS_SUBJECT", "PATH_TRANSLATED", "RAW_URI", "REMOTE_HOST", "REMOTE_IDENT", "REMOTE_PORT",
    "REMOTE_USER", "REQUEST_SCHEME", "REQUEST_URI", "SCRIPT_URL", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL",
    "SSL_CLIENT_S_DN", "anything", "gunicorn.socket", "waitress.client_disconnected", "werkzeug.proxy_fix.orig",
    "werkzeug.socket", "wsgi.websocket",
}  # fmt: skip
FIELDS = {
    "CONTENT_LENGTH": b"content-length",
    "CONTENT_TYPE": b"content-type",
    "HTTP_ACCEPT_LANGUAGE": b"accept-language",
    "HTTP_AUTHORIZATION": b"authorization",
    "HTTP_CONNECTION": b"connection",
    "HTTP_COOKIE": b"cookie",
    "HTTP_UPGRADE": b"upgrade",
    "HTTP_UPGRADE_INSECURE_REQUESTS": b"upgrade-insecure-requests",
    "HTTP_X_ANYTHING": b"x-anything",
}
TABLE = {
    **dict.fromkeys(variables.IN_THE_KEY, NOTHING),
    **dict.fromkeys(variables.OF_THE_SERVER, NOTHING),
    **dict.fromkeys(variables.OF_FRAMEWORKS, NOTHING),
    **{name: (set(), {f"environ:{name}"}) for name in OWN},
    **{name: ({field}, set()) for name, field in FIELDS.items()},
    "HTTP_HOST": NOTHING,  # each key has it, as
    "HTTP_X_FORWARDED_HOST": NOTHING,
    "QUERY_STRING": (set(), {QUERY}),
    "REMOTE_ADDR": (set(), {"client"}),
}
NONE = Fields.of([])


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_variable_means_the_same_to_both(name):
    of_django, of_flask = noticing.Reads(NONE, frozenset()), reading.Reads(NONE)
    Variables({name: "1"}).watched_by(of_django).get(name)
    WatchedEnviron.of({name: "1"}, Visitor(Flask("x"), {}), of_flask).get(name)
    assert (of_django.headers, of_django.others) == TABLE[name]
    assert (of_flask.headers, of_flask.others) == TABLE[name]
    assert not of_django.refused
    assert not of_flask.refused


SEEN = {
    "HTTP_UPGRADE_INSECURE_REQUESTS": ("0", "1"),
    "HTTPS_SUBJECT": ("ann", "bob"),
    "RAW_URI": ("/seen/%31", "/seen/1"),
    "REMOTE_HOST": ("a.example", "b.example"),
    "REMOTE_USER": ("ann", "bob"),
    "SERVER_PORT": ("80", "8080"),
    "SERVER_PROTOCOL": ("HTTP/1.0", "HTTP/1.1"),
    "anything": ("1", "2"),
    "werkzeug.proxy_fix.orig": ({"REMOTE_ADDR": "192.0.2.1"}, {"REMOTE_ADDR": "192.0.2.2"}),
}


@pytest.mark.parametrize("name", SEEN)
def test_who_has_something_else_there_sees_that_in_django(site, name, settings_urls):
    settings_urls(lambda request: HttpResponse(str(request.META.get(name))))
    seen = [site.visitor().get("/seen/", **{name: value}) for value in (*SEEN[name], *SEEN[name])]
    assert [text(each) for each in seen] == [str(value) for value in (*SEEN[name], *SEEN[name])]
    assert all("hit" in status(each) for each in seen[2:])


@pytest.mark.parametrize("name", SEEN)
def test_who_has_something_else_there_sees_that_in_flask(name):
    app = Flask("seen")
    app.get("/seen/")(lambda: str(request.environ.get(name)))
    with Cache("memory://") as cache:
        Afresh(app, cache=cache)
        client = app.test_client()
        seen = [client.get("/seen/", environ_overrides={name: value}) for value in (*SEEN[name], *SEEN[name])]
        assert [each.text for each in seen] == [str(value) for value in (*SEEN[name], *SEEN[name])]
        assert all("hit" in each.headers["Cache-Status"] for each in seen[2:])


@pytest.fixture
def settings_urls():
    """A view in the place of one of the site's, for the time of a test."""
    from django.test import override_settings
    from django.urls import path

    changed = []

    def put(view):
        module = type("urls", (), {"urlpatterns": [path("seen/", view)]})
        change = override_settings(ROOT_URLCONF=module)
        change.enable()
        changed.append(change)

    yield put
    for change in changed:
        change.disable()


def test_what_has_no_spelling_is_in_no_key(site, settings_urls):
    settings_urls(lambda request: HttpResponse(str(request.META["gunicorn.socket"] is not None)))
    for _ in range(2):
        assert "hit" not in status(site.visitor().get("/seen/", **{"gunicorn.socket": object()}))


def test_the_factory_has_no_name_that_is_not_in_the_table():
    assert RequestFactory()._base_environ().keys() <= TABLE.keys() | {"wsgi.input"}
