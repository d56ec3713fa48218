"""The middleware around WSGI applications: lists, generators, `write()`, threads."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO, StringIO
from wsgiref.validate import validator

import pytest
from http_world import Answered

from afresh import Cache, tag
from afresh.wsgi import CacheMiddleware
from sizes import seed, size


def environ_of(path="/", method="GET", query="", **headers):
    fields = {"HTTP_" + name.upper(): value for name, value in {"host": "example.org", **headers}.items()}
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "example.org",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": BytesIO(),
        "wsgi.errors": StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **fields,
    }


def ask(app, path="/", checked=True, **asked):
    """One request, by the letter of PEP 3333 on both sides."""
    sent = {}
    written = []

    def start_response(line, headers, exc_info=None):
        sent["status"] = int(line[:3])
        sent["headers"] = [(name.lower().encode(), value.encode()) for name, value in headers]
        return written.append

    environ = environ_of(path, **asked)
    pieces = (validator(app) if checked else app)(environ, start_response)
    try:
        content = b"".join(pieces)
    finally:
        if hasattr(pieces, "close"):
            pieces.close()
    return Answered(sent["status"], sent["headers"], b"".join(written) + content)


class Application:
    """Counts its calls; answers with pieces of content in the way that it is told to."""

    def __init__(self, way="list", content=None, line="200 OK", **headers):
        self.calls = 0
        self.closed = 0
        self.ended = 0
        self.way = way
        self.content = content
        self.line = line
        self.headers = [("Content-Type", "text/plain")]
        self.headers += [(name.replace("_", "-"), value) for name, value in headers.items()]

    def __call__(self, environ, start_response):
        self.calls += 1
        pieces = self.content(self.calls) if self.content else [b"a", b"%d" % self.calls]
        if self.way == "late":
            return self.late(pieces, start_response)
        write = start_response(self.line, self.headers)
        if self.way == "write":
            for piece in pieces:
                write(piece)
            return []
        return pieces if self.way == "list" else self.generator(pieces)

    def late(self, pieces, start_response):
        start_response(self.line, self.headers)
        yield from self.generator(pieces)

    def generator(self, pieces):
        try:
            yield from pieces
            self.ended += 1
        finally:
            self.closed += 1


@pytest.mark.parametrize("way", ["list", "generator", "late", "write"])
def test_a_fresh_answer_is_given_again(cache, clock, way):
    inner = Application(way, Cache_Control="max-age=60")
    app = CacheMiddleware(inner, cache=cache)
    assert [ask(app).text for _ in range(3)] == ["a1", "a1", "a1"]
    assert ask(app).hit
    clock.advance(60)
    assert ask(app).text == "a2"
    assert inner.closed == inner.ended == (0 if way in {"list", "write"} else 2)


@pytest.mark.parametrize("way", ["list", "generator", "late", "write"])
def test_what_may_not_be_stored_passes(cache, way):
    inner = Application(way, Cache_Control="private")
    app = CacheMiddleware(inner, cache=cache)
    assert [ask(app).text for _ in range(3)] == ["a1", "a2", "a3"]


def test_a_whole_answer_is_stored_before_its_last_byte(cache):
    """Who has all of it and asks again must not find the application asked again."""
    inner = Application("generator", Cache_Control="max-age=60", Content_Length="2")
    app = CacheMiddleware(inner, cache=cache)
    environ = environ_of()
    pieces = app(environ, lambda line, headers: None)
    assert [next(pieces), next(pieces)] == [b"a", b"1"]
    assert ask(app).text == "a1"  # the first is not ended yet
    assert list(pieces) == []
    pieces.close()
    assert inner.ended == 1


def test_what_content_reads_is_seen_and_no_neighbour_is(cache):
    def content(calls):
        cache.depends_on(tag("late"))
        yield b"%d" % calls

    inner = Application("generator", content, Cache_Control="max-age=60")
    app = CacheMiddleware(inner, cache=cache)
    assert [ask(app).text for _ in range(2)] == ["1", "1"]
    cache.depends_on(tag("neighbour"))
    cache.invalidate(tag("neighbour"))
    assert ask(app).text == "1"
    cache.invalidate(tag("late"))
    assert ask(app).text == "2"


def test_many_threads_are_one_run(cache):
    held = threading.Event()

    def content(calls):
        held.wait(10)
        return [b"%d" % calls]

    inner = Application("list", content, Cache_Control="max-age=60")
    app = CacheMiddleware(inner, cache=cache)
    with ThreadPoolExecutor(20) as threads:
        asked = [threads.submit(ask, app, checked=False) for _ in range(20)]
        held.set()
        assert {each.result(20).text for each in asked} == {"1"}
    assert inner.calls == 1


def test_a_server_that_gives_up_lets_others_go_on(cache):
    inner = Application("generator", Cache_Control="max-age=60")
    app = CacheMiddleware(inner, cache=cache)
    environ = environ_of()
    pieces = app(environ, lambda line, headers: None)
    next(pieces)
    pieces.close()
    assert inner.closed == 1
    assert [ask(app).text for _ in range(2)] == ["a2", "a2"]


def test_an_exception_passes_unchanged(cache):
    def content(calls):
        if calls == 1:
            raise LookupError("no such thing")
        return [b"%d" % calls]

    app = CacheMiddleware(Application("list", content, Cache_Control="max-age=60"), cache=cache)
    with pytest.raises(LookupError, match="no such thing"):
        ask(app)
    assert [ask(app).text for _ in range(2)] == ["2", "2"]


def test_an_exception_is_answered_by_what_is_stale(cache, clock):
    def content(calls):
        if calls > 1:
            raise OSError("no database")
        return [b"%d" % calls]

    app = CacheMiddleware(
        Application("list", content, Cache_Control="max-age=60, stale-if-error=60"), cache=cache
    )
    ask(app)
    clock.advance(61)
    assert ask(app).text == "1"


def test_the_head_of_an_error_page_replaces_the_first_one(cache):
    def inner(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain"), ("Cache-Control", "max-age=60")])
        try:
            raise LookupError("late")
        except LookupError:
            import sys

            start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())
        return [b"sorry"]

    app = CacheMiddleware(inner, cache=cache)
    for _ in range(2):
        answered = ask(app)
        assert (answered.status, answered.text, answered.hit) == (500, "sorry", False)


def test_conditions_are_answered_from_the_cache(cache):
    app = CacheMiddleware(Application(Cache_Control="max-age=60"), cache=cache)
    etag = ask(app).get("etag")
    assert ask(app, if_none_match=etag, checked=False).status == 304
    assert ask(app, range="bytes=1-1").text == "1"
    head = ask(app, method="HEAD")
    assert (head.body, head.get("content-length")) == (b"", "2")


def test_the_application_sees_the_request_as_it_is_sent_on(cache):
    seen = []

    def inner(environ, start_response):
        seen.append({name: value for name, value in environ.items() if name.startswith("HTTP_")})
        start_response(
            "200 OK", [("Content-Type", "text/plain"), ("Cache-Control", "max-age=60"), ("ETag", '"a"')]
        )
        return [b"x"]

    app = CacheMiddleware(inner, cache=cache)
    assert ask(app, if_none_match='"a"', user_agent="x", checked=False).status == 304
    assert seen == [{"HTTP_HOST": "example.org", "HTTP_USER_AGENT": "x"}]


def test_an_encoded_slash_is_no_slash(cache):
    inner = Application(Cache_Control="max-age=60")
    app = CacheMiddleware(inner, cache=cache)

    def raw(uri):
        def wrapped(environ, start_response):
            return app({**environ, "RAW_URI": uri}, start_response)

        return ask(wrapped, "/a/b", checked=False).text

    assert [raw("/a/b"), raw("/a%2Fb"), raw("/a/b"), raw("/a%2Fb?x")] == ["a1", "a2", "a1", "a2"]


def test_what_is_stale_is_refreshed_when_it_is_sent(cache, clock, monkeypatch):
    app = CacheMiddleware(Application(Cache_Control="max-age=60, stale-while-revalidate=60"), cache=cache)
    jobs = []
    monkeypatch.setattr(app._runtime, "spawn", jobs.append)
    ask(app)
    clock.advance(61)
    assert [ask(app).text, len(jobs)] == ["a1", 1]
    from afresh.runtime.drive import drive

    drive(jobs[0](app._runtime))
    assert ask(app).text == "a2"


def test_the_short_way_answers_as_the_whole_way(clock, monkeypatch):
    """Two caches alike, one without the short way, asked the same."""
    chance = random.Random(seed())
    caches = [Cache("memory://", clock=clock) for _ in range(2)]
    answers = [{"Cache_Control": "max-age=10"}, {"Cache_Control": "public, max-age=10"}]
    answers += [{"Cache_Control": "max-age=10", "Vary": "Accept-Language"}, {"Cache_Control": "private"}]
    apps = []
    for cache in caches:
        inner = [Application(**headers) for headers in answers]

        def choose(environ, start_response, inner=inner):
            return inner[int(environ["PATH_INFO"][1:])](environ, start_response)

        apps.append(CacheMiddleware(choose, cache=cache))
    monkeypatch.setattr(apps[1]._quick, "_places", Nothing())
    sent = [
        {},
        {},
        {"accept_language": "de"},
        {"cookie": "a=1"},
        {"range": "bytes=0-0"},
        {"if_none_match": "*"},
    ]
    sent += [{"cache_control": "no-cache"}, {"x_forwarded_host": "evil.example"}, {"host": "other.example"}]
    for _ in range(size(1_000, 50_000)):
        if chance.random() < 0.03:
            clock.advance(chance.choice([1, 11]))
        path, headers = f"/{chance.randrange(len(answers))}", chance.choice(sent)
        method = chance.choices(["GET", "HEAD", "POST"], [20, 1, 1])[0]
        one, other = [ask(app, path, method=method, checked=False, **headers) for app in apps]
        assert one == other, (path, method, headers)
    assert apps[0]._quick._places
    for cache in caches:
        cache.close()


class Nothing(dict):
    """Forgets what it is given."""

    def __setitem__(self, key, value):
        pass
