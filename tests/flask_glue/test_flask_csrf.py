"""Forms of Flask-WTF on pages that are kept: everybody can send them, with a token of his own."""

from __future__ import annotations

import re

import pytest
from flask import Flask, render_template_string, session
from flask_wtf import CSRFProtect, FlaskForm
from wtforms import StringField

from afresh import Cache
from afresh.flask import Afresh

PAGE = "<form>{{ form.csrf_token }}</form> <meta content={{ csrf_token() }}>{% cache 'f' %}<i {{ csrf_token() }}>{% endcache %}"


class Note(FlaskForm):
    text = StringField()


@pytest.fixture(params=["pages", "views", "sessions"])
def site(request):
    app = Flask("forms")
    app.config.update(SECRET_KEY="s", AFRESH_PAGES=request.param != "views")
    if request.param == "sessions":
        app.config["AFRESH_SESSIONS"] = "memory://"
    with Cache("memory://") as cache:
        afresh, app.ran = Afresh(app, cache=cache), []
        CSRFProtect(app)

        @app.get("/form")
        @afresh.cached
        def form():
            app.ran.append("form")
            return render_template_string(PAGE, form=Note())

        @app.get("/greeting")
        def greeting():
            app.ran.append("greeting")
            session["seen"] = "yes"
            return render_template_string("{{ csrf_token() }}")

        @app.post("/send")
        def send():
            return f"sent {session.get('seen')}"

        yield app


def tokens(client, path="/form"):
    answer = client.get(path)
    assert answer.status_code == 200
    assert "afresh-hole" not in answer.text
    found = re.findall(r"[\w\-]{30,}\.[\w\-]+\.[\w\-]+", answer.text)
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    return found


def test_a_form_is_made_once_and_everybody_can_send_it(site):
    clients = [site.test_client() for _ in range(3)]
    mine = [tokens(client) for client in clients]
    assert site.ran == ["form"]
    assert all(len(found) == 3 for found in mine)
    for client, found in zip(clients, mine, strict=True):
        for token in found:
            assert client.post("/send", data={"csrf_token": token}).status_code == 200
    assert clients[0].post("/send", data={"csrf_token": mine[1][0]}).status_code == 400
    assert clients[0].post("/send").status_code == 400


def test_the_session_that_a_visitor_has_stays_his(site):
    client = site.test_client()
    first = tokens(client, "/greeting")
    second = tokens(client)
    for token in (*first, *second):
        assert client.post("/send", data={"csrf_token": token}).text == "sent yes"


def test_a_form_that_failed_is_made_for_who_sent_it(site):
    client = site.test_client()
    tokens(client)
    assert "afresh-hole" not in client.post("/send", data={"csrf_token": "forged"}).text
