"""Flask-Login: pages of who is signed in are his, and end with his session, his rights, his cookie."""

from __future__ import annotations

import pytest
from flask import Flask
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user, logout_user

from afresh import Cache, tag
from afresh.flask import Afresh

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow")  # Flask-Login's own


class User(UserMixin):
    def __init__(self, name, active):
        self.id = name
        self.active = active

    @property
    def is_active(self):
        return self.active


@pytest.fixture(params=[None, "memory://"], ids=["cookie", "server"])
def site(request):
    app = Flask("people")
    app.config.update(SECRET_KEY="s", AFRESH_SESSIONS=request.param or False)
    app.people, app.ran = {"ann": True, "bob": True}, []
    manager = LoginManager(app)
    with Cache("memory://") as cache:
        Afresh(app, cache=cache)
        app.cache = cache

        @manager.user_loader
        def load(name):
            cache.depends_on(tag(f"user {name}"))
            return User(name, True) if app.people.get(name) else None

        @app.get("/")
        def home():
            app.ran.append(1)
            return f"hello {current_user.id}" if current_user.is_authenticated else "hello nobody"

        @app.get("/account")
        @login_required
        def account():
            return f"account of {current_user.id}"

        @app.post("/login/<name>")
        def login(name):
            login_user(User(name, True), remember=True)
            return ""

        @app.post("/logout")
        def logout():
            logout_user()
            return ""

        yield app


def test_everybody_has_his_own_pages(site):
    ann, bob, crawler = (site.test_client() for _ in range(3))
    ann.post("/login/ann"), bob.post("/login/bob")
    for _ in range(2):
        assert [each.get("/").text for each in (ann, bob, crawler)] == [
            "hello ann",
            "hello bob",
            "hello nobody",
        ]
    assert len(site.ran) == 3
    assert (ann.get("/account").text, crawler.get("/account").status_code) == ("account of ann", 401)
    ann.post("/logout")
    assert ann.get("/").text == "hello nobody"
    assert ann.get("/account").status_code == 401


def test_who_is_deactivated_is_nobody_at_once(site):
    ann = site.test_client()
    ann.post("/login/ann")
    assert [ann.get("/").text for _ in range(2)] == ["hello ann"] * 2
    site.people["ann"] = False
    site.cache.invalidate(tag("user ann"))
    assert ann.get("/").text == "hello nobody"


def test_a_remember_cookie_is_a_read_too(site):
    ann, other = site.test_client(), site.test_client()
    ann.post("/login/ann")
    remembered = ann.get_cookie("remember_token").value
    assert other.get("/").text == "hello nobody"
    other.set_cookie("remember_token", remembered)
    assert other.get("/").text == "hello ann"
