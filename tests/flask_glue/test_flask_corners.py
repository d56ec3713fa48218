"""Where applications do what they do elsewhere than in a view: two people and a stranger see what they would without us."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from flask import (
    Flask,
    abort,
    after_this_request,
    g,
    make_response,
    redirect,
    render_template_string,
    request,
    session,
    stream_with_context,
    url_for,
)
from flask.views import MethodView
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from afresh import Cache
from afresh.flask import Afresh

Site = Callable[[Flask], Any]
SITES: dict[str, tuple[Site, tuple[str, ...]]] = {}


def site(*paths: str) -> Callable[[Site], Site]:
    def decorate(made: Site) -> Site:
        SITES[made.__name__] = made, paths or ("/",)
        return made

    return decorate


def name() -> str:
    return session.get("name", "nobody")


@site()
def template(app):
    @app.get("/")
    def page():
        return render_template_string("hello {{ session.name }} {{ request.cookies.get('theme') }}")


@site()
def after(app):
    @app.get("/")
    def page():
        return "hello "

    @app.after_request
    def add(response):
        response.set_data(response.get_data(as_text=True) + name())
        response.headers["X-Theme"] = request.cookies.get("theme", "none")
        return response


@site()
def after_this(app):
    @app.get("/")
    def page():
        @after_this_request
        def add(response):
            response.headers["X-Name"] = name()
            return response

        return "x"


@site()
def before(app):
    @app.before_request
    def gate():
        g.name = name()
        return "who are you?" if g.name == "nobody" else None

    @app.get("/")
    def page():
        return f"hello {g.name}"


@site("/", "/closed")
def redirecting(app):
    @app.before_request
    def gate():
        return redirect("/in") if request.path == "/closed" and "name" not in session else None

    app.add_url_rule("/", view_func=lambda: "open", endpoint="open")
    app.add_url_rule("/closed", view_func=lambda: f"for {name()}", endpoint="closed")


@site("/", "/missing", "/forbidden", "/broken")
def errors(app):
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.errorhandler(404)
    @app.errorhandler(403)
    @app.errorhandler(ZeroDivisionError)
    def failed(error):
        return f"{type(error).__name__} for {name()}", getattr(error, "code", 500)

    @app.get("/forbidden")
    def forbidden():
        abort(403)

    @app.get("/broken")
    def broken():
        return str(1 // 0)


@site()
def streamed(app):
    @app.get("/")
    def page():
        yield_name = session._get_current_object()

        def pieces():
            yield "hello "
            yield yield_name.get("name", "nobody")
            yield request.cookies.get("theme", "none")

        return app.response_class(stream_with_context(pieces()))


@site()
def session_id(app):
    @app.get("/")
    def page():
        return f"basket of {getattr(session, 'sid', None) is not None} {getattr(session, 'sid', '')}"


@site()
def permanent(app):
    @app.get("/")
    def page():
        return f"{session.permanent} {session.modified}"


@site()
def own_cookie(app):
    @app.get("/")
    def page():
        response = make_response(f"hello {name()}")
        if "name" in session:
            response.set_cookie("seen", name())
        return response


@site("/", "/?theme=light")
def method_view(app):
    class Page(MethodView):
        init_every_request = False

        def get(self):
            return f"get {name()} {request.args.get('theme')}"

        def options(self):
            return f"options {name()}"

    app.add_url_rule("/", view_func=Page.as_view("page"))


@site("/", "/admin/", "/admin", "/deep/er/")
def mounted(app):
    for mount in ("/admin", "/deep/er"):
        inner = Flask(mount)
        inner.config.update(app.config)
        if "afresh" in app.extensions:
            Afresh(inner, cache=app.extensions["afresh"].cache)
        inner.add_url_rule(
            "/", "home", lambda mount=mount: f"{mount} {request.script_root} {name()} {url_for('home')}"
        )
        app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {mount: inner})
    app.add_url_rule("/", "home", lambda: f"outer {request.script_root} {name()} {url_for('home')}")


@site()
def proxied(app):
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_host=1, x_prefix=1)
    app.add_url_rule("/", "home", lambda: f"{request.remote_addr} {url_for('home', _external=True)} {name()}")


FIELDS = ("X-Name", "X-Theme", "Location", "Allow", "Set-Cookie")
WAYS: list[dict[str, Any]] = [
    {},
    {"headers": {"X-Forwarded-For": "10.0.0.7"}},
    {"headers": {"X-Forwarded-Prefix": "/shop", "Host": "b.example"}},
    {"base_url": "https://c.example/"},
    {"environ_overrides": {"SCRIPT_NAME": "/under"}},
    {"method": "HEAD"},
    {"method": "OPTIONS"},
]


def answers(app: Flask, paths: tuple[str, ...]) -> tuple[list[Any], int]:
    """All answers, and how many of them were hits."""
    app.config["TESTING"] = False

    @app.post("/in/<who>")
    def sign_in(who):
        session["name"] = who
        return ""

    people = [app.test_client() for _ in range(3)]
    for each, who in zip(people, ("ann", "bob"), strict=False):
        assert each.post(f"/in/{who}").status_code == 200
    people[2].set_cookie("theme", "dark")
    sent, hits = [], 0
    for path, asked, number in product(paths, [*WAYS, *WAYS[:3]], range(3)):
        got = people[number].open(path, **asked)
        hits += "; hit" in got.headers.get("Cache-Status", "")
        cookie = people[number].get_cookie("session")
        text = got.text if cookie is None else got.text.replace(cookie.value, f"session {number}")
        headers = {field: got.headers.get(field) for field in FIELDS}
        sent.append((path, asked, number, got.status_code, text, headers))
    return sent, hits


@pytest.mark.parametrize(
    ("sessions", "cached"), [(False, "pages"), ("memory://", "pages"), ("memory://", "views")]
)
@pytest.mark.parametrize("which", SITES)
def test_it_is_as_without_a_cache(which, sessions, cached):
    """With whole pages, and with each view decorated."""
    made, paths = SITES[which]
    found = []
    for how in ("no cache", cached):
        app = Flask("corners")
        app.config.update(SECRET_KEY="s", AFRESH_SESSIONS=sessions, AFRESH_PAGES=how == "pages")
        with Cache("memory://") as cache:
            afresh = Afresh(app, cache=cache)
            made(app)
            for name, view in app.view_functions.items() if how == "views" else ():
                app.view_functions[name] = afresh.cached(view)
            answered, hits = answers(app, paths)
            found.append(answered)
    for got, expected in zip(found[1], found[0], strict=True):
        assert got == expected
    if cached == "pages":
        assert hits > 0 or (which, sessions) == ("session_id", "memory://")
