"""Cached views and functions, without pages: what is kept is for whom it is right."""

from __future__ import annotations

import asyncio

import pytest
from flask import Flask, Response, abort, render_template_string, request, session
from flask.sessions import SessionInterface, SessionMixin
from flask.views import MethodView

from afresh import Cache, ConfigurationError, tag
from afresh.flask import Afresh


@pytest.fixture(params=[False, True], ids=["views", "pages"])
def site(request):
    """An application, its extension, and a list of what ran."""
    app = Flask("views")
    app.config.update(SECRET_KEY="s", AFRESH_PAGES=request.param)
    with Cache("memory://") as cache:
        app.afresh, app.ran = Afresh(app, cache=cache), []
        yield app


def texts(app, *paths, **sent):
    client = app.test_client()
    return [client.get(path, **sent).text for path in paths]


def test_a_view_runs_once_for_each_url(site):
    @site.get("/shelf/<int:number>")
    @site.afresh.cached(ttl="1h")
    def shelf(number):
        site.ran.append(number)
        return f"shelf {number} {request.args.get('page')}"

    assert texts(site, "/shelf/1", "/shelf/1", "/shelf/2", "/shelf/1?page=2") == [
        "shelf 1 None", "shelf 1 None", "shelf 2 None", "shelf 1 2",
    ]  # fmt: skip
    assert site.ran == [1, 2, 1]


def test_what_a_view_reads_of_the_request_is_in_its_key(site):
    @site.get("/")
    @site.afresh.cached
    def home():
        site.ran.append(1)
        return (
            f"{session.get('name', 'nobody')} {request.cookies.get('theme')} {request.headers.get('X-Name')}"
        )

    @site.post("/login/<name>")
    def login(name):
        session["name"] = name
        return ""

    ann, crawler = site.test_client(), site.test_client()
    ann.post("/login/ann")
    for _ in range(2):
        assert ann.get("/").text == "ann None None"
        assert crawler.get("/").text == "nobody None None"
        assert crawler.get("/", headers={"X-Name": "x"}).text == "nobody None x"
    crawler.set_cookie("theme", "dark")
    assert crawler.get("/").text == "nobody dark None"
    assert len(site.ran) == 4


def test_whoever_asks_gets_an_answer_of_his_own(site):
    @site.get("/")
    @site.afresh.cached
    def home():
        return {"price": 7}, 201, {"X-Made": "yes"}

    @site.after_request
    def count(response):
        response.headers.add("X-Count", "1")
        return response

    client = site.test_client()
    for _ in range(3):
        answer = client.get("/")
        assert (answer.json, answer.status_code, answer.headers["X-Made"]) == ({"price": 7}, 201, "yes")
        assert answer.headers.getlist("X-Count") == ["1"]


@pytest.mark.parametrize("body", ["grün — 漢字 \N{OLD PERSIAN SIGN A}", b"\x00\xff\r\n\n{}", ""])
def test_any_content_comes_back_as_it_was(site, body):
    @site.get("/")
    @site.afresh.cached
    def home():
        site.ran.append(1)
        return body

    client = site.test_client()
    expected = body.encode() if isinstance(body, str) else body
    assert [client.get("/").data for _ in range(2)] == [expected] * 2
    assert site.ran == [1]


def test_what_is_one_visitors_is_not_kept(site):
    @site.get("/cookie")
    @site.afresh.cached
    def cookie():
        site.ran.append("cookie")
        response = Response("x")
        response.set_cookie("a", "b")
        return response

    @site.get("/private")
    @site.afresh.cached
    def private():
        site.ran.append("private")
        return Response("x", headers={"Cache-Control": "private"})

    @site.get("/missing")
    @site.afresh.cached
    def missing():
        site.ran.append("missing")
        abort(403)

    @site.get("/stream")
    @site.afresh.cached
    def stream():
        site.ran.append("stream")
        return Response(iter(["a", "b"]), headers={"Cache-Control": "no-store"})

    for path in ("/cookie", "/private", "/missing", "/stream"):
        site.ran.clear()
        first, second = texts(site, path, path)
        assert first == second
        assert site.ran == [path[1:]] * 2


def test_other_methods_reach_the_view(site):
    @site.route("/", methods=["GET", "POST"])
    @site.afresh.cached
    def home():
        site.ran.append(request.method)
        return request.method

    client = site.test_client()
    assert [client.post("/").text, client.get("/").text, client.post("/").text] == ["POST", "GET", "POST"]
    assert site.ran == ["POST", "GET", "POST"]


def test_a_method_of_a_class_is_a_view(site):
    class Home(MethodView):
        @site.afresh.cached
        def get(self):
            site.ran.append(1)
            return session.get("name", "nobody")

    site.add_url_rule("/", view_func=Home.as_view("home"))
    assert texts(site, "/", "/") == ["nobody", "nobody"]
    assert site.ran == [1]


def test_functions_are_kept_by_their_arguments(site):
    @site.afresh.cached(ttl="1h", tags=lambda number: [tag(f"n{number}")])
    def twice(number):
        site.ran.append(number)
        return number * 2

    @site.get("/<int:number>")
    def show(number):
        return str(twice(number))

    assert texts(site, "/1?a", "/1?b", "/2") == ["2", "2", "4"]
    assert twice(1) == 2
    assert site.ran == [1, 2]
    site.afresh.cache.invalidate(tag("n1"))
    assert (twice(1), twice(2)) == (2, 4)
    twice.invalidate(2)
    twice(2)
    assert site.ran == [1, 2, 1, 2]
    assert twice.uncached(3) == 6


def test_a_view_may_say_what_it_depends_on(site):
    @site.get("/shelf/<int:number>")
    @site.afresh.cached(ttl="1h", tags=lambda number: tag(f"shelf {number}"))
    def shelf(number):
        site.ran.append(number)
        return Response("goods", headers={"Cache-Control": "no-cache"})

    texts(site, "/shelf/1", "/shelf/2", "/shelf/1")
    site.afresh.cache.invalidate(tag("shelf 1"))
    texts(site, "/shelf/1", "/shelf/2")
    assert site.ran == [1, 2, 1]


def test_a_function_that_reads_the_request_is_kept_for_nobody(site):
    @site.afresh.memoize
    def greeting():
        site.ran.append(1)
        return f"hello {session.get('name', 'nobody')}"

    @site.get("/")
    def home():
        return Response(greeting(), headers={"Cache-Control": "no-store"})

    @site.post("/login/<name>")
    def login(name):
        session["name"] = name
        return ""

    ann, crawler = site.test_client(), site.test_client()
    ann.post("/login/ann")
    assert [each.get("/").text for each in (ann, crawler, ann)] == ["hello ann", "hello nobody", "hello ann"]
    assert len(site.ran) == 3


def test_coroutine_functions(site):
    @site.afresh.cached
    async def twice(number):
        site.ran.append(number)
        return number * 2

    async def both():
        return [await twice(1), await twice(1)]

    assert asyncio.run(both()) == [2, 2]
    assert site.ran == [1]


def test_a_view_that_is_a_coroutine(site):
    @site.get("/")
    @site.afresh.cached
    async def home():
        site.ran.append(1)
        return "async"

    assert texts(site, "/", "/") == ["async", "async"]
    assert site.ran == [1]


def test_fragments_of_templates(site):
    def shelf():
        site.ran.append(1)
        return "goods"

    @site.get("/")
    def home():
        text = render_template_string(
            "{% cache 'shelf', ttl='1h' %}{{ shelf() }}{% endcache %}!", shelf=shelf
        )
        return Response(text, headers={"Cache-Control": "no-store"})

    assert texts(site, "/", "/") == ["goods!", "goods!"]
    assert site.ran == [1]


def test_options_that_answers_have_not_are_refused(site):
    site.testing = True

    @site.get("/")
    @site.afresh.cached(early=1.0)
    def home():
        return ""

    with pytest.raises(ConfigurationError, match="early= is not for views"):
        site.test_client().get("/")


def test_before_init_app_there_is_no_cache():
    afresh = Afresh()

    @afresh.cached
    def early():
        return 1

    with pytest.raises(RuntimeError, match="init_app"):
        early()


class Plain(dict, SessionMixin):
    """A session that doesn't keep count of its changes."""


class InMemory(SessionInterface):
    def __init__(self):
        self.all = {}

    def open_session(self, app, request):
        return Plain(self.all.get(request.cookies.get("id"), {}))

    def save_session(self, app, session, response):
        self.all["x"] = dict(session)
        response.set_cookie("id", "x")


@pytest.mark.parametrize("interface", [None, InMemory()], ids=["cookie", "plain"])
@pytest.mark.parametrize(
    "change",
    [
        lambda: session.update(a=1),
        lambda: session.__setitem__("a", 1),
        lambda: session.setdefault("a", 1),
        lambda: session.clear(),
        lambda: session.pop("there"),
        lambda: session.__delitem__("there"),
        lambda: setattr(session, "modified", True),
    ],
)
def test_a_view_that_changes_the_session_is_kept_for_nobody(site, interface, change):
    if interface is not None:
        site.session_interface = interface

    @site.get("/")
    @site.afresh.cached
    def home():
        site.ran.append(1)
        change()
        return "home"

    @site.post("/begin")
    def begin():
        session["there"] = True
        return ""

    client = site.test_client()
    for _ in range(2):
        client.post("/begin")
        client.get("/")
    assert site.ran == [1, 1]


@pytest.mark.parametrize(
    "look",
    [
        lambda: list(session),
        lambda: dict(session),
        lambda: len(session),
        lambda: session.items(),
        lambda: session == {"name": "ann"},
        lambda: "name" in session,
        lambda: session["name"] if session else "",
    ],
)
def test_however_a_session_is_looked_at_it_is_noticed(site, look):
    @site.get("/")
    @site.afresh.cached
    def home():
        return str(look())

    @site.post("/login/<name>")
    def login(name):
        session["name"] = name
        return ""

    ann, crawler = site.test_client(), site.test_client()
    ann.post("/login/ann")
    assert (ann.get("/").text == crawler.get("/").text) is False
