"""Whatever a view reads of a request, who has the same there shares its page, and nobody else."""

from __future__ import annotations

import pytest
from flask import Flask, Response, flash, get_flashed_messages, request, session, stream_with_context

from afresh import Cache
from afresh.flask import Afresh

REMOTE = {"environ_overrides": {"REMOTE_USER": "ann"}}
ADDRESS = {"environ_overrides": {"REMOTE_ADDR": "192.0.2.7"}}
COOKIE = {"cookie": "dark"}
READS = {
    "header": (lambda: request.headers.get("X-Name"), {"headers": {"X-Name": "ann"}}),
    "environ": (lambda: request.environ.get("HTTP_X_NAME"), {"headers": {"X-Name": "ann"}}),
    "server": (lambda: request.environ.get("REMOTE_USER"), REMOTE),
    "remote_user": (lambda: request.remote_user, REMOTE),
    "address": (lambda: request.remote_addr, ADDRESS),
    "route": (lambda: request.access_route[0], {"headers": {"X-Forwarded-For": "192.0.2.7"}}),
    "language": (
        lambda: request.accept_languages.best_match(["de", "en"]),
        {"headers": {"Accept-Language": "de"}},
    ),
    "browser": (lambda: request.user_agent.string, {"headers": {"User-Agent": "another"}}),
    "authorization": (
        lambda: request.authorization and request.authorization.username,
        {"auth": ("ann", "secret")},
    ),
    "cookie": (lambda: request.cookies.get("theme"), COOKIE),
    "cookies": (lambda: dict(request.cookies), COOKIE),
    "cookie list": (lambda: request.cookies.getlist("theme"), COOKIE),
    "cookie there": (lambda: "theme" in request.cookies, COOKIE),
    "host": (lambda: request.host, {"headers": {"Host": "shop.example"}}),
    "scheme": (lambda: request.is_secure, {"environ_overrides": {"wsgi.url_scheme": "https"}}),
    "query": (lambda: request.args.get("page"), {"query_string": {"page": "2"}}),
    "type": (lambda: request.is_json, {"headers": {"Content-Type": "application/json"}}),
}


@pytest.fixture
def site():
    app = Flask("reads")
    app.config.update(SECRET_KEY="s")
    with Cache("memory://") as cache:
        Afresh(app, cache=cache)
        app.ran = []
        yield app


@pytest.mark.parametrize("name", READS)
def test_who_has_the_same_there_shares_the_page(site, name):
    look, sent = READS[name]

    @site.get("/")
    def page():
        site.ran.append(1)
        return str(look())

    def asked(cookie=None, **how):
        client = site.test_client()
        if cookie is not None:
            client.set_cookie("theme", cookie)
        return client.get("/", **how).text

    one, other = asked(**sent), asked()
    assert one != other
    assert [asked(**sent), asked(), asked(**sent)] == [one, other, one]
    assert len(site.ran) == 2


@pytest.mark.parametrize(
    "look",
    [
        lambda: dict(request.headers),
        lambda: sorted(request.environ),
        lambda: len(request.headers),
        lambda: request.environ.copy().get("HTTP_X_NAME"),
    ],
)
def test_who_looks_at_everything_shares_with_nobody(site, look):
    @site.get("/")
    def page():
        site.ran.append(1)
        return str(look())

    client = site.test_client()
    assert client.get("/", headers={"X-Name": "ann"}).text != client.get("/").text or len(site.ran) == 2
    client.get("/")
    assert len(site.ran) == 3


def test_what_is_read_while_a_page_is_sent_counts(site):
    @site.get("/")
    def page():
        def pieces():
            yield "hello "
            yield session.get("name", "nobody")

        site.ran.append(1)
        return Response(stream_with_context(pieces()))

    @site.post("/login")
    def login():
        session["name"] = "ann"
        return ""

    ann, crawler = site.test_client(), site.test_client()
    ann.post("/login")
    for _ in range(2):
        assert (ann.get("/").text, crawler.get("/").text) == ("hello ann", "hello nobody")
    assert len(site.ran) == 2


def test_messages_are_shown_once(site):
    @site.get("/")
    def page():
        site.ran.append(1)
        return ", ".join(get_flashed_messages())

    @site.post("/send")
    def send():
        flash("sent")
        return ""

    client, other = site.test_client(), site.test_client()
    client.get("/")
    client.post("/send")
    assert [client.get("/").text, client.get("/").text, other.get("/").text] == ["sent", "", ""]
    assert len(site.ran) == 2
