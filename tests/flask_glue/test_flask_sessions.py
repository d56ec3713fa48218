"""Server-side sessions of Flask: over for everybody at once, whatever the cache does."""

from __future__ import annotations

import pytest
from flask import Blueprint, Flask, current_app, request, session

from afresh import Cache, ConfigurationError
from afresh.errors import BackendError
from afresh.flask import Afresh

visits = Blueprint("visits", __name__)


@visits.get("/")
def show():
    return dict(session)


@visits.post("/put")
def put():
    session.update(request.args)
    return ""


@visits.post("/login")
def login():
    session["_user_id"] = request.args["name"]
    session.permanent = True
    return ""


@visits.post("/logout")
def logout():
    session.clear()
    return ""


@visits.get("/mark")
def mark():
    session["marked"] = True
    return "the same for all"


@visits.get("/who")
def who():
    return session.get("_user_id", "nobody")


@visits.post("/slow")
def slow():
    session["slow"] = True
    current_app.meanwhile()
    return ""


@pytest.fixture
def app():
    app = Flask("visits")
    app.config.update(SECRET_KEY="s", AFRESH_SESSIONS="memory://")
    app.register_blueprint(visits)
    with Cache("memory://") as cache:
        Afresh(app, cache=cache)
        app.cache = cache
        yield app
        app.session_interface.sessions.close()


def sid_of(client):
    cookie = client.get_cookie("session")
    return None if cookie is None else cookie.value


def test_a_session_begins_when_something_is_put_into_it(app):
    client = app.test_client()
    assert client.get("/").json == {}
    assert sid_of(client) is None
    client.post("/put?a=1")
    assert client.get("/").json == {"a": "1"}
    assert sid_of(client) != "1"


def test_logging_in_changes_the_id(app):
    client = app.test_client()
    client.post("/put?a=1")
    before = sid_of(client)
    client.post("/login?name=ann")
    assert sid_of(client) != before
    assert client.get("/").json == {"a": "1", "_user_id": "ann", "_permanent": True}
    stale = app.test_client()
    stale.set_cookie("session", before)
    assert stale.get("/").json == {}


def test_logging_out_is_for_all_who_have_the_cookie(app):
    client, thief = app.test_client(), app.test_client()
    client.post("/login?name=ann")
    thief.set_cookie("session", sid_of(client))
    assert thief.get("/").json["_user_id"] == "ann"
    client.post("/logout")
    assert sid_of(client) is None
    assert thief.get("/").json == {}


def test_a_slow_request_brings_nothing_back(app):
    client = app.test_client()
    client.post("/login?name=ann")
    sid = sid_of(client)
    app.meanwhile = lambda: app.session_interface.sessions.delete(sid)
    client.post("/slow")
    assert sid_of(client) is None
    assert app.session_interface.sessions.load(sid) is None


def test_two_requests_at_once_keep_each_others_changes(app):
    client, twin = app.test_client(), app.test_client()
    client.post("/put?a=1")
    twin.set_cookie("session", sid_of(client))
    app.meanwhile = lambda: twin.post("/put?quick=yes")
    client.post("/slow")
    assert client.get("/").json == {"a": "1", "quick": "yes", "slow": True}


def test_clearing_the_cache_logs_nobody_out(app):
    client = app.test_client()
    client.post("/login?name=ann")
    app.cache.clear()
    assert client.get("/").json["_user_id"] == "ann"


def test_an_id_of_somebodys_invention_is_nobody(app):
    client = app.test_client()
    client.set_cookie("session", "invented")
    client.post("/put?a=1")
    assert sid_of(client) != "invented"


def test_a_place_that_is_away_makes_visitors_nobody_and_refuses_logins(app, monkeypatch):
    client = app.test_client()
    client.post("/login?name=ann")

    def away(*_):
        raise BackendError("away")

    with monkeypatch.context() as patched:
        patched.setattr(app.session_interface.sessions, "use", away)
        assert client.get("/").json == {}
        assert client.post("/put?a=1").status_code == 500
    assert client.get("/").json["_user_id"] == "ann"


def test_a_page_that_changes_the_session_is_kept_for_nobody(app):
    client = app.test_client()
    client.post("/put?a=1&marked=")
    for _ in range(2):
        client.get("/mark")
        assert client.get("/").json == {"a": "1", "marked": True}
        client.post("/put?marked=")


def test_a_login_while_a_page_is_made_does_not_make_it_everybodys(app):
    sessions, inner = app.session_interface.sessions, app.wsgi_app.app
    bob, client, crawler = app.test_client(), app.test_client(), app.test_client()
    bob.post("/login?name=bob")
    assert (
        bob.get("/who").text == "bob"
    )  # from now on it is known that the key of this page needs the session
    client.post("/put?a=1")

    def meanwhile(environ, start_response):
        sessions.save(sid_of(client), b'{"_user_id": "ann"}')
        return inner(environ, start_response)

    app.wsgi_app.app = meanwhile
    assert client.get("/who").text == "ann"
    app.wsgi_app.app = inner
    assert crawler.get("/who").text == "nobody"


def test_they_need_a_secret_key():
    app = Flask("visits")
    app.config["AFRESH_SESSIONS"] = "memory://"
    with Cache("memory://") as cache, pytest.raises(ConfigurationError, match="secret_key"):
        Afresh(app, cache=cache)
